"""Opens a CRM with the plugin ``shop``; also run by the kill test in a process of its own."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from shop import SHOP

from crmkit import CRM, Config, Database
from crmkit.core.ledger import GENESIS
from crmkit.core.policy.principal import Principal
from crmkit.transfer import batches
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan_file import read_plan


def open_crm(path: Path, clock=None) -> CRM:
    """Return a CRM on the SQLite file *path*."""
    return CRM(Config(database=Database(url=f"sqlite:///{path}")), plugins=[SHOP], clock=clock)


def prepare(crm: CRM) -> None:
    """Make the tables."""
    crm.schema.metadata.create_all(crm.storage.engine)
    with crm.storage.writing() as connection:
        connection.execute(sa.insert(crm.schema.system.epoch).values(one=1, value=1))
        connection.execute(sa.insert(crm.schema.system.ledger_head).values(one=1, last_id=0, chain=GENESIS))


def import_in_small_batches(database: Path, plan: Path, source: Path, started) -> None:
    """Run an import in a process of its own, which the test kills; *started* tells that it is about to begin."""
    batches._LEAST, batches._MOST = 10, 40
    crm = open_crm(database)
    started.set()
    run_import(crm, Principal(None, "system", "import"), read_plan(plan), source)
    crm.close()
