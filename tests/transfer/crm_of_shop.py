"""Opens a CRM with the plugin ``shop``; also run by the kill test in a process of its own."""

from __future__ import annotations

from pathlib import Path

from crmkit import CRM, Config, Database
from crmkit.core.policy.principal import Principal
from crmkit.transfer import batches
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan_file import read_plan
from tests.transfer.shop import SHOP


def open_crm(url: str) -> CRM:
    """Return a CRM on a database that has its tables."""
    return CRM(Config(database=Database(url=url)), plugins=[SHOP])


def import_in_small_batches(url: str, plan: Path, source: Path, started) -> None:
    """Run an import in a process of its own, which the test kills; *started* tells that it is about to begin."""
    batches._LEAST, batches._MOST = 10, 40
    crm = open_crm(url)
    started.set()
    run_import(crm, Principal(None, "system", "import"), read_plan(plan), source)
    crm.close()
