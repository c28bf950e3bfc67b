"""What a process that is to be killed does: send messages of webhooks until there are none left."""

from datetime import timedelta

from crmkit import CRM, Config, Database, Encryption, FixedClock, Network, Worker
from crmkit.core.plugins import find_plugins
from crmkit.testing import NOON

#: Longer than a lease, so that every process finds those of the one before expired.
LIFE = timedelta(minutes=2)


def send(url, keys, life, started):
    """Work on the database at *url*, in the *life*-th process that does."""
    config = Config(database=Database(url=url), encryption=Encryption(keys), network=Network(["127.0.0.1/32"]))
    plugins = find_plugins(["webhooks", "workspace", "customers"])
    crm = CRM(config, plugins=plugins, clock=FixedClock(NOON + life * LIFE))
    worker = Worker(crm, threads=2)
    started.set()
    worker.run_until_idle()
    crm.close()
