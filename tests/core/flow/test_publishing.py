"""Pipelines edited at run time: drafts, dry runs, versions that records pin, and records that are carried over."""

from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies as st

from crmkit import (
    Approval,
    CustomField,
    ForbiddenError,
    Grant,
    Money,
    Move,
    NotFoundError,
    Pipeline,
    PipelineVersion,
    Reason,
    Reasons,
    Refusal,
    Rule,
    Stage,
    ValidationError,
    board,
    carry_over,
    discard_draft,
    draft_of,
    publish_draft,
    save_draft,
    try_draft,
    versions_of,
    written_pipeline,
)
from crmkit.core.publishing.written import read_pipeline
from crmkit.core.text import Text
from crmkit.testing import People, both_databases
from tests.core.flow.shop import ABROAD, HOME, Bid

EURO = Money.of(1, "EUR")


@pytest.fixture
def admin(shop):
    return People(shop).user("Admin", roles=["core.administrator"])


@pytest.fixture
def home(shop, staff):
    """The shipped pipeline as JSON; its role made at run time exists."""
    People(shop).role("Reopener")
    return written_pipeline(HOME)


def stage(slug, **more):
    return {"slug": slug, "label": slug.title(), **more}


def edited(written, *, stages=None, moves=None, **more):
    return {**written, **more, **({"stages": stages} if stages else {}), **({"moves": moves} if moves else {})}


def shorter(home):
    """Return *home* without the stage ``offered``, with one called ``sent`` instead."""
    stages = [s if s["slug"] != "offered" else stage("sent", required=["price"]) for s in home["stages"]]
    moves = [{"source": "draft", "target": "sent", "guards": [{"rule": "discount < 50"}]},
             {"source": "sent", "target": "won"}, {"source": "*", "target": "lost"}]  # fmt: skip
    return edited(home, stages=stages, moves=moves)


def publish(crm, who, written, **more):
    with crm.write(who) as db:
        save_draft(db, written, **more)
        return publish_draft(db, written["id"])


def newest(crm, who, entity=Bid):
    with crm.read(who) as db:
        return {pipeline.id: pipeline for pipeline in db.pipelines(entity)}


# Drafts.


@both_databases
def test_a_draft_changes_nothing_until_it_is_published(shop, staff, admin, home):
    with shop.write(admin) as db:
        draft = save_draft(db, edited(home, label="Domestic"), note="Shorter name")
    assert (draft.number, draft.published_at, draft.based_on, draft.base) == (1000, None, 1, 1)
    assert draft.base_definition == home
    assert newest(shop, staff.anna)["shop.home"].label == "Home"
    with shop.write(admin) as db:
        assert publish_draft(db, "shop.home").published_at == db.now
    found = newest(shop, staff.anna)["shop.home"]
    assert (found.label, found.version) == ("Domestic", 1000)
    with shop.read(admin) as db:
        assert [version.number for version in versions_of(db, "shop.home")] == [1000]


def test_saving_again_replaces_the_draft_and_discarding_ends_it(shop, admin, home):
    with shop.write(admin) as db:
        save_draft(db, edited(home, label="One"))
        assert save_draft(db, edited(home, label="Two")).number == 1000
        assert draft_of(db, "shop.home").definition["label"] == "Two"
        discard_draft(db, "shop.home")
        with pytest.raises(NotFoundError):
            publish_draft(db, "shop.home")


@both_databases
def test_a_new_pipeline_is_made_at_run_time(shop, staff, admin):
    written = {
        "id": "custom.tender",
        "entity": "shop.bid",
        "label": "Tenders",
        "stages": [stage("announced"), stage("awarded", kind="won")],
        "moves": [{"source": "announced", "target": "awarded", "guards": [{"rule": "price > 10"}]}],
    }
    version = publish(shop, admin, written)
    assert (version.number, version.base, version.based_on) == (1000, None, None)
    with shop.write(staff.anna) as db:
        bid = db.create(Bid(pipeline="custom.tender"))
        assert (bid.stage, bid.pipeline_version) == ("announced", 1000)
        with pytest.raises(Refusal, match="price > 10"):
            db.move(bid, "awarded")
        assert db.move(db.update(bid, price=Money.of(11, "EUR")), "awarded").stage_kind == "won"
        # It does not take the place of the one of new records.
        assert db.create(Bid()).pipeline == "shop.home"


def test_only_who_may_edit_pipelines_does(shop, staff, admin, home):
    people = People(shop)
    people.role("peeker", [Grant("core.pipeline_version", ["read"], "all")])
    peeker = people.user("Peeker", roles=["peeker"])
    with shop.write(admin) as db:
        save_draft(db, home)
    for who in (staff.chief, peeker):
        with shop.write(who) as db:
            for act in (
                lambda: save_draft(db, home),
                lambda: publish_draft(db, "shop.home"),
                lambda: try_draft(db, "shop.home"),
                lambda: discard_draft(db, "shop.home"),
                lambda: versions_of(db, "shop.home"),
            ):
                with pytest.raises(ForbiddenError):
                    act()
    with shop.write(admin) as db:
        # Past the checks, nobody writes a version.
        with pytest.raises(ForbiddenError):
            db.create(PipelineVersion(pipeline="shop.home", number=7, definition={}))
        with pytest.raises(ForbiddenError):
            db.update(draft_of(db, "shop.home"), published_at=db.now)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": "none"}, "stages: Expected `array`"),
        ({"stages": [stage("draft", kind="maybe")]}, r"stages\[0\].kind: Invalid enum value 'maybe'"),
        ({"stages": [stage("Draft!")]}, r"stages\[0\]: .*lower case"),
        ({"stages": [stage("draft", nosuch=1)]}, r"stages\[0\]: .*unknown field `nosuch`"),
        ({"stages": [stage("draft", required=["nosuch"])], "moves": []}, "requires the unknown field 'nosuch'"),
        ({"moves": [{"source": "draft", "target": "nosuch"}]}, "unknown stage 'nosuch'"),
        ({"moves": [{"source": "draft", "target": "won", "guards": [{"rule": "price >"}]}]},
         r"moves\[0\].guards\[0\]: Rule, column 8: it ends too early"),
        ({"moves": [{"source": "draft", "target": "won", "guards": [{"rule": "nosuch > 1"}]}]}, "no field 'nosuch'"),
        ({"moves": [{"source": "draft", "target": "won", "guards": [{"guard": "shop.nosuch"}]}]}, "unknown guard"),
        ({"moves": [{"source": "draft", "target": "won", "guards": [{}]}]}, r"guards\[0\]: .*either a rule or"),
        ({"moves": [{"source": "draft", "target": "won", "roles": ["Nobody"]}]}, r"moves\[0\]: there is no role"),
        ({"moves": [{"source": "draft", "target": "won", "approval": {"roles": ["Nobody"]}}]}, "there is no role"),
        ({"moves": [{"source": "draft", "target": "won", "approval": {}}]}, r"moves\[0\].approval: .*as many people"),
        ({"entity": "core.user"}, "entity: a pipeline stays that of shop.bid"),
        ({"id": "shop.other"}, "id: the id of a new pipeline begins with 'custom.'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_draft_is_told_with_its_place(shop, admin, home, change, message):
    with shop.write(admin) as db, pytest.raises(ValidationError, match=message):
        save_draft(db, {**home, **change})


# Slugs keep their meaning.


def test_a_slug_never_gets_another_meaning(shop, admin, home):
    publish(shop, admin, shorter(home))
    draft, _sent, won, lost = shorter(home)["stages"]
    moves = [{"source": "*", "target": "lost"}]
    with shop.write(admin) as db:
        for stages, message in (
            ([draft, stage("offered", label="Shipped"), won, lost], "retired stage 'offered' was called 'Offered'"),
            ([draft, stage("offered", kind="won"), won, lost], "the stage 'offered' is of the kind open"),
            ([draft, {**won, "kind": "open"}, lost], "the stage 'won' is of the kind won"),
        ):
            with pytest.raises(ValidationError, match=message):
                save_draft(db, edited(home, stages=stages, moves=moves))
        # The very stage may come back, and a living one may be renamed.
        save_draft(db, edited(home, stages=[{**draft, "label": "Idea"}, stage("offered"), won, lost], moves=moves))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"draft": "sent"}, "mapping.draft: only stages that go are mapped"),
        ({"nosuch": "sent"}, "mapping.nosuch: only stages that go are mapped"),
        ({"offered": "nosuch"}, "there is no stage 'nosuch'"),
        ({"offered": "won"}, "a mapping keeps the kind"),
    ],
)
def test_a_mapping_leads_from_stages_that_go_to_those_that_stay(shop, admin, home, mapping, message):
    with shop.write(admin) as db, pytest.raises(ValidationError, match=message):
        save_draft(db, shorter(home), mapping=mapping)


# Records and versions.


@both_databases
def test_records_go_by_the_version_that_they_have_entered(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        old = db.create(Bid(stage="offered"))
    publish(shop, admin, shorter(home))
    with shop.write(staff.anna) as db:
        new = db.create(Bid(discount=60))
        assert (old.pipeline_version, new.pipeline_version) == (1, 1000)
        # The old one is still won from where it stands; the new one meets the new guard.
        assert db.move(old, "won").pipeline_version == 1
        with pytest.raises(Refusal, match="discount < 50"):
            db.move(new, "sent")


@both_databases
def test_a_stage_that_went_is_a_retired_lane_under_its_label(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        db.create(Bid(stage="offered"))
    publish(shop, admin, shorter(home))
    with shop.read(staff.anna) as db:
        found = board(db, Bid)
    assert found.version == 1000
    assert [(lane.slug, lane.label, lane.is_retired) for lane in found.lanes if lane.count] == [
        ("offered", "Offered", True)
    ]
    carry = publish(shop, admin, shorter(home), mapping={"offered": "draft"})
    assert carry_over(shop, "shop.home").moved == 1
    with shop.read(staff.anna) as db:
        assert [lane.slug for lane in board(db, Bid).lanes] == ["draft", "sent", "won", "lost"]
    assert carry.number == 1001


@both_databases
def test_a_dry_run_tells_what_the_mapping_would_do_to_what_the_reader_sees(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        db.create_many([Bid(stage="offered", price=EURO), Bid(stage="offered", discount=70), Bid()])
    with shop.write(admin) as db:
        save_draft(db, shorter(home), mapping={"offered": "sent"})
        told = try_draft(db, "shop.home")
    assert (told.number, told.new, told.renamed) == (1000, ("sent",), ())
    (gone,) = told.goes
    assert (gone.stage, gone.count, gone.target) == ("offered", 2, "sent")
    assert (gone.missing, gone.fails) == ({"price": 1}, {"discount < 50": 1})
    # Who edits pipelines but sees no bids is told of none.
    people = People(shop)
    grants = [Grant("core.pipeline_version", ["read", "update"], "all"), Grant("shop.bid", ["read"], "own")]
    people.role("editor", grants)
    with shop.read(people.user("Editor", roles=["editor"])) as db:
        assert [goes.count for goes in try_draft(db, "shop.home").goes] == [0]


@both_databases
def test_records_are_carried_over_in_batches_and_the_ledger_says_why(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        made = db.create_many([Bid(stage="offered", price=EURO) for _each in range(5)])
        bare, draft = db.create_many([Bid(stage="offered"), Bid()])
    publish(shop, admin, shorter(home), mapping={"offered": "sent"})
    seen = []
    done = carry_over(shop, "shop.home", size=2, watch=lambda done: seen.append(done.moved))
    assert (done.moved, done.left, done.pinned) == (5, 1, 0)
    assert len(seen) > 2
    with shop.read(staff.anna) as db:
        assert {db.get(Bid, bid.id).stage for bid in made} == {"sent"}
        assert (db.get(Bid, bare.id).stage, db.get(Bid, draft.id).pipeline_version) == ("offered", 1)
        assert [visit.stage for visit in db.visits(made[0])] == ["offered", "sent"]
        assert db.history(made[0])[-1].changes["pipeline_version"] == (1, 1000)
    with shop.system("look") as db:
        assert "carried over" in db.history(made[0])[-1].cause


@both_databases
def test_carrying_over_cut_short_goes_on_where_it_was(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        db.create_many([Bid(stage="offered", price=EURO) for _each in range(7)])
    publish(shop, admin, shorter(home), mapping={"offered": "sent"})

    def cut(done):
        if done.moved >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_over(shop, "shop.home", size=2, watch=cut)
    with shop.read(staff.anna) as db:
        assert db.count(Bid, 'stage == "sent"') == 4
    assert carry_over(shop, "shop.home", size=2).moved == 7
    assert carry_over(shop, "shop.home").moved == 0


@both_databases
def test_everything_is_pinned_to_the_newest_version_where_that_is_asked_for(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        made = db.create(Bid())
    publish(shop, admin, shorter(home))
    assert carry_over(shop, "shop.home", everything=True).pinned == 1
    with shop.read(staff.anna) as db:
        assert db.get(Bid, made.id).pipeline_version == 1000
        assert len(db.visits(made)) == 1


def test_mappings_of_several_versions_are_followed_one_after_the_other(shop, staff, admin, home):
    with shop.write(staff.anna) as db:
        made = db.create(Bid(stage="offered", price=EURO))
    publish(shop, admin, shorter(home), mapping={"offered": "sent"})
    second = [s if s["slug"] != "sent" else stage("shipped") for s in shorter(home)["stages"]]
    moves = [{"source": "draft", "target": "shipped"}]
    publish(shop, admin, edited(home, stages=second, moves=moves), mapping={"sent": "shipped"})
    assert carry_over(shop, "shop.home").moved == 1
    with shop.read(staff.anna) as db:
        assert (db.get(Bid, made.id).stage, db.get(Bid, made.id).pipeline_version) == ("shipped", 1001)


def test_reasons_are_edited_like_anything_else(shop, staff, admin, home):
    stages = [dict(s) for s in home["stages"]]
    stages[-1]["reasons"] = {"field": "lost_reason", "options": [{"slug": "weather", "label": "Weather"}]}
    publish(shop, admin, edited(home, stages=stages))
    with shop.write(staff.anna) as db:
        assert db.move(db.create(Bid()), "lost", reason="weather").lost_reason == "weather"
        with pytest.raises(ValidationError, match="the reasons are weather"):
            db.move(db.create(Bid()), "lost", reason="price")


# JSON.

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
LABELS = st.text(min_size=1, max_size=8).map(Text)
STAGES = st.builds(
    Stage,
    NAMES,
    LABELS,
    st.sampled_from(["open", "won", "lost"]),
    st.integers(0, 100),
    st.lists(NAMES, max_size=2),
    expected=st.none() | st.integers(1, 99).map(lambda hours: timedelta(hours=hours)),
    reasons=st.none() | st.builds(Reasons, NAMES, st.just([Reason("a", Text("A"))]), st.none() | NAMES, st.booleans()),
)
APPROVALS = st.builds(Approval, st.integers(1, 3), st.lists(NAMES, min_size=1), team_lead=st.booleans())


@settings(max_examples=50)
@given(
    stages=st.lists(STAGES, min_size=1, max_size=4, unique_by=lambda stage: stage.slug),
    guards=st.lists(st.sampled_from([Rule.parse("price > 1"), "shop.guard"]), max_size=2),
    approval=st.none() | APPROVALS,
    roles=st.lists(NAMES, max_size=2),
)
def test_a_pipeline_reads_back_as_it_was_written(stages, guards, approval, roles):
    moves = [Move("*", stages[0].slug, guards, roles, approval)]
    pipeline = Pipeline("x.y", "x.z", Text("Y"), stages, moves, 7)

    assert read_pipeline(written_pipeline(pipeline), 7) == pipeline


@pytest.mark.parametrize("pipeline", [HOME, ABROAD])
def test_shipped_pipelines_read_back_with_their_translations(pipeline):
    read = read_pipeline(written_pipeline(pipeline), 1)

    assert read == pipeline
    assert read.label.package == pipeline.label.package


@both_databases
def test_a_stage_may_require_a_field_that_was_added_at_run_time(shop, staff, admin, home):
    with shop.write(admin) as db:
        db.create(CustomField(entity="shop.bid", key="budget", type="text", label="Budget"))
    stages = [{**s, "required": ["custom.budget"]} if s["slug"] == "offered" else s for s in home["stages"]]
    publish(shop, admin, edited(home, stages=stages, moves=[{"source": "draft", "target": "offered"}]))
    with shop.write(staff.anna) as db:
        bid = db.create(Bid())
        with pytest.raises(Refusal, match=r"custom\.budget"):
            db.move(bid, "offered")
        bid = db.update(bid, {"custom.budget": "large"})
        assert db.move(bid, "offered").stage == "offered"
