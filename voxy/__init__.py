"""VoXY brings a desktop into any web browser, with nothing installed there."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp.web import Application

    from voxy.config import Config

__version__ = "0.1.0"


def create_app(config: "Config") -> "Application":
    """VoXY as an aiohttp application, to be mounted: `root.add_subapp("/desktops/", voxy.create_app(config))`.

    It starts its desktop at the startup and ends it at the cleanup; ConfigError says what can't be used, here or then.
    """
    # What asks for the version only, as a build does, has none of what is needed here.
    from voxy.serve import create_app

    return create_app(config)
