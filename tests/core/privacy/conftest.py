import attrs
import pytest

from crmkit.core.configuration.config import Files
from tests.core.privacy.club import CLUB


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm("customers", "sales", "workspace", CLUB, database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(folder=str(tmp_path / "files")))
    return made


@pytest.fixture
def officer(people):
    """Somebody who may do everything, erasing included."""
    return people.user("Olga", roles=["core.administrator"])
