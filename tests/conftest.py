"""What all tests have in common: nothing of theirs is left in the home of whoever runs them."""

import os
import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def state() -> Iterator[None]:
    """A folder of their own for users, sessions and certificates."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_STATE_HOME", folder)
        yield
