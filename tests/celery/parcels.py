"""The plugin whose work Celery carries, and processes of Celery that do it."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from crmkit import CRM, Company, Config, Database, Job
from crmkit.celery.working import run_worker
from crmkit.core.configuration.config import Broker
from tests.core.jobs.watching import Parcel, Weigh, post

_ROOT = Path(__file__).parents[2]


class Ahead:
    """A clock that runs, *seconds* ahead of the machine's."""

    def __init__(self, seconds):
        self._by = timedelta(seconds=seconds)

    def now(self):
        return datetime.now(UTC) + self._by


def parcels(log=os.devnull):
    """Return the plugin; each try is noted in the file *log*, and its effect in the database."""

    def work(context, weigh):
        with open(log, "a") as file:
            file.write(f"{weigh.parcel}\n")
        time.sleep(weigh.times / 1000)
        with context.finish() as db:
            db.create(Parcel(name=weigh.parcel, notes="effect"))

    def fail(_context, _weigh):
        raise RuntimeError

    return post(jobs=[Job("post.work", work, Weigh), Job("post.fail", fail, Weigh, tries=2)])


def _open(url, log, ahead):
    config = Config(company=Company(), database=Database(url=url))
    return CRM(config, plugins=[parcels(log)], clock=Ahead(ahead))


@contextmanager
def celery_worker(crm, broker, log, *, processes=1, ahead=0):
    """Have Celery work for *crm* in a group of processes, until the block ends or somebody kills the group."""
    given = (crm.config.database.url, broker.broker, broker.queue, str(log), str(ahead), str(processes))
    with Path(f"{log}.celery").open("ab") as said:
        worker = subprocess.Popen(
            [sys.executable, "-m", __name__, *given],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.terminate()
        worker.wait(60)


if __name__ == "__main__":
    url, broker, queue, log, ahead, processes = sys.argv[1:]
    run_worker(Broker(broker, queue), partial(_open, url, log, float(ahead)), processes=int(processes))
