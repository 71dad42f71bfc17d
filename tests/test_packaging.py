"""The wheel has all that `voxy` needs: the code, the page, and the looks of the private desktop."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_wheel_has_the_page_and_the_desktop_inside(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", str(ROOT)]
    subprocess.run([*command, "--wheel-dir", str(tmp_path)], check=True, capture_output=True, timeout=50)
    (wheel,) = tmp_path.glob("voxy-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for file in (ROOT / "static").rglob("*"):
        if file.is_file():
            assert f"voxy/static/{file.relative_to(ROOT / 'static')}" in inside
    for file in (ROOT / "voxy").rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert str(file.relative_to(ROOT)) in inside
    assert any(name.endswith("entry_points.txt") for name in inside)
    assert any(name.endswith("LICENSE") for name in inside)
