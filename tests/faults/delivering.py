"""What a process that is to be killed does: deliver events until there are none left."""

from datetime import timedelta

from crmkit import Company, Config, Database, FixedClock, Subscriber, Worker
from crmkit.core.crm import CRM
from crmkit.testing import NOON
from tests.core.jobs.watching import Parcel, ParcelSent, post

#: Longer than a lease, so that every process finds those of the one before expired.
LIFE = timedelta(minutes=2)


def post_office(log=None):
    """Return the plugin; each delivery is noted in the file *log*, and its effect in the database."""

    def note(context, told):
        with open(log, "a") as file:
            file.write(f"{told.id}\n")
        with context.finish() as db:
            db.create(Parcel(name=told.id, notes="effect"))

    return post(Subscriber("post.note", ParcelSent, note))


def deliver(url, life, log, started):
    """Work on the database at *url*, in the *life*-th process that does."""
    config = Config(company=Company(), database=Database(url=url))
    crm = CRM(config, plugins=[post_office(log)], clock=FixedClock(NOON + life * LIFE))
    worker = Worker(crm, threads=2)
    started.set()
    worker.run_until_idle()
    crm.close()
