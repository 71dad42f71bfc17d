"""Pixels to update operations: numpy and codecs only, no I/O, no clock."""
