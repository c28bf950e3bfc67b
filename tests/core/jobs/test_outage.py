"""A worker whose database goes away goes on as soon as that is back."""

import threading

import pytest

from tests.core.jobs.watching import Parcel, noting, post


class Bell:
    """A diary that rings when something is written into it."""

    def __init__(self):
        self.told = threading.Event()

    def note(self, _context, _given):
        self.told.set()


@pytest.mark.postgresql
def test_worker_goes_on_when_its_connections_to_the_database_are_cut(make_crm, make_worker):
    bell, stop = Bell(), threading.Event()
    crm = make_crm(post(noting(bell)), database="postgresql")
    thread = threading.Thread(target=make_worker(crm).run, args=(stop,))
    thread.start()
    try:
        mine = "pid <> pg_backend_pid() AND datname = current_database()"
        with crm.storage.engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        with crm.system("test") as db:
            db.move(db.create(Parcel(name="a")), "sent")
        assert bell.told.wait(30)
    finally:
        stop.set()
        thread.join(30)
