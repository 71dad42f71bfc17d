from collections.abc import Iterator

import pytest

from tests.xservers import XServer, xvfb
from voxy.blocks import Size


@pytest.fixture(scope="module")
def server() -> Iterator[XServer]:
    """One Xvfb for all tests of a module."""
    with xvfb(Size(1366, 768)) as running:
        yield running
