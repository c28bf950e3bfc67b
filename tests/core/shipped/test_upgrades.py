"""Three versions of a plugin: what was edited here is kept, and what the plugin changes comes as it was decided."""

import attrs
import pytest

from crmkit import (
    CRM,
    ForbiddenError,
    Grant,
    LocalEdit,
    Mask,
    Move,
    NotFoundError,
    Owned,
    Pipeline,
    Pipelined,
    Principal,
    Role,
    Rule,
    Stage,
    UnknownFieldError,
    ValidationError,
    decide_edit,
    discard_draft,
    edit_role,
    edited_thing,
    entity,
    field,
    local_edits,
    publish_draft,
    reset_edit,
    role_in_effect,
    save_draft,
    versions_of,
    written_pipeline,
)
from crmkit.core.text import Text
from crmkit.testing import People, both_databases, plugin

SYSTEM = Principal(None, "system", "test")


@entity("shop.bid", label=Text("Bid"))
class Bid(Owned, Pipelined):
    title: str = field()
    price: int = field(default=0)
    note: str | None = field(default=None)


def seller(*grants, masks=(), label="Seller"):
    return Role("shop.seller", Text(label), grants, masks)


def home(*slugs, moves=None, **labels):
    stages = [Stage(slug, Text(labels.get(slug, slug.title()))) for slug in slugs]
    return Pipeline("shop.home", "shop.bid", Text("Home"), stages, moves or [Move("*", slug) for slug in slugs])


READ = Grant("shop.bid", ["read"], "all")
UPDATE = Grant("shop.bid", ["update"], "all")
HOME = home("new", "sent", "done")


@pytest.fixture
def upgrade(make_crm, database):
    """Open the CRM with another version of the plugin, on the same database."""
    pattern, opened = make_crm(shop("1.0", seller(READ, UPDATE)), database=database), []

    def upgrade(version, role, pipeline=HOME):
        crm = CRM(pattern.config, plugins=[shop(version, role, pipeline)], clock=pattern.clock)
        opened.append(crm)
        return crm

    yield upgrade
    for crm in opened:
        crm.close()


def shop(version, role, pipeline=HOME):
    return plugin("shop", entities=[Bid], roles=[role], pipelines=[pipeline], version=version)


@pytest.fixture
def first(upgrade):
    return upgrade("1.0", seller(READ, UPDATE))


@pytest.fixture
def admin(first):
    return People(first).user("Ada", roles=["core.administrator"])


def edit(crm, who, role):
    with crm.write(who) as db:
        return edit_role(db, role)


def grants(crm, role="shop.seller"):
    with crm.read(SYSTEM) as db:
        grants = role_in_effect(db, role).grants
    return {Grant(grant.entity, verb, grant.scope) for grant in grants for verb in grant.verbs}


def pending(crm, kind="role", thing="shop.seller"):
    with crm.read(SYSTEM) as db:
        return {difference.place: difference.state for difference in edited_thing(db, kind, thing).pending}


def decide(crm, who, side, *places, kind="role", thing="shop.seller", **more):
    with crm.write(who) as db:
        return decide_edit(db, kind, thing, side, places, **more)


@both_databases
def test_role_is_edited_and_upgraded_twice(first, upgrade, admin):
    sam = People(first).user("Sam", roles=["shop.seller"])
    with first.system("test") as db:
        bid = db.create(Bid(title="Chairs", owner_id=sam.user_id))
    edit(first, admin, seller(READ, masks=[Mask("shop.bid", "note")]))
    with first.read(sam) as db:
        assert not db.may("update", bid)
        with pytest.raises(UnknownFieldError):
            db.find(Bid, "note == null")

    delete = Grant("shop.bid", ["delete"], "own")
    second = upgrade("2.0", seller(READ, UPDATE, delete, masks=[Mask("shop.bid", "price")]))
    assert pending(second) == {"grants/shop.bid delete": "waiting"}
    with second.read(sam) as db:
        assert not db.may("update", bid)
        assert not db.may("delete", bid)
        assert not {"note", "price"} & db.readable_fields(Bid)

    assert decide(second, admin, "theirs").pending == ()
    with second.read(sam) as db:
        assert db.may("delete", bid)
        assert not db.may("update", bid)

    third = upgrade("3.0", seller(Grant("shop.bid", ["read"], "team"), UPDATE))
    assert grants(third) == {Grant("shop.bid", ["read"], "team")}
    assert pending(third) == {}
    with third.read(sam) as db:
        assert db.readable_fields(Bid) >= {"price"}
        assert "note" not in db.readable_fields(Bid)


@both_databases
def test_nothing_is_asked_again_and_the_older_version_is_as_it_was(first, upgrade, admin):
    edit(first, admin, seller(READ))
    second = upgrade("2.0", seller(READ, UPDATE, Grant("shop.bid", ["delete"], "own")))
    assert decide(second, admin, "ours").pending == ()

    assert pending(upgrade("2.1", seller(READ, UPDATE, Grant("shop.bid", ["delete"], "own")))) == {}
    assert pending(upgrade("3.0", seller(READ, UPDATE, Grant("shop.bid", ["delete"], "all")))) == {
        "grants/shop.bid delete": "conflict"
    }
    assert grants(first) == {READ}


@both_databases
def test_grant_that_both_changed_stays_as_it_is_here_until_it_is_decided(first, upgrade, admin):
    edit(first, admin, seller(READ, Grant("shop.bid", ["update"], "own")))
    second = upgrade("2.0", seller(READ, Grant("shop.bid", ["update"], "team")))
    place = "grants/shop.bid update"

    assert pending(second) == {place: "conflict"}
    assert decide(second, admin, "theirs").pending[0].place == place

    decide(second, admin, "theirs", place)

    assert Grant("shop.bid", ["update"], "team") in grants(second)
    assert pending(second) == {}


def test_wider_grant_keeps_the_narrow_one_until_it_is_accepted(first, upgrade, admin):
    own, all_ = Grant("shop.bid", ["update"], Rule.parse("price < 1")), UPDATE
    narrow = upgrade("1.1", seller(READ, own))
    edit(narrow, admin, seller(READ, own, label="Dealer"))

    wide = upgrade("2.0", seller(READ, all_))

    assert own in grants(wide)
    decide(wide, admin, "theirs")
    assert all_ in grants(wide)


def test_second_edit_leaves_open_what_waits(first, upgrade, admin):
    edit(first, admin, seller(READ))
    second = upgrade("2.0", seller(READ, UPDATE, Grant("shop.bid", ["delete"], "own")))

    edit(second, admin, seller(READ, Grant("shop.bid", ["create"], "own")))

    assert pending(second) == {"grants/shop.bid delete": "waiting"}
    assert Grant("shop.bid", ["create"], "own") in grants(second)


@both_databases
def test_reset_role_is_as_it_is_shipped_and_its_history_tells_the_edit(first, admin):
    kept = edit(first, admin, seller(READ))
    with first.write(admin) as db:
        assert [entry.kind for entry in db.history(kept)] == ["create"]
        reset_edit(db, "role", "shop.seller")

    assert grants(first) == {READ, UPDATE}
    with first.read(admin) as db:
        assert local_edits(db) == []


def test_role_of_a_plugin_that_is_away_keeps_its_edit(first, upgrade, make_crm, admin):
    edit(first, admin, seller(READ))
    without = CRM(attrs.evolve(first.config, plugins=[]), plugins=[], clock=first.clock, without=["shop"])
    try:
        with without.read(SYSTEM) as db:
            assert local_edits(db) == []
    finally:
        without.close()
    assert grants(upgrade("2.0", seller(READ, UPDATE))) == {READ}


@both_databases
def test_only_those_who_may_edit_see_or_change_edits(first, admin):
    people = People(first)
    people.role("peeker", [Grant("core.local_edit", ["read", "update"], Rule.parse('kind == "role"'))])
    eve = people.user("Eve", roles=["peeker"])
    edit(first, admin, seller(READ))

    with first.write(eve) as db:
        assert local_edits(db) == []
        with pytest.raises(ForbiddenError):
            edit_role(db, seller(READ, UPDATE))
        with pytest.raises(ForbiddenError):
            role_in_effect(db, "shop.seller")
        for change in (reset_edit, edited_thing):
            with pytest.raises(NotFoundError):
                change(db, "role", "shop.seller")
        with pytest.raises(NotFoundError):
            decide_edit(db, "role", "shop.seller", "theirs")
    with first.write(admin) as db, pytest.raises(ForbiddenError):
        db.create(LocalEdit(kind="role", thing="shop.other", base={}, local={}))


def test_edit_that_makes_no_sense_is_refused_with_its_places(first, admin):
    bad = seller(READ, Grant("shop.nosuch", ["read"]), masks=[Mask("shop.bid", "nosuch"), Mask("shop.no", "x")])

    with pytest.raises(ValidationError) as caught:
        edit(first, admin, bad)

    assert [problem.field for problem in caught.value.problems] == [
        "grants/shop.nosuch read",
        "masks/shop.bid nosuch",
        "masks/shop.no x",
    ]
    assert grants(first) == {READ, UPDATE}
    with pytest.raises(NotFoundError):
        edit(first, admin, Role("shop.nobody", Text("Nobody")))
    with pytest.raises(ValidationError, match="stays as it is"):
        edit(first, admin, Role("core.administrator", Text("Administrator")))
    edit(first, admin, seller(READ))
    with pytest.raises(ValidationError, match="nothing is pending here"):
        decide(first, admin, "theirs", "grants/shop.bid read")


def draft(crm, who, pipeline, **more):
    with crm.write(who) as db:
        return save_draft(db, written_pipeline(pipeline), **more)


def publish(crm, who):
    with crm.write(who) as db:
        return publish_draft(db, "shop.home")


def stages(crm):
    with crm.read(SYSTEM) as db:
        return {stage.slug: str(stage.label) for stage in db.model.registry.pipelines["shop.home"].stages}


def decide_home(crm, who, side, *places, **more):
    return decide(crm, who, side, *places, kind="pipeline", thing="shop.home", **more)


@both_databases
def test_pipeline_is_edited_and_upgraded_twice(first, upgrade, admin):
    role = seller(READ, UPDATE)
    draft(first, admin, home("new", "seen", "done", done="Closed"))
    publish(first, admin)

    second = upgrade("2.0", role, home("new", "sent", "paid", "done", done="Finished"))
    assert list(stages(second)) == ["new", "seen", "done"]
    assert pending(second, "pipeline", "shop.home") == {
        "stages/done/label": "conflict",
        "stages/paid": "waiting",
        "order": "waiting",
        "moves/* → paid": "waiting",
        "order of moves": "waiting",
    }
    left = decide_home(second, admin, "theirs")
    assert [difference.place for difference in left.pending] == ["stages/done/label"]
    assert list(stages(second)) == ["new", "seen", "done"]
    publish(second, admin)
    assert stages(second) == {"new": "New", "paid": "Paid", "seen": "Seen", "done": "Closed"}

    assert decide_home(second, admin, "ours", "stages/done/label").pending == ()
    with second.read(admin) as db:
        assert [version.number for version in versions_of(db, "shop.home")] == [1000, 1001]

    third = upgrade("3.0", role, home("new", "paid", "done", done="Finished"))
    assert pending(third, "pipeline", "shop.home") == {}
    assert list(stages(third)) == ["new", "paid", "seen", "done"]


def test_stage_with_records_goes_by_the_mapping_and_stays_retired_without_one(first, upgrade, admin):
    draft(first, admin, home("new", "sent", "done", new="Begun"))
    publish(first, admin)
    with first.system("test") as db:
        bid = db.move(db.create(Bid(title="Chairs")), "sent")
    second = upgrade("2.0", seller(READ, UPDATE), home("new", "done"))

    decide_home(second, admin, "theirs", mapping={"sent": "new"})
    with second.read(admin) as db:
        assert versions_of(db, "shop.home")[-1].mapping == {"sent": "new"}
    publish(second, admin)

    with second.read(SYSTEM) as db:
        assert db.get(Bid, bid.id).stage == "sent"


def test_stage_stays_while_a_move_made_here_leads_there(first, upgrade, admin):
    moves = [Move("new", "sent"), Move("sent", "done")]
    shipped = upgrade("1.1", seller(READ), home("new", "sent", "done", moves=moves))
    draft(shipped, admin, home("new", "sent", "done", moves=[*moves, Move("done", "sent")]))
    publish(shipped, admin)

    second = upgrade("2.0", seller(READ), home("new", "done", moves=[Move("new", "done")]))
    decide_home(second, admin, "theirs")
    publish(second, admin)

    assert list(stages(second)) == ["new", "sent", "done"]
    assert "stages/sent" in pending(second, "pipeline", "shop.home")


def test_move_to_a_stage_that_was_removed_here_does_not_bring_it_back(first, upgrade, admin):
    moves = [Move("new", "sent"), Move("sent", "done")]
    shipped = upgrade("1.1", seller(READ), home("new", "sent", "done", moves=moves))
    draft(shipped, admin, home("new", "done", moves=[Move("new", "done")]))
    publish(shipped, admin)

    second = upgrade("2.0", seller(READ), home("new", "sent", "done", moves=[*moves, Move("done", "sent")]))
    decide_home(second, admin, "theirs")

    assert pending(second, "pipeline", "shop.home")["moves/done → sent"] == "waiting"
    with pytest.raises(ValidationError, match="sent"):
        decide_home(second, admin, "theirs", "moves/done → sent")
    decide_home(second, admin, "ours", "moves/done → sent")
    assert "moves/done → sent" not in pending(second, "pipeline", "shop.home")


def test_draft_made_after_an_upgrade_does_not_decide_what_its_maker_never_saw(first, upgrade, admin):
    draft(first, admin, home("new", "sent", "done", new="Begun"))
    publish(first, admin)
    second = upgrade("2.0", seller(READ), home("new", "sent", "paid", "done"))

    draft(second, admin, home("new", "sent", "done", new="Fresh"))

    assert "stages/paid" in pending(second, "pipeline", "shop.home")


def test_accepting_goes_on_with_the_draft_that_is_there(first, upgrade, admin):
    draft(first, admin, home("new", "sent", "done", new="Begun"), note="Ours")
    second = upgrade("2.0", seller(READ), home("new", "sent", "paid", "done"))

    decide_home(second, admin, "theirs")

    with second.write(admin) as db:
        (only,) = versions_of(db, "shop.home")
        assert [stage["slug"] for stage in only.definition["stages"]] == ["new", "sent", "paid", "done"]
        assert (only.definition["stages"][0]["label"], only.note) == ("Begun", "Ours")
        discard_draft(db, "shop.home")
        assert local_edits(db) == []


def test_reset_pipeline_is_a_draft_of_what_is_shipped(first, admin):
    draft(first, admin, home("new", "done"))
    publish(first, admin)

    with first.write(admin) as db:
        reset_edit(db, "pipeline", "shop.home")
    publish(first, admin)

    assert list(stages(first)) == ["new", "sent", "done"]
    with first.read(admin) as db:
        assert edited_thing(db, "pipeline", "shop.home").merged.differences == ()
