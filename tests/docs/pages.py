"""Following a page of the documentation to the letter: files are written, commands run, what they print is compared.

On a page

- a ``{code-block}`` with a ``:caption:`` is a file of that name, or, with a section behind the name
  (``crm.toml [plugins]``), what that section of it says from now on;
- a ``console`` block holds commands, each behind ``$``, and what they print: ``…`` stands for anything within a line,
  a line ``...`` for any lines; runs of spaces and of ``─`` may be longer or shorter;
- ``<!-- exit code 1 -->`` in front of a block says how its last command ends;
- ``<!-- not run: why -->`` in front of a block keeps it from being run;
- a ``python`` block is run by sybil; a ``text`` or ``toml`` block is nothing to be run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

__all__ = ["Command", "File", "Reader", "blocks", "is_shown", "make_environment"]

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n+)?^(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_LEFT_ALONE = ("python", "text", "toml")
_CAPTION = re.compile(r":caption: (?P<path>[^\s\[]+)(?: \[(?P<section>[^\]]+)\])?\n")


@attrs.frozen
class File:
    """A file that the page shows, or one section of it."""

    path: str
    section: str | None
    text: str


@attrs.frozen
class Command:
    """A command, what the page says that it prints, and how it ends."""

    text: str
    printed: tuple[str, ...] = ()
    code: int = 0


def blocks(text: str) -> Iterator[File | Command]:
    """Yield the files and commands of a page, in order.

    Raises:
        ValueError: a block of code is neither, and nothing says why.
    """
    for found in _BLOCK.finditer(text):
        info, mark = found["info"].strip(), found["mark"] or ""
        if mark.startswith("not run"):
            continue
        if info == "console":
            yield from _commands(found["body"], int(mark.removeprefix("exit code ") or 0))
        elif info.startswith("{code-block}"):
            yield _file(found["body"])
        elif not info.startswith("{") and info not in _LEFT_ALONE:
            raise ValueError(f"this block is neither a file nor commands: {found[0]}")


def _file(body: str) -> File:
    caption = _CAPTION.match(body)
    if caption is None:
        raise ValueError(f"no caption names the file: {body}")
    options = re.compile(r"(?::[\w-]+:[^\n]*\n)*\n?").match(body)
    assert options is not None
    return File(caption["path"], caption["section"], body[options.end() :])


def _commands(body: str, code: int) -> Iterator[Command]:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    if parts[0].strip():
        raise ValueError(f"this is printed before any command: {parts[0]}")
    for place, part in enumerate(parts[1:], 1):
        command, *printed = part.rstrip().split("\n")
        while command.endswith("\\"):
            command = f"{command}\n{printed.pop(0)}"
        yield Command(command, tuple(printed), code if place == len(parts) - 1 else 0)


def is_shown(printed: tuple[str, ...], output: str) -> bool:
    """Return whether *output* is what a page says that is *printed*; a page that says nothing is always right."""
    if not printed:
        return True
    lines = "".join(f"{line.rstrip()}\n" for line in output.strip("\n").split("\n"))
    return re.fullmatch("".join(map(_pattern, printed)), lines) is not None


def _pattern(line: str) -> str:
    if line == "...":
        return r"(?:.*\n)*?"
    text = re.sub(r"(?:\\ ){2,}", r" +", re.escape(line.rstrip()))
    return re.sub("─+", "─+", text).replace("…", ".*?") + r"\n"


class Reader:
    """Somebody who does what a page says, in an empty folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str], replaced: Mapping[str, str] | None = None) -> None:
        """Begin in *folder*; what the page calls by one name and this machine by another is *replaced*."""
        self._state, self.folder, self._replaced = folder / ".reader", folder / "home", replaced or {}
        self._state.mkdir()
        self.folder.mkdir()
        self._environ = {**environ, "HOME": str(self.folder)}
        self._keep("cwd", str(self.folder))
        self._keep("env", "")

    def _keep(self, name: str, text: str) -> None:
        (self._state / name).write_text(text, "utf-8")

    @property
    def cwd(self) -> Path:
        """Where the reader stands."""
        return Path((self._state / "cwd").read_text("utf-8").rstrip("\n"))

    def follow(self, text: str) -> None:
        """Do everything that a page says; fail where something else happens than it says."""
        for block in blocks(text):
            if isinstance(block, File):
                self.write(block)
            else:
                self.do(block)

    def write(self, file: File) -> None:
        """Write a file, or a section of it."""
        path = self.cwd / file.path
        text = self._here(file.text)
        if file.section is not None:
            old = path.read_text("utf-8")
            section = re.compile(rf"^\[{re.escape(file.section)}\]\n.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
            text, count = section.subn(lambda _found: f"{text}\n", old)
            assert count == 1, f"{path} has no section [{file.section}]"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def do(self, command: Command) -> None:
        """Run *command* and compare what it prints."""
        code, output = self.run(command.text)
        told = f"$ {command.text}\n{output}"
        assert code == command.code, f"ended with {code}, not {command.code}:\n{told}"
        if not is_shown(tuple(map(self._here, command.printed)), output):
            raise AssertionError("the page says:\n" + "\n".join(command.printed) + f"\n\nbut this happens:\n{told}")

    def run(self, command: str) -> tuple[int, str]:
        """Return the exit code of *command* and everything that it prints."""
        script = (
            f'cd "$(cat {self._state}/cwd)" && . {self._state}/env\n{self._here(command)}\n'
            f"code=$?; pwd > {self._state}/cwd; export -p > {self._state}/env; exit $code\n"
        )
        done = subprocess.run(
            ["bash", "-c", script],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout

    def _here(self, text: str) -> str:
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text


# Settings of another CRM and of the tests; and what would compile every module again at every command.
_LEFT_OUT = ("CRM_", "DATABASE_URL", "LC_", "PYTEST", "PYTHON", "VIRTUAL_ENV")
_PROGRAMS = {
    "crmkit": "from crmkit.cli import main\nmain()",
    "pip": "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())",
    "pytest": "import sys\nfrom pytest import main\nsys.exit(main())",
}


def make_environment(folder: Path) -> dict[str, str]:
    """Make a virtual environment in *folder* that has what this one has, and return what its shell knows.

    A package that is installed there is not seen here. Nothing is fetched.
    """
    place = folder / "venv"
    venv.create(place, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(place), "platbase": str(place)}))
    here = sysconfig.get_path("purelib")
    (site / "shared.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    for name, code in _PROGRAMS.items():
        program = place / "bin" / name
        program.write_text(f"#!{place}/bin/python\n{code}\n")
        program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {
        **kept,
        "PATH": f"{place}/bin{os.pathsep}{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        # Whoever reads the page has a network; a test has none, and takes hatchling from its own environment.
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
