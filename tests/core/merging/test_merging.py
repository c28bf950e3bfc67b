"""Merging: the losers go into the bin, and everything that led to them leads to the winner."""

import pytest

from crmkit import (
    ConflictError,
    ForbiddenError,
    Grant,
    Mask,
    Money,
    NotFoundError,
    Problem,
    Rule,
    StaleError,
    Target,
    UnknownFieldError,
    User,
    ValidationError,
    WriteRefusedError,
)
from crmkit.core.errors import InapplicableVerbError
from crmkit.core.verifying import examine
from crmkit.core.writing.restoring import MergedError
from crmkit.testing import both_databases, plugin
from tests.core.merging.conftest import EVERYTHING
from tests.oracle import extra, trade
from tests.oracle.extra.entities import DealExtra
from tests.oracle.trade.entities import Deal, Firm, Line, Note, Partner

ALL = [Grant(entity, EVERYTHING, "all") for entity in ("trade.deal", "trade.firm", "trade.partner", "trade.line")]


@pytest.fixture
def firms(crm, steward):
    """Two firms, the second of which has what the first lacks."""
    with crm.write(steward) as db:
        return db.create_many([Firm(name="Acme", city="Berlin"), Firm(name="ACME Ltd", tax="t1", secret="s1")])


@pytest.fixture
def deals(crm, steward):
    """Two deals."""
    with crm.write(steward) as db:
        return db.create_many([Deal(name="Pilot", size=3), Deal(name="Pilot 2", worth=Money.of(5, "EUR"), size=7)])


# What the winner keeps.


@both_databases
def test_the_winner_keeps_its_values_and_takes_over_what_it_lacks(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        kept = db.merge(one, [two])

    assert (kept.id, kept.name, kept.city, kept.tax, kept.secret) == (one.id, "Acme", "Berlin", "t1", "s1")


@both_databases
def test_who_loses_sight_of_the_winner_by_merging_is_told_what_the_merge_did(crm, somebody, firms, steward):
    one, two = firms
    seen = [Rule.parse('tax == null || name == "ACME Ltd"')]
    some = somebody(Grant("trade.firm", EVERYTHING, seen[0]), masks=[Mask("trade.firm", ["secret"])])
    with crm.write(some) as db:
        kept = db.merge(one, [two])

    assert (kept.id, kept.name, kept.tax) == (one.id, "Acme", "t1")
    with pytest.raises(AttributeError):
        _ = kept.secret
    with crm.read(some) as db, pytest.raises(NotFoundError):
        db.get(Firm, one.id)
    with crm.read(steward) as db:
        assert (db.get(Firm, two.id).id, db.get(Firm, one.id).version) == (one.id, kept.version)


def test_a_field_is_kept_of_the_record_that_is_chosen_or_as_the_caller_says(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        kept = db.merge(one, [two], choose={"name": two.id, "tax": one.id}, values={"city": "Bonn"})

    assert (kept.name, kept.tax, kept.city) == ("ACME Ltd", None, "Bonn")


@both_databases
def test_what_plugins_added_is_merged_field_by_field(crm, steward, deals):
    one, two = deals
    with crm.write(steward) as db:
        db.update(one, {"extra.hint": "mine"})
        two = db.update(two, {"extra.points": 5, "extra.grade": "a", "extra.hint": "yours"})
        kept = db.merge(db.get(Deal, one.id), [two])
        added = DealExtra.of(db, kept)

    # The winner's side row was written, so its points are a value like any other.
    assert (added.points, added.grade, added.hint) == (0, "a", "mine")


def test_what_a_plugin_never_wrote_of_the_winner_comes_from_the_loser(crm, steward, deals):
    one, two = deals
    with crm.write(steward) as db:
        two = db.update(two, {"extra.points": 5})
        assert DealExtra.of(db, db.merge(one, [two])).points == 5


def test_stage_owner_and_number_stay_the_winners(crm, steward, deals, people):
    one, two = deals
    other = people.user("Other")
    with crm.write(steward) as db:
        two = db.transfer(db.move(two, "active"), other.user_id)
        kept = db.merge(one, [two])

    assert (kept.stage, kept.owner_id, kept.code) == (one.stage, one.owner_id, one.code)
    assert kept.worth == Money.of(5, "EUR")


def test_a_tree_keeps_the_place_of_the_winner(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        one = db.update(one, parent_id=two.id)
        two = db.update(two, parent_id=db.create(Firm(name="Top")).id)
        assert db.merge(one, [two]).parent_id is None


# What leads to the loser.


@both_databases
def test_references_of_all_plugins_lead_to_the_winner(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        deal = db.create(Deal(name="Pilot", firm_id=two.id, backup_id=two.id))
        deal = db.update(deal, {"extra.sponsor_id": two.id})
        note = db.create(Note(body="Called", about=Target.of(two)))
        child = db.create(Firm(name="Child", parent_id=two.id))
        partner = db.create(Partner(deal_id=deal.id, firm_id=two.id))
        db.merge(one, [two])

        deal = db.get(Deal, deal.id)
        assert (deal.firm_id, deal.backup_id, DealExtra.of(db, deal).sponsor_id) == (one.id,) * 3
        assert db.get(Note, note.id).about == Target.of(one)
        assert db.get(Firm, child.id).parent_id == db.get(Partner, partner.id).firm_id == one.id


@both_databases
def test_a_link_that_the_winner_has_already_is_folded(crm, steward, firms, deals):
    one, two = firms
    with crm.write(steward) as db:
        mine, _theirs = db.create_many([Partner(deal_id=deals[0].id, firm_id=firm.id) for firm in firms])
        moved = db.create(Partner(deal_id=deals[1].id, firm_id=two.id))
        db.merge(one, [two])

        assert {partner.id for partner in db.find(Partner)} == {mine.id, moved.id}
        assert [firm.id for firm in db.expand([deals[0]], "partners")[deals[0].id]] == [one.id]


@both_databases
def test_ids_numbers_and_external_ids_of_losers_lead_to_the_winner_through_any_chain(crm, steward, deals):
    one, two = deals
    with crm.write(steward) as db:
        three = db.create(Deal(name="Third"))
        db.external.give("erp", Deal, {"old": two.id})
        three = db.merge(three, [two])
    with crm.write(steward) as db:
        db.merge(one, [three])
    with crm.write(steward) as db:
        for reference in (two.id, str(two.id), two.code, three.code, one.code):
            assert db.get(Deal, reference).id == one.id
        assert db.external.find("erp", Deal, ["old"])["old"].record_id == one.id
        assert db.create(Line(deal_id=two.id)).deal_id == one.id
        assert db.create(Note(body="x", about=Target.of(three))).about == Target.of(one)


def test_who_does_not_see_the_winner_finds_nothing_under_the_losers_id(crm, somebody, firms, steward):
    one, two = firms
    reader = somebody(Grant("trade.firm", ["read"], Rule.parse('city != "Berlin"')))
    with crm.write(steward) as db:
        db.merge(one, [two])
    with crm.read(reader) as db, pytest.raises(NotFoundError, match=f"there is no record '{two.id}'"):
        db.get(Firm, two.id)


def test_the_history_of_a_loser_is_not_told_to_those_who_see_the_winner_alone(crm, somebody, deals, steward):
    one, two = deals
    reader = somebody(Grant("trade.deal", ["read"], Rule.parse('name == "Pilot"')))
    with crm.write(steward) as db:
        kept = db.merge(one, [two])
    with crm.read(reader) as db:
        assert db.history(two) == db.history(kept)
        assert [visit.stage for visit in db.visits(two)] == ["new"]
        assert [(entry.kind, entry.cause) for entry in db.history(kept)][1:] == [
            ("update", "merge"),
            ("merge", "merge"),
        ]


def test_a_restored_record_refers_to_the_winner(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        deal = db.create(Deal(name="Pilot", firm_id=two.id))
        db.delete(deal)
        db.merge(one, [two])
        assert db.restore(Deal, deal.id).firm_id == one.id


def test_a_merged_record_is_not_restored_but_unmerged(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        db.merge(one, [two])
    with crm.write(steward) as db, pytest.raises(MergedError, match="was merged into another record"):
        db.restore(Firm, two.id)


# Who may.


@both_databases
def test_t11_a_merge_needs_sight_of_all_the_update_of_one_and_the_deletion_of_the_others(crm, somebody, firms):
    one, two = firms
    read, change = Grant("trade.firm", ["read"], "all"), Grant("trade.firm", ["read", "update"], "all")
    remove = Grant("trade.firm", ["read", "delete"], "all")
    blind = somebody(Grant("trade.firm", EVERYTHING, Rule.parse('city == "Berlin"')), name="Blind")
    with pytest.raises(NotFoundError), crm.write(blind) as db:
        db.merge(one, [two])
    with pytest.raises(NotFoundError), crm.write(blind) as db:
        db.merge_preview(two, [one])
    for name, grant in {"Read": read, "Change": change, "Remove": remove}.items():
        with pytest.raises(ForbiddenError), crm.write(somebody(grant, name=name)) as db:
            db.merge(one, [two])
    both = somebody(change, remove, name="Both")
    with crm.write(both) as db:
        assert db.merge(one, [two]).id == one.id


def test_t11_unmerging_is_closed_to_those_who_may_not_delete(crm, somebody, firms, steward):
    one, two = firms
    with crm.write(steward) as db:
        db.merge(one, [two])
    changer = somebody(Grant("trade.firm", ["read", "update"], "all"))
    with pytest.raises(NotFoundError, match="there is no record"), crm.write(changer) as db:
        db.unmerge(Firm, two.id)


def test_fields_that_one_may_not_read_or_set_stay_the_winners(crm, somebody, firms):
    masks = [Mask("trade.firm", ["secret"]), Mask("trade.firm", ["tax"], "read_only")]
    person = somebody(*ALL, masks=masks)
    one, two = firms
    with crm.write(person) as db:
        with pytest.raises(UnknownFieldError):
            db.merge(one, [two], choose={"secret": two.id})
        with pytest.raises(ValidationError, match="read-only"):
            db.merge(one, [two], choose={"tax": two.id})
        plan = db.merge_preview(one, [two])
        db.merge(one, [two])
    assert {choice.name: choice.from_id for choice in plan.fields} == {
        "name": one.id,
        "city": one.id,
        "tax": one.id,
    }
    with crm.system("test") as db:
        kept = db.get(Firm, one.id)
        assert (kept.secret, kept.tax) == (None, None)


def test_whoever_saw_a_loser_does_not_gain_the_winner(crm, steward, deals, people):
    one, two = deals
    friend = people.user("Fri")
    with crm.write(steward) as db:
        db.share(two, user=friend.user_id)
        db.merge(one, [two])
    for id_ in (one.id, two.id):
        with crm.read(friend) as db, pytest.raises(NotFoundError):
            db.get(Deal, id_)
    with crm.write(steward) as db:
        db.unmerge(Deal, two.id)
    with crm.read(friend) as db:
        assert [deal.id for deal in db.find(Deal)] == [two.id]


@both_databases
def test_hidden_references_follow_and_nothing_is_told_of_them(crm, somebody, firms):
    one, two = firms
    person = somebody(
        Grant("trade.firm", EVERYTHING, "all"), Grant("trade.deal", ["read"], Rule.parse('name == "Seen"'))
    )
    with crm.system("test") as db:
        deals = db.create_many([Deal(name=name, firm_id=two.id) for name in ("Seen", "Hidden", "Hidden")])
    with crm.write(person) as db:
        plan = db.merge_preview(one, [two])
        assert [(each.field, each.count) for each in plan.repointed] == [("firm_id", 1)]
        db.merge(one, [two])
    with crm.system("test") as db:
        assert [db.get(Deal, deal.id).firm_id for deal in deals] == [one.id] * 3


@both_databases
def test_nobody_merges_to_see_what_was_hidden(crm, somebody, firms):
    one, two = firms
    person = somebody(
        Grant("trade.firm", EVERYTHING, "all"), Grant("trade.deal", ["read"], Rule.parse('firm.city == "Berlin"'))
    )
    with crm.system("test") as db:
        db.create(Deal(name="Hidden", firm_id=two.id))
    with crm.write(person) as db:
        assert isinstance(db.merge_preview(one, [two]).refusal, ConflictError)
        with pytest.raises(ConflictError, match=r"trade\.firm: this write conflicts"):
            db.merge(one, [two])
    with crm.read(person) as db:
        assert db.find(Deal) == []
        assert db.get(Firm, two.id).version == two.version


def test_a_restriction_on_what_refers_to_the_loser_forbids_the_merge(crm, people, firms):
    one, two = firms
    person = people.user("Nina", roles=[people.role("all", ALL)])
    with crm.system("test") as db:
        db.create(Deal(name="Secret", colour="black", firm_id=two.id))
    with crm.write(person) as db, pytest.raises(ConflictError):
        db.merge(one, [two])


@pytest.mark.parametrize("kind", ["none", "itself", "twice", "other"])
def test_only_different_records_of_one_entity_are_merged(crm, steward, firms, deals, kind):
    losers = {"none": [], "itself": [firms[0]], "twice": [firms[1]] * 2, "other": [deals[0]]}[kind]
    with crm.write(steward) as db, pytest.raises(ValidationError, match="different records of one entity"):
        db.merge(firms[0], losers)


def test_users_are_not_merged(crm, people):
    one, two = people.user("One"), people.user("Two")
    with crm.system("test") as db, pytest.raises(InapplicableVerbError, match="nothing to merge"):
        db.merge(db.get(User, one.user_id), [db.get(User, two.user_id)])


def test_a_merge_of_what_somebody_changed_meanwhile_is_stale(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        db.update(two, city="Bonn")
    with crm.write(steward) as db, pytest.raises(StaleError):
        db.merge(one, [two])


@both_databases
def test_a_merge_that_a_plugin_refuses_changes_nothing_and_the_transaction_goes_on(make_crm, database):
    def crmkit_check_write(writes):
        return [Problem("kept", place) for place, w in enumerate(writes) if w.entity.id == "trade.deal" and w.stored]

    keeper = plugin("keeper", requires=["trade"], hooks=[crmkit_check_write])
    crm = make_crm(trade, extra, keeper, database=database)
    with crm.system("test") as db:
        one, two = db.create_many([Firm(name="One"), Firm(name="Two", tax="t")])
        db.create(Deal(name="Pilot", firm_id=two.id))
    with crm.system("test") as db:
        assert "kept" in str(db.merge_preview(one, [two]).refusal)
        with pytest.raises(WriteRefusedError, match="kept"):
            db.merge(one, [two])
        db.update(one, city="Bonn")
    with crm.system("test") as db:
        assert (db.get(Firm, one.id).tax, db.get(Firm, two.id).tax) == (None, "t")


# What it says before and after.


@both_databases
def test_a_preview_tells_what_would_happen_and_does_nothing(crm, steward, firms, deals):
    one, two = firms
    with crm.write(steward) as db:
        db.create_many([Partner(deal_id=deals[0].id, firm_id=firm.id) for firm in firms])
        db.create_many([Deal(name="x", firm_id=two.id), Deal(name="y", firm_id=two.id, backup_id=two.id)])
        db.external.give("erp", Firm, {"a": two.id, "b": one.id})
    with crm.write(steward) as db:
        plan = db.merge_preview(one, [two])
    assert [(each.entity, each.field, each.count, each.folded) for each in plan.repointed] == [
        ("trade.partner", "", 0, 1),
        ("trade.deal", "backup_id", 1, 0),
        ("trade.deal", "firm_id", 2, 0),
    ]
    assert (plan.winner, plan.losers, plan.external_ids, plan.refusal) == (one, (two,), 1, None)
    named = {choice.name: choice for choice in plan.fields}
    assert named["tax"].values == {one.id: None, two.id: "t1"}
    assert (named["tax"].kept, named["tax"].from_id) == ("t1", two.id)
    with crm.read(steward) as db:
        assert db.get(Firm, two.id) == two


@both_databases
def test_the_ledger_tells_of_a_merge_and_verifies(crm, steward, firms):
    one, two = firms
    with crm.write(steward) as db:
        db.create(Deal(name="Pilot", firm_id=two.id))
        kept = db.merge(one, [two])
        entries = db.history(kept)
    assert [(entry.kind, entry.cause) for entry in entries[1:]] == [("update", "merge"), ("merge", "merge")]
    assert entries[1].changes == {"tax": (None, "t1"), "secret": (None, "s1")}
    with crm.storage.snapshot() as connection:
        assert list(examine(crm.model, connection)) == []
