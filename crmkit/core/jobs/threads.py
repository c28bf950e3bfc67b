"""Threads that run handlers, and a deadline for each: who misses it is left alone, and another takes the place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic

import attrs

from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.errors import TimeLimitError
from crmkit.core.jobs.lease import Lease

__all__ = ["Task", "Threads"]

_SOON, _TOGETHER = 0.05, 0.01


@attrs.define(eq=False)
class Task:
    """Work for a thread, one of its own if it is done *aside*: *call* runs the handler, which may take *seconds*.

    *error* is why it failed.
    """

    lease: Lease
    context: WorkContext
    call: Callable[[], object]
    seconds: float
    aside: bool = False
    deadline: float | None = None
    is_over: bool = False
    error: BaseException | None = None


class Threads:
    """As many threads as are to work at once. Nothing can stop a thread that hangs; it ends with the process."""

    def __init__(self, number: int) -> None:
        """Start *number* threads when there is work."""
        self.number = number
        self._todo: SimpleQueue[Task | None] = SimpleQueue()
        self._done: SimpleQueue[Task] = SimpleQueue()
        self._tasks: set[Task] = set()
        self._lock = threading.Lock()
        self._started = 0

    @property
    def busy(self) -> int:
        """How many tasks are waiting or running."""
        return len(self._tasks)

    @property
    def shared(self) -> int:
        """How many of them are not done aside."""
        return sum(not task.aside for task in self._tasks)

    @property
    def leases(self) -> list[Lease]:
        """What is waiting or running."""
        return [task.lease for task in self._tasks]

    def submit(self, task: Task) -> None:
        """Have a thread do *task*."""
        self._tasks.add(task)
        if task.aside:
            threading.Thread(target=self._do, args=[task], name=f"crmkit-{task.lease.name}", daemon=True).start()
            return
        self._todo.put(task)
        if self._started < self.number:
            self._start()

    def _start(self) -> None:
        self._started += 1
        threading.Thread(target=self._work, name=f"crmkit-work-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while (task := self._todo.get()) is not None:
            if not self._do(task):
                # Somebody else has this thread's place already.
                return

    def _do(self, task: Task) -> bool:
        """Do *task*, and return whether that was in time."""
        task.deadline = monotonic() + task.seconds
        error: BaseException | None = None
        try:
            task.call()
        except BaseException as raised:
            # SystemExit and the like as well: a handler ends itself, not its worker.
            error = raised
        with self._lock:
            if task.is_over:
                return False
            task.is_over, task.error = True, error
        self._done.put(task)
        return True

    def over(self, wait: float = 0) -> list[Task]:
        """Return the tasks that ended or missed their deadline since the last call; wait up to *wait* seconds."""
        if not self._tasks:
            return []
        found = self._ended(wait) + self._late()
        self._tasks.difference_update(found)
        return found

    def _ended(self, wait: float) -> list[Task]:
        ended: list[Task] = []
        try:
            if wait:
                ended.append(self._done.get(timeout=min(wait, self._until_next_deadline())))
            # What ends together is written down together: each commit costs more than most handlers.
            last = monotonic() + (_TOGETHER if ended else 0)
            while len(ended) < len(self._tasks):
                ended.append(self._done.get(timeout=max(0.0, last - monotonic())))
        except Empty:
            pass
        return ended

    def _until_next_deadline(self) -> float:
        deadlines = [task.deadline for task in self._tasks if task.deadline is not None]
        # A task that no thread has begun yet has none; look again soon.
        return max(0.0, min(deadlines, default=monotonic() + _SOON) - monotonic())

    def _late(self) -> list[Task]:
        now, late = monotonic(), list[Task]()
        for task in self._tasks:
            if task.deadline is not None and task.deadline <= now:
                with self._lock:
                    if task.is_over:
                        continue
                    task.is_over, task.error = True, TimeLimitError(task.lease.name, task.seconds)
                late.append(task)
                if not task.aside:
                    self._start()
        return late

    def withdraw(self) -> list[Task]:
        """Return the tasks that no thread has begun; none will."""
        withdrawn: list[Task] = []
        try:
            while (task := self._todo.get_nowait()) is not None:
                withdrawn.append(task)
        except Empty:
            self._tasks.difference_update(withdrawn)
        return withdrawn

    def close(self) -> None:
        """Let every thread end once it has nothing to do."""
        for _n in range(self._started):
            self._todo.put(None)
