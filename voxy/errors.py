"""Everything that can go wrong through others' doing; our own mistakes are assertions.

VoxyError
├── ConfigError          an option, a key of the file or a variable that can't be used
├── SourceError
│   ├── SourceUnavailable  no pixels to be had now: try again later
│   └── SourceLost         the connection that gave pixels is gone: open it anew
├── AccessError          a user, session or invitation that isn't there or can't be kept
├── MachineError         a virtual machine that can't be, or can't do what is asked now
│   ├── MachineBusy        something else is being done with it
│   └── GuestLost          QEMU ended, or doesn't answer
├── ProtocolError        a viewer's message that breaks the protocol; carries the close code
└── AuthError            a viewer that may not come in; carries the HTTP status

The text of each is one sentence that names the thing and the remedy: it is shown to people.
"""


class VoxyError(Exception):
    """Base of every error that VoXY raises on purpose."""


class ConfigError(VoxyError):
    """A setting that can't be used."""


class SourceError(VoxyError):
    """A source of pixels that doesn't give any."""


class SourceUnavailable(SourceError):
    """The source can't be opened now; opening it later may work."""


class SourceLost(SourceError):
    """The source was open and is gone; it must be opened anew."""


class AccessError(VoxyError):
    """A user, session or invitation that isn't there, or can't be kept."""


class MachineError(VoxyError):
    """A virtual machine that can't be, or can't do what is asked now."""


class MachineBusy(MachineError):
    """Something else is being done with a machine now."""


class GuestLost(MachineError):
    """The QEMU of a machine has ended, or doesn't answer."""


class ProtocolError(VoxyError):
    """A message that breaks the wire protocol; the connection ends with `close_code`."""

    def __init__(self, reason: str, close_code: int = 4400) -> None:
        super().__init__(reason)
        self.close_code = close_code


class AuthError(VoxyError):
    """A request that may not pass; it is answered with the HTTP `status`, and when to come again, in seconds."""

    def __init__(self, reason: str, status: int, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after
