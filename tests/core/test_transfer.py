"""Transfers of many records, with what hangs on them, and with a share for who had them."""

from uuid import UUID

import pytest

from crmkit import (
    DeclarationError,
    ForbiddenError,
    Grant,
    Owned,
    PluginError,
    Record,
    Target,
    Team,
    any_ref,
    entity,
    field,
    ref,
    translator,
)
from crmkit.core.errors import InapplicableVerbError
from crmkit.testing import both_databases, plugin

_ = translator("tests")


@entity("yard.site", label=_("Site"))
class Site(Owned):
    name: str = field()


@entity("yard.crane", label=_("Crane"))
class Crane(Owned):
    name: str = field()
    site_id: UUID | None = ref("yard.site", default=None, goes_along='name != "Old"')


@entity("yard.chore", label=_("Chore"))
class Chore(Owned):
    name: str = field()
    about: Target | None = any_ref(default=None, goes_along="!is_done")
    is_done: bool = field(default=False)


VERBS = ("read", "create", "update", "delete", "transfer", "share")


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(plugin("yard", entities=[Site, Crane, Chore]), database=database, clock=clock)


@pytest.fixture
def staff(people):
    people.role("worker", [Grant(f"yard.{name}", VERBS, "team") for name in ("site", "crane", "chore")])
    return [people.user(name, team="Yard", roles=["worker"]) for name in ("Ada", "Ben", "Cleo")]


@pytest.fixture
def site(crm, staff):
    _ada, ben, _cleo = (who.user_id for who in staff)
    with crm.write(staff[0]) as db:
        site = db.create(Site(name="Dock"))
        crane = db.create(Crane(name="Big", site_id=site.id))
        db.create_many([Crane(name="Old", site_id=site.id), Crane(name="Elsewhere")])
        db.create_many(
            [
                Chore(name="paint", about=Target.of(site)),
                Chore(name="oil", about=Target.of(crane)),
                Chore(name="done", about=Target.of(site), is_done=True),
                Chore(name="Ben's", about=Target.of(site), owner_id=ben),
            ]
        )
    return site


def owners(crm, staff):
    names = {who.user_id: who.name for who in staff}
    with crm.system("test") as db:
        return {each.name: names[each.owner_id] for cls in (Site, Crane, Chore) for each in db.find(cls)}


@both_databases
def test_what_hangs_on_a_record_goes_along_if_it_has_the_same_owner(crm, staff, site, database):
    before = owners(crm, staff)
    with crm.write(staff[0]) as db:
        given = db.transfer(site, staff[2].user_id, with_related=True)
    assert (given.owner_id, given.version) == (staff[2].user_id, 2)
    assert owners(crm, staff) == before | dict.fromkeys(("Dock", "Big", "paint", "oil"), "Cleo")
    with crm.system("test") as db:
        chore = db.find(Chore, 'name == "oil"')[0]
        assert [entry.kind for entry in db.history(chore)] == ["create", "transfer"]


def test_nothing_goes_along_unless_it_is_asked_for(crm, staff, site):
    before = owners(crm, staff)
    with crm.write(staff[0]) as db:
        db.transfer(site, staff[2].user_id)
    assert owners(crm, staff) == before | {"Dock": "Cleo"}


def test_what_the_principal_may_not_transfer_stays(crm, people, staff, site):
    people.role(
        "mover", [Grant("yard.site", ["read", "transfer"], "all"), Grant("yard.chore", ["read", "transfer"], "all")]
    )
    before = owners(crm, staff)
    with crm.write(people.user("Max", roles=["mover"])) as db:
        db.transfer(db.get(Site, site.id), staff[1].user_id, with_related=True)
    assert owners(crm, staff) == before | {"Dock": "Ben", "paint": "Ben"}


@both_databases
def test_who_had_a_record_keeps_it_in_sight_if_asked(crm, people, staff, site, database):
    people.team("Far")
    far = people.user("Fay", team="Far", roles=["worker"])
    with crm.write(staff[0]) as db:
        db.transfer(site, far.user_id, with_related=True, keep="read")
    with crm.read(staff[0]) as db:
        seen = db.get(Site, site.id)
        assert [crane.name for crane in db.find(Crane, order_by="name")] == ["Big", "Elsewhere", "Old"]
        assert not db.may("update", seen)
    with crm.read(far) as db:
        assert [(share.user_id, share.level) for share in db.shares(seen)] == [(staff[0].user_id, "read")]


def test_who_may_not_share_keeps_nothing_and_transfers_nothing(crm, people, staff, site):
    people.role("mover", [Grant("yard.site", ["read", "transfer"], "all")])
    before = owners(crm, staff)
    with crm.write(people.user("Max", roles=["mover"])) as db:
        with pytest.raises(ForbiddenError):
            db.transfer(db.get(Site, site.id), staff[1].user_id, keep="read")
        db.transfer_many([], staff[1].user_id)
    assert owners(crm, staff) == before


@pytest.mark.slow
def test_ten_thousand_records_are_given_away_at_once(crm, staff):
    with crm.write(staff[0]) as db:
        made = db.create_many([Site(name=f"{n}") for n in range(10_000)])
        db.create_many([Crane(name="c", site_id=each.id) for each in made[::10]])
    with crm.write(staff[0]) as db:
        db.transfer_many(made, staff[1].user_id, with_related=True)
    with crm.read(staff[1]) as db:
        assert (db.count(Site, Site.f.owner_id == staff[1].user_id), db.count(Crane)) == (10_000, 1_000)


@pytest.mark.parametrize("rule", ["nosuch == 1", "(((", "name =="])
def test_rule_that_is_none_is_refused_when_a_crm_starts(make_crm, rule):
    @entity("odd.hook", label=_("Hook"))
    class Hook(Owned):
        name: str = field()
        site_id: UUID | None = ref("yard.site", default=None, goes_along=rule)

    with pytest.raises((PluginError, DeclarationError)):
        make_crm(plugin("yard", entities=[Site, Crane, Chore]), plugin("odd", entities=[Hook], requires=["yard"]))


def test_what_has_no_owner_goes_nowhere(make_crm, crm, staff):
    @entity("odd.rope", label=_("Rope"))
    class Rope(Record):
        site_id: UUID | None = ref("yard.site", default=None, goes_along="true")

    with pytest.raises(PluginError, match="have no owner"):
        make_crm(plugin("yard", entities=[Site, Crane, Chore]), plugin("odd", entities=[Rope], requires=["yard"]))
    with pytest.raises(InapplicableVerbError), crm.write(staff[0]) as db:
        db.transfer(db.find(Team)[0], staff[1].user_id, with_related=True)
