"""F07: PostgreSQL is killed and started again while four writers write: what was acknowledged stands, once."""

import shutil
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from crmkit.core.errors import DatabaseUnreachableError
from crmkit.core.migrating import apply
from crmkit.testing.clusters import FAST, Cluster, socket_url
from tests.faults.agreement import check_agreement
from tests.faults.till import SYSTEM, Order, open_crm

WRITERS, RESTARTS = 4, 3


@pytest.fixture
def folder():
    """A folder with a name short enough for a socket, which the server's own user may enter."""
    made = Path(tempfile.mkdtemp(prefix="f07"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def cluster(folder):
    (folder / "socket").mkdir()
    # What is committed must be with the operating system before it is acknowledged; the machine goes on.
    return Cluster(
        folder / "socket", folder / "data", {**FAST, "synchronous_commit": "on", "log_min_messages": "panic"}
    )


def write_once(crm, key, outages):
    """Write an order under the name that another system gave it; a second try finds what the first one left."""
    while True:
        try:
            with crm.write(SYSTEM) as db:
                if not db.external.find("load", Order, [key]):
                    order = db.create(Order(name=key))
                    db.external.give("load", Order, {key: order.id})
                    db.move(order, "paid")
        except DatabaseUnreachableError as outage:
            outages.append(outage)
            time.sleep(0.02)
        else:
            return key


@pytest.mark.postgresql
def test_f07_no_acknowledged_write_is_lost_and_none_is_there_twice(folder, cluster):
    server = cluster.start()
    try:
        cluster.wait_for(server)
        crm = open_crm(socket_url(folder / "socket"))
        apply(crm)
        # The plugin has no revisions.
        crm.schema.metadata.create_all(crm.storage.engine)
        done, outages = Event(), []

        def write(number):
            acknowledged = []
            while not done.is_set():
                acknowledged.append(write_once(crm, f"{number}-{len(acknowledged)}", outages))
            return acknowledged

        with ThreadPoolExecutor(WRITERS) as pool:
            writers = [pool.submit(write, number) for number in range(WRITERS)]
            for _restart in range(RESTARTS):
                time.sleep(0.4)
                server.send_signal(signal.SIGQUIT)
                server.wait()
                server = cluster.start()
                cluster.wait_for(server)
            time.sleep(0.2)
            done.set()
            acknowledged = [key for writer in writers for key in writer.result()]
        stored = check_agreement(crm)
        crm.close()
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
    assert stored == dict.fromkeys(acknowledged, "paid")
    assert len(acknowledged) > 10 * WRITERS
    assert len(outages) >= RESTARTS
