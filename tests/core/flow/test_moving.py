"""Reasons, roles made at run time, and records that change their pipeline."""

import pytest

from crmkit import (
    DeclarationError,
    Grant,
    Mask,
    Money,
    Move,
    Pipeline,
    PluginError,
    Reason,
    Reasons,
    Refusal,
    Stage,
    UnknownFieldError,
    UnknownPipelineError,
    UnknownStageError,
    User,
    ValidationError,
    count,
)
from crmkit.core.errors import InapplicableVerbError
from crmkit.testing import People, both_databases, plugin
from tests.core.flow.shop import HOME, ROLES, Bid

EURO = Money.of(1, "EUR")


# Reasons.


@both_databases
def test_a_reason_is_kept_with_the_record_and_counted_like_any_value(shop, staff):
    with shop.write(staff.anna) as db:
        bids = db.create_many([Bid(), Bid(), Bid()])
        for bid, reason in zip(bids, ("price", "price", "rival"), strict=True):
            bid = db.move(bid, "lost", reason=reason, note="They told us.")
        assert (bid.lost_reason, bid.lost_note) == ("rival", "They told us.")
        rows = db.aggregate(Bid, group_by="lost_reason", measures={"bids": count()}, where='stage_kind == "lost"')
        assert rows == [{"lost_reason": "price", "bids": 2}, {"lost_reason": "rival", "bids": 1}]
        assert dict(db.history(bid)[-1].changes)["lost_reason"] == (None, "rival")


def test_a_move_without_the_reason_that_its_stage_requires_is_refused(shop, staff):
    with shop.write(staff.anna) as db:
        bid = db.create(Bid())
        with pytest.raises(Refusal, match=r"fields are missing.*\[lost_reason\]"):
            db.move(bid, "lost")
        # It may have been given before.
        assert db.move(db.update(bid, lost_reason="price"), "lost").stage == "lost"


def test_a_reason_is_one_of_those_that_the_pipeline_declares(shop, staff):
    with shop.write(staff.anna) as db:
        bid = db.create(Bid())
        for act in (
            lambda: db.move(bid, "lost", reason="weather"),
            lambda: db.update(bid, lost_reason="weather"),
            lambda: db.create(Bid(lost_reason="weather")),
        ):
            with pytest.raises(ValidationError, match="'weather' is no reason; the reasons are price, rival"):
                act()
        with pytest.raises(ValidationError, match="the stage 'won' asks for none"):
            db.move(db.move(bid, "offered"), "won", reason="price")


def test_a_reason_in_a_hidden_field_cannot_be_given(shop):
    people = People(shop)
    people.role("half", [Grant("shop.bid", ["read", "create", "move"], "all")], [Mask("shop.bid", ["lost_note"])])
    with shop.write(people.user("Half", roles=["half"])) as db:
        bid = db.create(Bid())
        with pytest.raises(UnknownFieldError, match="'lost_note'"):
            db.move(bid, "lost", reason="price", note="secret")


def test_reasons_that_cannot_be_kept_are_refused_where_they_are_declared(make_crm):
    with pytest.raises(DeclarationError, match="no slug twice"):
        Reasons("x", [Reason("a", "A"), Reason("a", "A")])
    stage = Stage("lost", "Lost", "lost", reasons=Reasons("discount", [Reason("a", "A")]))
    broken = Pipeline("shop.home", "shop.bid", "Home", [stage], [])
    with pytest.raises(PluginError, match="keeps a reason in 'discount', which is no field of text"):
        make_crm(plugin("shop", entities=[Bid], roles=ROLES, pipelines=[broken]))


# Roles.


@both_databases
def test_a_move_may_ask_for_a_role_made_at_run_time(shop, staff):
    people = People(shop)
    people.role("Reopener")
    opener = people.user("Opener", team="North", roles=["shop.seller", "Reopener"])
    with shop.write(staff.anna) as db:
        bid = db.move(db.move(db.create(Bid()), "offered"), "won")
        with pytest.raises(Refusal, match=r"a role is required.*\[Reopener\]"):
            db.move(bid, "draft")
    with shop.write(opener) as db:
        assert db.move(bid, "draft").stage == "draft"


# Another pipeline.


@pytest.mark.long
@both_databases
def test_a_record_changes_its_pipeline_and_visits_and_ledger_tell_it(shop, staff):
    with shop.write(staff.anna) as db:
        bid = db.change_pipeline(db.create(Bid()), "shop.abroad", "start")
        assert (bid.pipeline, bid.stage, bid.stage_kind) == ("shop.abroad", "start", "open")
        visits = [(visit.pipeline, visit.stage, visit.left_at is None) for visit in db.visits(bid)]
        assert visits == [("shop.home", "draft", False), ("shop.abroad", "start", True)]
        last = db.history(bid)[-1]
        assert (last.kind, last.changes["pipeline"]) == ("move", ("shop.home", "shop.abroad"))


@both_databases
def test_a_batch_changes_its_pipeline_by_a_mapping_of_stages(shop, staff):
    with shop.write(staff.anna) as db:
        draft, offered = db.create_many([Bid(price=EURO), Bid(price=EURO, stage="offered")])
        moved = db.change_pipeline_many([draft, offered], "shop.abroad", {"draft": "start", "offered": "sent"})
        assert [bid.stage for bid in moved] == ["start", "sent"]
        with pytest.raises(ValidationError, match="says nothing about records in the stage 'start'"):
            db.change_pipeline_many(moved, "shop.home", {"sent": "offered"})


def test_what_leads_into_a_stage_is_asked_of_those_who_come_from_elsewhere(shop, staff):
    with shop.write(staff.anna) as db:
        high, bare = db.create_many([Bid(price=EURO, discount=60), Bid()])
        with pytest.raises(Refusal, match="a guard refuses"):
            db.change_pipeline(high, "shop.abroad", "sent")
        with pytest.raises(Refusal, match=r"fields are missing.*price"):
            db.change_pipeline(bare, "shop.abroad", "sent")
        won = db.create(Bid(stage="won"))
        with pytest.raises(Refusal, match="a role is required"):
            db.change_pipeline(won, "shop.abroad", "signed")
        abroad = db.change_pipeline(db.update(high, discount=40), "shop.abroad", "start")
        with pytest.raises(Refusal, match="an approval is missing"):
            db.change_pipeline(abroad, "shop.home", "offered")
    with shop.write(staff.chief) as db:
        assert db.change_pipeline(won, "shop.abroad", "signed").stage_kind == "won"


@pytest.mark.parametrize(("stage", "target"), [("won", "start"), ("draft", "signed")])
def test_a_change_of_pipeline_keeps_the_kind_of_the_stage(shop, staff, stage, target):
    with shop.write(staff.chief) as db:
        made = db.create(Bid(stage=stage))
        with pytest.raises(Refusal, match="nothing leads there from another pipeline"):
            db.change_pipeline(made, "shop.abroad", target)


def test_unknown_pipelines_and_stages_are_named(shop, staff):
    with shop.write(staff.anna) as db:
        made = db.create(Bid())
        with pytest.raises(UnknownPipelineError, match=r"shop\.home, shop\.abroad"):
            db.change_pipeline(made, "shop.nosuch")
        with pytest.raises(UnknownStageError, match="start, sent, signed"):
            db.change_pipeline(made, "shop.abroad")
    with shop.system("test") as db, pytest.raises(InapplicableVerbError):
        db.change_pipeline(db.find(User)[0], "shop.abroad")


@pytest.mark.parametrize("hidden", ["stage", "pipeline"])
def test_who_may_not_know_the_stage_changes_no_pipeline(shop, hidden):
    people = People(shop)
    people.role("half", [Grant("shop.bid", ["read", "create", "move"], "all")], [Mask("shop.bid", [hidden])])
    with shop.system("test") as db:
        made = db.create(Bid())
    with shop.write(people.user("Half", roles=["half"])) as db, pytest.raises(Refusal) as caught:
        db.change_pipeline(made, "shop.abroad", "start")
    assert not any(told in str(caught.value) for told in ("draft", "shop.home"))


def test_an_own_pipeline_is_chosen_at_creation(shop, staff):
    with shop.write(staff.anna) as db:
        assert db.create(Bid(pipeline="shop.abroad")).stage == "start"
        with pytest.raises(UnknownStageError):
            db.create(Bid(pipeline="shop.nosuch"))


def test_moves_of_the_test_pipeline_are_what_the_tests_assume():
    assert Move("*", "lost") in HOME.moves
