"""VNC servers as sources of pixels."""
