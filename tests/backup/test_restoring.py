"""What is restored is what was backed up, on the same kind of database and on the other."""

import pytest

from crmkit import Principal
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from tests.backup.conftest import KINDS
from tests.core.atelier import Artist, Commission, Invoice


def everything(crm):
    with crm.read(Principal(None, "system", "test")) as db:
        return {cls: db.find(cls, order_by="id", limit=100) for cls in (Artist, Commission, Invoice)}


@both_databases
@pytest.mark.parametrize("to", KINDS)
def test_restored_records_are_those_that_were_backed_up(lived, restore, to):
    restored = restore(to)

    assert everything(restored) == everything(lived)
    with restored.storage.snapshot() as connection:
        assert [f.sentence for f in examine(restored.model, connection)] == []
