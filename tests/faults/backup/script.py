"""A process that backs up or restores and ends at a given point; run by the tests of F16.

``python -m tests.faults.backup.script (backup|restore|replace) URL FOLDER FILE POINT``: the content of files is in
*FOLDER*; *POINT* is ``rows`` or ``done`` of a step (``1:rows``), ``before:NAME`` or ``after:NAME`` of a function of the
operating system (``after:replace:4``: at its fourth call), or ``full:BYTES`` for a disk on which no file may be larger.
"""

import itertools
import os
import resource
import signal
import sys
from pathlib import Path

from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.core.configuration.config import Config, Database, Files
from crmkit.core.crm import CRM
from tests.backup.conftest import KEY, studio


def die(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def watcher(point):
    def show(state):
        if point == f"{state.number}:{'done' if state.done else 'rows'}":
            die()

    return show


def trap(when, name, number):
    real, calls = getattr(os, name), itertools.count(1)

    def trapped(*arguments, **options):
        is_here = next(calls) == number
        if is_here and when == "before":
            die()
        result = real(*arguments, **options)
        if is_here:
            die()
        return result

    setattr(os, name, trapped)


def main(action, url, folder, file, point):
    kind, _colon, what = point.partition(":")
    if kind in ("before", "after"):
        name, _colon, number = what.partition(":")
        trap(kind, name, int(number or 1))
    crm = CRM(Config(database=Database(url), files=Files(folder)), plugins=[studio()])
    if kind == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(what), int(what)))
    if action == "backup":
        make_backup(crm, Path(file), KEY, show=watcher(point))
    else:
        restore_backup(crm, Path(file), KEY, replace=action == "replace", show=watcher(point))


if __name__ == "__main__":
    main(*sys.argv[1:])
