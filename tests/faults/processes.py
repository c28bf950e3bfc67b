"""Running a function in a process of its own, which may be killed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["crmkit.core.crm", "tests.faults.till"])


def start(target: Callable[..., None], *arguments: Any) -> Any:
    """Return the process that runs *target*."""
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def run(target: Callable[..., None], *arguments: Any) -> int:
    """Return how the process that ran *target* ended: 0, or the negative number of the signal."""
    process = start(target, *arguments)
    process.join(120)
    assert process.exitcode is not None
    return int(process.exitcode)
