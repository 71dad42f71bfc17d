"""A desktop in JupyterLab and JupyterHub, by way of jupyter-server-proxy, which finds this by its entry point.

Jupyter says who may come in, and is the only one that reaches the socket, in a folder of its user's: there VoXY asks
for nothing more. What Jupyter is called is not known here, so that any name will do.
"""

import sys
from typing import Any

_START_S = 20


def desktop() -> dict[str, Any]:
    """What jupyter-server-proxy needs to know to start VoXY with the first visitor of /voxy/."""
    program = [sys.executable, "-c", "from voxy.cli import main; main()", "serve"]
    # Braces are jupyter-server-proxy's own.
    where = ["--listen", "unix:{unix_socket}", "--trusted-proxy", "unix", "--host-name", "*"]
    return {
        "command": [*program, *where, "--auth", "none"],
        "unix_socket": True,
        "timeout": _START_S,
        "launcher_entry": {"title": "Desktop"},
        "new_browser_tab": True,
    }
