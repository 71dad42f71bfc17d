"""What foreign hosts need: QEMUs that are not this host's."""

from collections.abc import Iterator

import pytest

from tests.foreign.windows import windows_qemu, wine
from tests.vm.packages import Missing, newer_qemu


@pytest.fixture(scope="session")
def windows() -> Iterator[str]:
    """The Windows build, under wine."""
    try:
        program = windows_qemu()
    except Missing as missing:
        pytest.skip(str(missing))
    with wine():
        yield str(program)


@pytest.fixture(scope="session")
def newer() -> str:
    """The QEMU of Debian's backports."""
    try:
        return str(newer_qemu())
    except Missing as missing:
        pytest.skip(str(missing))
