"""Where the processor time of a request goes: stacks of the server, sampled while it is asked by one client.

A sample belongs to the innermost frame of which :data:`PARTS` knows something. Looking at another process takes the
rights of an administrator, or Linux with ``kernel.yama.ptrace_scope`` 0.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.http.client import Client
from benchmarks.http.serving import Running, running
from benchmarks.http.tokens import token_of
from benchmarks.rows.questions import Question, questions
from benchmarks.world.customers import with_customers
from benchmarks.world.opening import World

__all__ = ["PARTS", "SECONDS", "shares", "table"]

#: Parts of the work, and how the files begin or end that do it; the first that fits counts.
PARTS: Mapping[str, tuple[str, ...]] = {
    "log and metrics of the request": ("crmkit/observing/", "/logging/"),
    "authentication, `Host`, limits": ("rest/recalling.py", "rest/identities.py", "rest/limits.py", "crmkit/auth/"),
    "SQL": ("storage/prepared.py", "psycopg/", "psycopg_binary/", "sqlalchemy/engine/cursor.py", "sqlalchemy/sql/"),
    "connection, transaction, commit": ("storage/engines.py", "storage/held.py", "sqlalchemy/"),
    "records as JSON objects, and JSON": ("core/representing/", "rest/replies.py", "<made>"),
    "reader, writer and door": ("crmkit/",),
    "framework, hand-over to a thread and back": (
        "litestar/", "granian/", "asyncio/", "concurrent/", "threading.py", "uvloop", "anyio/", "contextlib.py",
    ),
}  # fmt: skip
# The innermost frame of a thread that waits: where processors are scarce, some of these are taken for busy.
_WAITING = re.compile(r"process |(.*\.)?(_worker|select|wait|poll) \(")
_OTHER = "the rest"
_SERVER = "HTTP, outside Python"
#: For how many seconds each question is asked.
SECONDS = 10
_RATE, _SLICE = 500, 200


def shares(world: World) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Yield the name of each question, and the share of each part in the processor time of its answer.

    Raises:
        RuntimeError: the server must not be looked at.
    """
    with with_customers(world, alone=True):
        pass
    authorization = {"authorization": f"Bearer {token_of(world, world.people.salesperson)}"}
    with running("crmkit", str(world.crm.config.database.url)) as server:
        client = Client(server.port, authorization)
        for question in questions(world):
            client.ask_many(question.ours, _SLICE, 1)
            yield question.name, _sampled(server, client, question)


def _sampled(server: Running, client: Client, question: Question) -> Mapping[str, float]:
    with TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        sampling = subprocess.Popen(
            [
                *(str(Path(sysconfig.get_path("scripts")) / "py-spy"), "record", "--pid", str(server.process)),
                *("--subprocesses", "--full-filenames", "--format", "raw", "--output", str(stacks)),
                *("--rate", str(_RATE), "--duration", str(SECONDS)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        before, end = server.processor, monotonic() + SECONDS
        while monotonic() < end:
            client.ask_many(question.ours, _SLICE, 1)
        taken = server.processor - before
        _told, problem = sampling.communicate()
        if sampling.returncode:
            raise RuntimeError(f"py-spy must not look at the server: {problem.strip()}")
        found = _parts(stacks.read_text("utf-8"))
    sampled = found.total() / _RATE
    found[_SERVER] = max(round((taken - sampled) * _RATE), 0)
    return {part: number / found.total() for part, number in found.items()}


def _parts(stacks: str) -> Counter[str]:
    """Return how many samples belong to each part; a line is frames, the outermost first, and a number."""
    found = Counter[str]()
    for line in stacks.splitlines():
        stack, _space, number = line.rpartition(" ")
        frames = stack.split(";")
        if not _WAITING.match(frames[-1]):
            found[_part(frames)] += int(number)
    return found


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        for part, places in PARTS.items():
            if any(place in frame for place in places):
                return part
    return _OTHER


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Return the shares as Markdown, a column for each question."""
    rows = [["", *found], ["-", *("-:" for _name in found)]]
    for part in (_SERVER, *list(PARTS)[::-1], _OTHER):
        rows.append([part, *(f"{each.get(part, 0):.0%}" for each in found.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
