"""nginx, Apache and Caddy in front of VoXY, with the samples of docs/proxies as they are but for the addresses."""

import asyncio
import contextlib
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "docs" / "proxies"
_SAMPLES = {"nginx": "nginx.conf", "apache2": "apache.conf", "caddy": "Caddyfile"}
_START_S = 10

_NGINX = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {sample}
    }}
}}
"""

_APACHE = """
ServerRoot {folder}
PidFile {folder}/pid
ErrorLog /dev/stderr
ServerName localhost
Listen 127.0.0.1:{port}
{modules}
{sample}
"""
_CADDY = """
{{
	admin off
	auto_https off
}}
http://:{port} {{
	bind 127.0.0.1
	{sample}
}}
"""
_MODULES = ("mpm_event", "authz_core", "alias", "headers", "proxy", "proxy_http")
_MODULE_FOLDER = Path("/usr/lib/apache2/modules")


def missing(proxy: str) -> str:
    """The program that this proxy needs and this machine lacks; empty if it is there."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return "" if shutil.which(proxy, path=path) else proxy


@contextlib.asynccontextmanager
async def proxying(proxy: str, folder: Path, server: str, path: str = "/desktops") -> AsyncIterator[int]:
    """Run `nginx`, `apache2` or `caddy` before the VoXY that listens at `server`; gives the port.

    `path` is where the sample says /desktops.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "proxy.conf"
    sample = (SAMPLES / _SAMPLES[proxy]).read_text().replace("/desktops", path)
    if proxy == "nginx":
        sample = sample.replace("unix:/run/voxy/voxy.sock", server)
        configuration.write_text(_NGINX.format(folder=folder, port=port, sample=sample))
        command = ["nginx", "-c", str(configuration), "-e", "stderr"]
    elif proxy == "caddy":
        sample = sample.replace("unix//run/voxy/voxy.sock", server.replace("unix:", "unix/"))
        configuration.write_text(_CADDY.format(port=port, sample=sample))
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(configuration)]
    else:
        sample = sample.replace("127.0.0.1:8080", server)
        modules = "\n".join(f"LoadModule {name}_module {_MODULE_FOLDER}/mod_{name}.so" for name in _MODULES)
        configuration.write_text(_APACHE.format(folder=folder, port=port, sample=sample, modules=modules))
        command = ["apache2", "-X", "-f", str(configuration)]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, cwd=folder
    )
    try:
        await _until_open(port, process)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _until_open(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_START_S):
        while True:
            assert process.returncode is None, (await process.communicate())[1].decode()
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return await writer.wait_closed()
            await asyncio.sleep(0.02)
