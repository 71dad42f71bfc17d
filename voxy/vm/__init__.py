"""QEMU machines that travel between hosts."""
