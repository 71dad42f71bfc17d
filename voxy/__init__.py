"""VoXY brings a desktop into any web browser, with nothing installed there."""

__version__ = "0.1.0"
