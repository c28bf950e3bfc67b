"""A process that backs up or restores and ends at a given point; run by the tests of F16.

``python -m tests.faults.backup.script (backup|restore|replace) URL FILE POINT``: *POINT* is ``rows`` or ``done`` of a
step (``1:rows``), ``before:NAME`` or ``after:NAME`` of a function of the operating system, or ``full:BYTES`` for a disk
on which no file may be larger.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.configuration.config import Config, Database
from crmkit.core.crm import CRM
from tests.backup.conftest import KEY
from tests.core.atelier import Rating, atelier


def die(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def watcher(point):
    def show(state):
        if point == f"{state.number}:{'done' if state.done else 'rows'}":
            die()

    return show


def trap(when, name):
    real = getattr(os, name)

    def trapped(*arguments, **options):
        if when == "before":
            die()
        result = real(*arguments, **options)
        die()
        return result

    setattr(os, name, trapped)


def main(action, url, file, point):
    kind, _colon, what = point.partition(":")
    if kind in ("before", "after"):
        trap(kind, what)
    crm = CRM(Config(database=Database(url)), plugins=[atelier(Rating)])
    if kind == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(what), int(what)))
    if action == "backup":
        make_backup(crm, Path(file), KEY, show=watcher(point))
    else:
        restore_backup(crm, Path(file), KEY, replace=action == "replace", show=watcher(point))


if __name__ == "__main__":
    main(*sys.argv[1:])
