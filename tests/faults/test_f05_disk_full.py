"""F05: a full disk refuses what does not fit; what was acknowledged is stored, and work goes on where there is room."""

import os
import resource
import signal

import pytest
import sqlalchemy as sa

from crmkit import CrmkitError
from crmkit.core.errors import DatabaseFullError, DatabaseUnreachableError
from tests.faults.agreement import check_agreement
from tests.faults.processes import CONTEXT, start
from tests.faults.till import SYSTEM, Order, open_crm, url_of


@pytest.fixture
def database():
    return "sqlite"


def write_until_refused(crm, acknowledged):
    for number in range(10_000):
        with crm.write(SYSTEM) as db:
            db.create_many([Order(name=f"{number} {'x' * 150} {n}") for n in range(5)])
        acknowledged(number)


def test_f05_file_that_may_not_grow(crm):
    done = []

    def limit(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 60}")

    crm.storage.dispose()
    sa.event.listen(crm.storage.engine, "connect", limit)
    with pytest.raises(DatabaseFullError):
        write_until_refused(crm, done.append)
    assert len(check_agreement(crm)) == 5 * len(done) > 0

    sa.event.remove(crm.storage.engine, "connect", limit)
    crm.storage.dispose()
    with crm.write(SYSTEM) as db:
        db.create(Order(name="room again"))
    assert len(check_agreement(crm)) == 5 * len(done) + 1


def fill_the_disk(url, size, pipe):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        write_until_refused(open_crm(url), pipe.send)
    except CrmkitError as error:
        pipe.send(error.code)


def test_f05_disk_that_has_no_room(crm):
    crm.storage.dispose()
    received, sent = CONTEXT.Pipe(duplex=False)
    process = start(fill_the_disk, url_of(crm), os.path.getsize(crm.storage.url.database) + 200_000, sent)
    sent.close()
    said = []
    while not said or isinstance(said[-1], int):
        assert received.poll(60)
        said.append(received.recv())
    process.join(60)
    assert process.exitcode == 0
    # SQLite tells a disk that is full from one that is broken only where the operating system does.
    assert said[-1] in (DatabaseFullError.code, DatabaseUnreachableError.code)
    assert len(check_agreement(crm)) == 5 * (len(said) - 1) > 0
    with crm.write(SYSTEM) as db:
        db.create(Order(name="room again"))
