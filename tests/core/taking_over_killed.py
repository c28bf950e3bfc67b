"""A program: let a plugin take entities over, killed at one statement after the other, and tell who has them then.

    python taking_over_killed.py URL SITE EVERY

Every EVERY-th statement and commit is a point; at each, a process is killed with SIGKILL just before it, and another
opens the CRM and counts. It ends with the first process that arrives.
"""

import importlib
import itertools
import json
import os
import signal
import sys

import sqlalchemy as sa

from crmkit import CRM, Config, Database
from crmkit.core.errors import CrmkitError
from crmkit.core.migrating import apply


def main(url, site, every):
    sys.path.insert(0, site)
    outcomes = []
    for point in itertools.count(1, every):
        ended = in_child(lambda: apply_until(url, point))  # noqa: B023
        if ended == 0:
            break
        outcomes.append((ended, *found(url)))
    print(json.dumps(outcomes))


def make(url, *plugins):
    names = ["customers", "workspace"]
    from crmkit.core.plugins import as_loaded, find_plugins

    return CRM(Config(database=Database(url=url)), plugins=[*find_plugins(names), *map(as_loaded, plugins)])


def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def apply_until(url, point):
    crm, counter = make(url, importlib.import_module("crmkit_projects")), itertools.count(1)

    def happens():
        if next(counter) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(crm.storage.engine, "before_cursor_execute", lambda *_: happens())
    sa.event.listen(crm.storage.engine, "commit", lambda *_: happens())
    apply(crm)


def found(url):
    """Return the plugin that has the entity, and how many of its records somebody sees."""
    plain, with_code = make(url), make(url, importlib.import_module("crmkit_projects"))
    try:
        plain.check_ready()
        crm = plain
    except CrmkitError:
        apply(with_code)
        crm = with_code
    try:
        crm.refresh()
        info = crm.registry.entity("custom.project")
        with crm.system("count") as db:
            return info.plugin, db.count(info.cls)
    finally:
        plain.close()
        with_code.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
