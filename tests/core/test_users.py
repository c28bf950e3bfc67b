"""Users: what their accounts say makes sense, and a row that makes none locks nobody out."""

import pytest
import sqlalchemy as sa

from crmkit import NotFoundError, User, ValidationError
from tests.core.atelier import Commission

REFUSED = [
    ("time_zone", "Mars/Olympus"),
    ("time_zone", "../../etc/passwd"),
    ("time_zone", "America"),
    ("locale", "../../etc"),
    ("locale", "zh-cn"),
    ("locale", "xx_YY"),
    ("email", "notanemail"),
    ("email", "@example.org"),
    ("email", "a b@example.org"),
    ("email", "anna@"),
    ("email", "anna@a..b"),
]


@pytest.fixture
def boss(people):
    return people.user("Boss", roles=["core.administrator"])


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_account_refuses_what_makes_no_sense(crm, boss, name, value):
    with crm.write(boss) as db:
        user = db.get(User, boss.user_id)
        for write in (lambda: db.update(user, {name: value}), lambda: db.create(User(name="Eve", **{name: value}))):
            with pytest.raises(ValidationError) as caught:
                write()
            assert [problem.field for problem in caught.value.problems] == [name]


def test_account_keeps_the_domain_of_an_address_in_lower_case(crm, boss):
    with crm.write(boss) as db:
        made = db.create(User(name="Anna", email=" Anna@Example.ORG", time_zone="Asia/Shanghai", locale="zh_CN"))
    assert made.email == "Anna@example.org"
    for written in ("Anna@example.org", "Anna@Example.ORG", str(made.id), made.id):
        assert crm.principal(written).user_id == made.id
    with pytest.raises(NotFoundError):
        crm.principal("anna@example.net")


@pytest.mark.parametrize(("zone", "language"), [("Mars/Olympus", "en"), ("UTC", "../../etc"), ("", "")])
def test_row_that_makes_no_sense_locks_nobody_out(crm, master, zone, language):
    user = crm.schema.tables["core_user"]
    with crm.storage.writing() as connection:
        connection.execute(sa.update(user).values(time_zone=zone, locale=language))
        crm.model.epochs.raise_policy(connection)

    with crm.write(master) as db:
        db.create(Commission(title="Sea"))
        assert db.find(Commission, "due_on == today() || true")
        assert db.moment.today == crm.clock.now().date()
        assert (db.access.time_zone, db.access.locale) == ("UTC", "en")
