"""A program: apply revisions, killed at one statement after the other, and see that applying again arrives.

    python interrupted.py URL FOLDER EVERY

FOLDER is a plugin package with revisions. Every EVERY-th statement and commit is a point; at each, a process is killed
with SIGKILL just before it; another applies what is left, looks at the tables and takes everything back.
"""

import importlib.util
import itertools
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import sqlalchemy as sa

from crmkit import CRM, Config, Database
from crmkit.core.migrating import apply, plan, revert


def main(url, folder, every):
    plugin = load(Path(folder))
    total = in_child(lambda: count(make(url, plugin)))
    outcomes = [(point, *interrupt(url, plugin, point)) for point in range(1, total + 1, every)]
    print(json.dumps({"total": total, "outcomes": outcomes}))


def interrupt(url, plugin, point):
    killed = in_child(lambda: apply_until(make(url, plugin), point))
    return killed, in_child(lambda: finish(make(url, plugin)))


def load(folder):
    spec = importlib.util.spec_from_file_location(
        "victim", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = sys.modules["victim"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(url, plugin):
    return CRM(Config(database=Database(url=url)), plugins=[plugin])


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


def listen(crm, happens):
    sa.event.listen(crm.storage.engine, "before_cursor_execute", lambda *_: happens())
    sa.event.listen(crm.storage.engine, "commit", lambda *_: happens())


def count(crm):
    counter = itertools.count()
    listen(crm, lambda: next(counter))
    apply(crm)
    total = next(counter)
    revert(crm, "core")
    return total


def apply_until(crm, point):
    counter = itertools.count(1)

    def happens():
        if next(counter) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    listen(crm, happens)
    apply(crm)
    return 0


def finish(crm):
    """Apply the rest, take everything back, and return how much was wrong in between and is left."""
    apply(crm)
    with crm.storage.reading() as connection:
        inspector = sa.inspect(connection)
        lacking = [
            column.name
            for table in crm.schema.metadata.tables.values()
            if (names := {found["name"] for found in inspector.get_columns(table.name)}) is not None
            for column in table.columns
            if column.name not in names
        ]
    wrong = len(lacking) + (not plan(crm).is_empty)
    revert(crm, "core")
    with crm.storage.reading() as connection:
        return wrong + len(sa.inspect(connection).get_table_names())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
