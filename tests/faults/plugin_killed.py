"""A program: bring a plugin in and out, killed at one statement after the other, and see that nothing is lost.

    python plugin_killed.py FOLDER SITE ACTION POINTS

FOLDER has a crm.toml, SITE the package of the plugin ``memos``. Each statement and commit of ACTION (``add``,
``remove`` or ``apply``) is a point, of which POINTS are taken, all where it is 0. At each a process is killed with
SIGKILL just before it; another opens the CRM as it is then, does the same again, and counts what is there.
"""

import itertools
import json
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path

import sqlalchemy as sa

ROWS = 40


def main(folder, site, action, points):
    sys.path.insert(0, site)
    os.chdir(folder)
    # Imported once, here, and not in each of the processes; the plugin is imported in each.
    for module in ("crmkit.cli.opening", "crmkit.cli.plugin_changes", "crmkit.core.migrating.applying", "psycopg"):
        import_module(module)
    total = in_child(lambda: count(action))
    outcomes = []
    every = max(1, total // points) if points else 1
    for point in range(1, total + 1, every):
        killed = in_child(lambda: until(action, point))  # noqa: B023
        outcomes.append((point, killed, in_child(lambda: look(action)), in_child(lambda: finish(action))))
    print(json.dumps({"total": total, "outcomes": outcomes}))


def in_child(work):
    """Run *work* in a process of its own and return its number, or how it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, str(work()).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        said = answer.read()
    return int(said) if os.waitstatus_to_exitcode(status) == 0 else os.waitstatus_to_exitcode(status)


def settings():
    from crmkit.core.configuration.settings import load_settings

    return load_settings(Path("crm.toml"))


def do(action):
    from crmkit.cli.opening import load_crm
    from crmkit.cli.plugin_changes import add_plugin, remove_plugin
    from crmkit.core.migrating import apply

    if action == "add":
        add_plugin(settings(), "memos")
    elif action == "remove":
        remove_plugin(settings(), "memos")
    else:
        crm = load_crm(settings().config)
        apply(crm)
        crm.close()


def undo(action):
    from crmkit.cli.opening import load_crm
    from crmkit.core.migrating import revert

    if action == "apply":
        crm = load_crm(settings().config)
        revert(crm, "memos", to=1)
        crm.close()
    else:
        do({"add": "remove", "remove": "add"}[action])


def listening(happens):
    sa.event.listen(sa.engine.Engine, "before_cursor_execute", lambda *_: happens())
    sa.event.listen(sa.engine.Engine, "commit", lambda *_: happens())


def count(action):
    counter, counting = itertools.count(), [True]
    listening(lambda: counting[0] and next(counter))
    do(action)
    counting[0] = False
    total = next(counter)
    undo(action)
    return total


def until(action, point):
    counter = itertools.count(1)

    def happens():
        if next(counter) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    listening(happens)
    do(action)
    return 0


def look(action):
    """Open the CRM as it was left and return 0; only where revisions were being applied may it say that some wait."""
    from crmkit.cli.opening import load_crm
    from crmkit.core.migrating.errors import NotMigratedError

    crm = load_crm(settings().config)
    try:
        with crm.system("test") as db:
            return abs(db.count(crm.registry.entity("core.user").cls) - 1)
    except NotMigratedError:
        return int(action != "apply")
    finally:
        crm.close()


def finish(action):
    """Do it again, and return how many rows are not as they should be; then take it back, for the next point."""
    do(action)
    if action == "remove":
        do("add")
    wrong = _wrong()
    if action != "remove":
        undo(action)
    return wrong


def _wrong():
    from crmkit.cli.opening import load_crm
    from crmkit.core.migrating import check

    crm = load_crm(settings().config)
    try:
        with crm.system("test") as db:
            memos = db.find(crm.registry.entity("memos.memo").cls, limit=200)
        ranks = sum(memo.rank != int(memo.title) for memo in memos)
        return abs(len(memos) - ROWS) + ranks + len([f for f in check(crm) if f.is_problem])
    finally:
        crm.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
