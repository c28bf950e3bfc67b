"""What a test gets from the fixtures, before it says anything."""

from crmkit import Team
from crmkit.testing import NOON, both_databases


@both_databases
def test_crm_is_migrated_empty_and_at_noon(crm, database):
    with crm.system("test") as db:
        assert crm.storage.dialect.name == database
        assert db.count(Team) == 0
        assert crm.clock.now() == NOON
