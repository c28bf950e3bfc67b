import pytest

from crmkit import CRM, Config, Database, Encryption
from crmkit.core.migrating import apply
from crmkit.testing import People
from tests.core.encryption.vault import KEYS, vault


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(vault(), database=database, clock=clock)


@pytest.fixture
def keeper(people):
    return people.user("Kim", team="Vault", roles=["vault.keeper"])


@pytest.fixture
def clerk(people):
    return people.user("Cleo", team="Vault", roles=["vault.clerk"])


@pytest.fixture
def people_of():
    """Return a CRM and somebody in it who may do everything in the vault."""

    def people_of(crm):
        return crm, People(crm).user("Kim", team="Vault", roles=["vault.keeper"])

    return people_of


@pytest.fixture
def opened(tmp_path):
    """Open a CRM on one database with the keys that are named, the first of which is used."""
    made = []

    def opened(*names):
        keys = " ".join(KEYS.get(name, name) for name in names) or None
        config = Config(database=Database(url=f"sqlite:///{tmp_path / 'crm.db'}"), encryption=Encryption(keys))
        made.append(CRM(config, plugins=[vault()]))
        if len(made) == 1:
            apply(made[0])
            made[0].schema.metadata.create_all(made[0].storage.engine)
        return made[-1]

    yield opened
    for crm in made:
        crm.close()
