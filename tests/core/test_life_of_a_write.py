"""The steps of a write, seen from outside: what is stored, what is refused, what a refusal leaves behind: nothing."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from crmkit import (
    ConflictError,
    ForbiddenError,
    Grant,
    Mask,
    Money,
    NotFoundError,
    PluginError,
    Problem,
    Record,
    Restriction,
    Role,
    StaleError,
    Target,
    UnknownFieldError,
    User,
    ValidationError,
    WriteRefusedError,
    any_ref,
    entity,
    extension,
    field,
    new_id,
    ref,
    translator,
)
from crmkit.core.errors import InapplicableVerbError
from crmkit.core.policy.people import RoleRecord
from crmkit.core.writing.life import HookRoundsError
from crmkit.core.writing.writer import WriterBrokenError
from crmkit.testing import People, both_databases
from tests.core.atelier import EVERYTHING, ROLES, Artist, Commission, Invoice, Rating, atelier

_ = translator("tests")


def ledger_length(crm):
    with crm.storage.reading() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM core_ledger").scalar()


@both_databases
def test_create_returns_what_is_stored(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title=" Sea ", price=Money.of("12.50", "EUR"), due_on=date(2026, 4, 1)))

    with crm.read(painter) as db:
        stored = db.get(Commission, made.id)
    assert stored == made
    assert (stored.title, stored.version, stored.number) == ("Sea", 1, "K-000001")
    assert (stored.owner_id, stored.stage, stored.stage_kind) == (painter.user_id, "asked", "open")
    assert stored.created_at == crm.clock.now()


@both_databases
def test_update_raises_the_version_and_keeps_the_rest(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea", hours=2))
        changed = db.update(made, title="Ocean")

    with crm.read(painter) as db:
        assert db.get(Commission, made.id) == changed
    assert (changed.version, changed.hours, changed.days) == (2, 2, 16)


@both_databases
def test_update_that_changes_nothing_writes_nothing(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))
    before = ledger_length(crm)

    with crm.write(painter) as db:
        assert db.update(made, title=" Sea", price=None).version == 1

    assert ledger_length(crm) == before


@both_databases
def test_update_of_a_stale_record_is_refused(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))
        db.update(made, title="Ocean")

    with pytest.raises(StaleError, match="you had version 1"), crm.write(painter) as db:
        db.update(made, title="Lake")


@both_databases
def test_a_batch_is_written_whole_or_not_at_all(crm, painter):
    with crm.write(painter) as db:
        mine = db.create(Commission(title="Mine"))
    with crm.system("test") as db:
        other = db.create(Commission(title="Other"))
    before = ledger_length(crm)

    with pytest.raises(NotFoundError), crm.write(painter) as db:
        db.update_many([(mine, {"title": "A"}), (other, {"title": "B"}), (mine, {"title": "C"})])

    with crm.read(painter) as db:
        assert db.get(Commission, mine.id).title == "Mine"
    assert ledger_length(crm) == before


def test_every_problem_of_a_batch_is_named_by_its_place(crm, painter):
    good, bad = Commission(title="x"), Commission(title="", hours="many")

    with pytest.raises(ValidationError) as caught, crm.write(painter) as db:
        db.create_many([good, bad, Commission(title="y" * 501)])

    assert sorted(caught.value.by_index) == [1, 2]
    assert caught.value.index == 1
    assert "at most 500 characters" in caught.value.by_index[2][0].localized()


def test_places_count_what_the_caller_gave_whether_it_changes_anything_or_not(crm, painter):
    with crm.write(painter) as db:
        same, bad = db.create_many([Commission(title="a"), Commission(title="b")])
        with pytest.raises(ValidationError) as caught:
            db.update_many([(same, {"title": "a"}), (bad, {"artist_id": new_id()})])

    assert list(caught.value.by_index) == [1]


def test_required_fields_may_not_be_emptied(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(ValidationError, match="title: a value is required"):
            db.update(made, title="  ")


@pytest.mark.parametrize("name", ["id", "version", "created_at", "created_by", "deleted_at", "custom", "number"])
def test_what_crmkit_sets_cannot_be_set(crm, master, name):
    with crm.write(master) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(ValidationError, match="is set by crmkit"):
            db.update(made, {name: "x"})


@pytest.mark.parametrize(("name", "verb"), [("stage", "move"), ("owner_id", "transfer"), ("team_id", "transfer")])
def test_some_fields_change_only_through_their_verb(crm, master, name, verb):
    with crm.write(master) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(ValidationError, match=f"is changed only by {verb}"):
            db.update(made, {name: new_id()})


@entity("atelier.slot", label=_("Slot"))
class Slot(Record):
    stage: str = field(default="open")
    pipeline: str = field(default="none")
    owner_id: UUID | None = ref("core.user", default=None)
    team_id: UUID | None = ref("core.team", default=None)


SLOT_KEEPER = Role("atelier.slot_keeper", _("Keeper"), [Grant("atelier.slot", EVERYTHING, "all")])


@both_databases
def test_fields_named_like_an_owner_or_a_stage_are_plain_where_there_is_none(make_crm, database):
    crm = make_crm(atelier(Slot, roles=[*ROLES, SLOT_KEEPER]), database=database)
    people = People(crm)
    team = people.team("Studio")
    keeper = people.user("Karla", roles=["atelier.slot_keeper", "core.administrator"])
    with crm.write(keeper) as db:
        made = db.create(Slot())
        values = {"stage": "shut", "pipeline": "some", "owner_id": keeper.user_id, "team_id": team.id}
        changed = db.update(made, values)
        assert {name: getattr(changed, name) for name in values} == values
        user = db.update(db.get(User, keeper.user_id), team_id=team.id)
        assert user.team_id == team.id


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda db, record: db.transfer(record, None), "nothing to transfer; its records have no owner"),
        (lambda db, record: db.transfer_many([record], None), "nothing to transfer"),
        (lambda db, record: db.move(record, "open"), "nothing to move; its records stand in no pipeline"),
        (lambda db, record: db.move_many([record], "open"), "nothing to move"),
    ],
)
def test_only_what_has_an_owner_is_transferred_and_only_what_has_a_stage_moves(crm, master, ask, message):
    with crm.write(master) as db:
        made = db.create(Artist(name="Ada"))
        with pytest.raises(InapplicableVerbError, match=f"atelier.artist: there is {message}") as caught:
            ask(db, made)
        assert caught.value.code == "inapplicable-verb"
        assert db.get(Artist, made.id).version == 1


def test_a_hidden_field_is_unknown_to_a_write(crm, painter, people):
    editor = people.role(
        "editor", [Grant("atelier.artist", ["read", "update"], "all")], [Mask("atelier.artist", ["notes"])]
    )
    other = people.user("Edith", roles=[editor])
    with crm.write(painter) as db:
        made = db.create(Artist(name="Ada"))
        with pytest.raises(UnknownFieldError, match="'notes'"):
            db.create(Artist(name="Bob", notes="x"))

    with crm.write(other) as db:
        for name in ("notes", "nosuch"):
            with pytest.raises(UnknownFieldError, match=f"atelier.artist has no field '{name}'"):
                db.update(made, {name: "x"})


def test_a_read_only_field_is_refused_at_creation(crm, painter):
    with crm.write(painter) as db, pytest.raises(ValidationError, match="fee: is read-only for you"):
        db.create(Artist(name="Ada", fee=Decimal("1.50")))


@both_databases
def test_a_reference_leads_to_a_visible_record(crm, painter, master):
    with crm.write(master) as db:
        hidden = db.create(Commission(title="Hidden"))

    with crm.write(painter) as db:
        for target in (hidden.id, new_id()):
            with pytest.raises(ValidationError, match=f"there is no atelier.commission {target}"):
                db.create(Invoice(commission_id=target))


@both_databases
def test_a_unique_value_that_is_taken_conflicts_without_saying_by_whom(crm, master):
    with crm.write(master) as db:
        db.create(Artist(name="Ada", email="ada@example.org"))

    with pytest.raises(ConflictError, match="conflicts with another record"), crm.write(master) as db:
        db.create(Artist(name="Bob", email="ada@example.org"))


@both_databases
def test_a_unique_value_is_free_again_when_its_record_lies_in_the_bin(crm, master):
    with crm.write(master) as db:
        first = db.create(Artist(name="Ada", email="ada@example.org"))
        db.delete(first)
        db.create(Artist(name="Bob", email="ada@example.org"))

    with pytest.raises(ConflictError), crm.write(master) as db:
        db.restore(Artist, first.id)


@both_databases
def test_a_transaction_whose_write_failed_halfway_cannot_commit(crm, master):
    with crm.write(master) as db:
        db.create(Artist(name="Ada", email="ada@example.org"))

    with pytest.raises(WriterBrokenError, match="rolled back"), crm.write(master) as db:  # noqa: SIM117 - two ends
        with pytest.raises(ConflictError):
            db.create_many([Artist(name="Bob"), Artist(name="Cy", email="ada@example.org")])

    with crm.read(master) as db:
        assert [artist.name for artist in db.find(Artist)] == ["Ada"]


@both_databases
def test_an_attempt_undoes_its_block_and_the_transaction_goes_on(crm, master):
    with crm.write(master) as db:
        db.create(Artist(name="Ada", email="ada@example.org"))
        with pytest.raises(ConflictError), db.attempt():
            db.create(Artist(name="Bob"))
            db.create(Artist(name="Cy", email="ada@example.org"))
        db.create(Artist(name="Dan"))

    with crm.read(master) as db:
        assert sorted(artist.name for artist in db.find(Artist)) == ["Ada", "Dan"]
        assert len(db.history(db.find(Artist, 'name == "Dan"')[0])) == 1


@both_databases
def test_restrictions_bind_new_records_too(crm, painter):
    with pytest.raises(ForbiddenError, match="you may not create"), crm.write(painter) as db:
        db.create(Commission(title="Secret"))

    with crm.system("test") as db:
        assert db.count(Commission) == 0


@both_databases
def test_a_restriction_on_update_binds_the_row_before_and_after(make_crm, database):
    small = Restriction("atelier.small", "atelier.commission", "hours < 40", ["update"])
    crm = make_crm(atelier(roles=[*ROLES, small]), database=database)
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master"])
    with crm.write(master) as db:
        large, other = db.create_many([Commission(title="Sea", hours=40), Commission(title="Lake", hours=3)])

    for record, hours in ((large, 3), (other, 40)):
        with pytest.raises(ForbiddenError, match="you may not update"), crm.write(master) as db:
            db.update(record, hours=hours)
    with crm.write(master) as db:
        assert db.update(other, hours=39).version == 2
        assert db.move(large, "dropped").stage == "dropped"
    with crm.system("test") as db:
        assert db.update(db.get(Commission, other.id), hours=40).hours == 40


@both_databases
def test_a_restriction_on_update_binds_what_an_extension_adds_and_what_a_hook_sets(make_crm, database):
    def crmkit_before_write(writes):
        for write in writes:
            if write.kind == "update" and write.get("name") == "Bob":
                write.set("atelier.stars", 5)

    modest = Restriction("atelier.modest", "atelier.artist", "atelier.stars < 5", ["update"])
    crm = make_crm(atelier(Rating, roles=[*ROLES, modest], hooks=[crmkit_before_write]), database=database)
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master"])
    with crm.write(master) as db:
        made = db.create(Artist(name="Ada"))
        assert db.update(made, {"atelier.stars": 4}).version == 2
    for values in ({"atelier.stars": 5}, {"name": "Bob"}):
        with pytest.raises(ForbiddenError, match="you may not update"), crm.write(master) as db:
            db.update(db.get(Artist, made.id), values)


@both_databases
def test_a_restriction_on_update_binds_the_row_that_a_delete_would_empty(make_crm, database):
    reviewed = Restriction("atelier.reviewed", "atelier.invoice", "reviewer_id != null", ["update"])
    crm = make_crm(atelier(roles=[*ROLES, reviewed]), database=database)
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master"])
    with crm.write(master) as db:
        reviewer, commission = db.create(Artist(name="Rex")), db.create(Commission(title="Sea"))
        db.create(Invoice(commission_id=commission.id, reviewer_id=reviewer.id))

    with pytest.raises(ConflictError), crm.write(master) as db:
        db.delete(reviewer)


@both_databases
def test_grants_decide_by_the_stored_row_of_an_update(crm, people, master):
    hasty = people.role("hasty", [Grant("atelier.commission", ["read", "update"], "hours < 40")])
    person = people.user("Hasso", roles=[hasty])
    with crm.write(master) as db:
        made = db.create(Commission(title="Sea"))

    with crm.write(person) as db:
        assert db.update(made, hours=40).hours == 40


@both_databases
def test_restrictions_on_move_and_transfer_bind_the_stored_row(make_crm, database):
    mine = Restriction("atelier.mine", "atelier.commission", "owner_id == me()", ["transfer"])
    asked = Restriction("atelier.asked", "atelier.commission", 'stage == "asked"', ["move"])
    crm = make_crm(atelier(roles=[*ROLES, mine, asked]), database=database)
    people = People(crm)
    master, other = (people.user(name, team="Studio", roles=["atelier.master"]) for name in ("Berthe", "Camille"))
    with crm.write(master) as db:
        made = db.transfer(db.move(db.create(Commission(title="Sea")), "dropped"), other.user_id)
        with pytest.raises(ForbiddenError, match="you may not move"):
            db.move(made, "asked")
        with pytest.raises(ForbiddenError, match="you may not transfer"):
            db.transfer(made, master.user_id)


@both_databases
def test_transfer_gives_the_record_and_the_team_of_the_new_owner(crm, master, painter):
    with crm.write(master) as db:
        made = db.create(Commission(title="Sea"))
        given = db.transfer(made, painter.user_id)

    with crm.read(painter) as db:
        mine = db.get(Commission, made.id)
    assert (mine, mine.owner_id) == (given, painter.user_id)
    assert mine.team_id != made.team_id


def test_transfer_needs_its_own_grant(crm, painter, master):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(ForbiddenError, match="you may not transfer"):
            db.transfer(made, master.user_id)


@both_databases
def test_delete_takes_along_clears_or_is_refused_as_references_say(crm, master):
    with crm.write(master) as db:
        artist, reviewer = db.create_many([Artist(name="Ada"), Artist(name="Rex")])
        commission = db.create(Commission(title="Sea", artist_id=artist.id))
        invoice = db.create(Invoice(commission_id=commission.id, reviewer_id=reviewer.id))
        with pytest.raises(ConflictError):
            db.delete(artist)
        db.delete(reviewer)
        assert db.get(Invoice, invoice.id).reviewer_id is None
        db.delete(commission)
        assert db.find(Invoice) == []
        db.delete(artist)

    with crm.read(master) as db:
        assert db.find(Artist) == []
        assert {artist.name for artist in db.find(Artist, deleted=True)} == {"Ada", "Rex"}


@both_databases
def test_what_a_delete_takes_along_needs_no_grant_of_its_own(crm, master, people):
    keeper = people.role("keeper", [Grant("atelier.commission", ["read", "delete"], "subtree")])
    reader = people.role("reader", [Grant("atelier.invoice", ["read"], "all")])
    person = people.user("Karla", team="Studio", roles=[keeper, reader])
    with crm.write(master) as db:
        commission = db.create(Commission(title="Sea"))
        invoice = db.create(Invoice(commission_id=commission.id))

    with crm.write(person) as db:
        db.delete(commission)

    with crm.read(master) as db:
        assert [gone.id for gone in db.find(Invoice, deleted=True)] == [invoice.id]


@both_databases
@pytest.mark.parametrize("verb", ["delete", "update"])
def test_a_restriction_also_forbids_what_a_delete_would_take_along_or_clear(make_crm, database, verb):
    paid = Restriction("atelier.paid", "atelier.invoice", "commission.hours < 40", [verb])
    crm = make_crm(atelier(roles=[*ROLES, paid]), database=database)
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master"])
    with crm.write(master) as db:
        reviewer, commission = db.create(Artist(name="Rex")), db.create(Commission(title="Sea", hours=40))
        db.create(Invoice(commission_id=commission.id, reviewer_id=reviewer.id))
    before = ledger_length(crm)

    with crm.write(master) as db, pytest.raises(ConflictError, match="conflicts with another record"):
        db.delete(commission if verb == "delete" else reviewer)

    assert ledger_length(crm) == before
    with crm.system("test") as db:
        db.delete(commission if verb == "delete" else reviewer)


@both_databases
def test_a_restriction_forbids_to_end_assignments_with_their_role(make_crm, database):
    kept = Restriction("atelier.kept", "core.assignment", 'user.name != "Camille"', ["delete"])
    crm = make_crm(atelier(roles=[*ROLES, kept]), database=database)
    people = People(crm)
    admin = people.user("Berthe", roles=["core.administrator"])
    people.user("Camille", roles=[people.role("temporary", [])])
    with crm.write(admin) as db, pytest.raises(ConflictError):
        db.delete(db.find(RoleRecord, 'name == "temporary"')[0])


@both_databases
def test_what_goes_is_told_from_a_record_of_another_entity_with_the_same_id(crm, master):
    with crm.write(master) as db:
        commission = db.create(Commission(title="Sea"))
        invoice = db.create(Invoice(id=commission.id, commission_id=commission.id))
        db.delete(commission)

    with crm.read(master) as db:
        assert [gone.id for gone in db.find(Invoice, deleted=True)] == [invoice.id]


def test_only_what_was_made_here_is_named_without_the_right_to_change_it(crm, master, painter):
    with crm.write(master) as db:
        commission = db.create(Commission(title="Sea"))
        db.share(commission, user=painter.user_id)
    with crm.write(painter) as db:
        db.create(Artist(id=commission.id, name="Ada"))
        with pytest.raises(ForbiddenError, match="you may not update"):
            db.external.give("erp", Commission, {"K1": commission.id})


@both_databases
def test_delete_with_a_hidden_dependent_is_refused_with_the_same_words(crm, make_crm, people, master):
    eraser = people.user("Emil", roles=[people.role("eraser", [])])
    with crm.system("test") as db:
        artist = db.create(Artist(name="Ada"))
        db.create(Commission(title="Hidden", artist_id=artist.id))

    with pytest.raises(ConflictError, match="conflicts with another record"), crm.write(master) as db:
        db.delete(artist)
    with pytest.raises(NotFoundError), crm.write(eraser) as db:
        db.delete(artist)


@both_databases
def test_restore_brings_a_record_back_as_it_was(crm, master, painter):
    with crm.write(master) as db:
        made = db.create(Artist(name="Ada"))
        db.delete(made)
    with pytest.raises(NotFoundError), crm.write(painter) as db:
        db.restore(Artist, made.id)

    with crm.write(master) as db:
        back = db.restore(Artist, made.id)

    assert (back.name, back.deleted_at, back.version) == ("Ada", None, 3)


@both_databases
def test_extension_fields_are_written_with_their_host(crm, master):
    with crm.write(master) as db:
        artist = db.create(Artist(name="Ada"))
        assert Rating.of(db, artist).stars == 3
        rated = db.update(artist, {"atelier.stars": 5})
        assert rated.version == 2
        again = db.update(rated, {"atelier.remark": "fine"})

    with crm.read(master) as db:
        assert (Rating.of(db, again).stars, Rating.of(db, again).remark) == (5, "fine")
        assert db.find(Artist, "atelier.stars == 5") == [again]
        assert [entry.changes for entry in db.history(again)][1:] == [
            {"atelier.stars": (3, 5)},
            {"atelier.remark": (None, "fine")},
        ]


@both_databases
def test_money_in_another_currency_is_summed_at_the_rate_of_the_day(crm, master):
    from crmkit import total
    from crmkit.core.policy.people import ExchangeRate

    with crm.system("test") as db:
        db.create(ExchangeRate(currency="USD", valid_from=date(2026, 1, 1), rate=Decimal("0.5")))
        db.create(ExchangeRate(currency="USD", valid_from=date(2026, 6, 1), rate=Decimal("0.9")))
    with crm.write(master) as db:
        db.create(Commission(title="a", price=Money.of(10, "USD")))
        db.create(Commission(title="b", price=Money.of(1, "EUR")))
        with pytest.raises(ValidationError, match="no exchange rate for JPY"):
            db.create(Commission(title="c", price=Money.of(1, "JPY")))

    with crm.read(master) as db:
        assert db.aggregate(Commission, measures={"sum": total("price")}) == [{"sum": Decimal("6.00")}]
        assert [c.title for c in db.find(Commission, "price >= 5")] == ["a"]


def make_with(make_crm, *hooks):
    crm = make_crm(atelier(hooks=hooks))
    return crm, People(crm).user("Berthe", team="Studio", roles=["atelier.master"])


def test_before_write_hooks_set_values_that_are_checked_like_any_other(make_crm):
    def crmkit_before_write(writes):
        for write in writes:
            if write.entity.id == "atelier.artist":
                write.set("email", "ADA@Example.ORG")

    crm, master = make_with(make_crm, crmkit_before_write)
    with crm.write(master) as db:
        assert db.create(Artist(name="Ada")).email == "ADA@example.org"


def test_before_write_hooks_add_writes_that_stand_deeper_in_the_ledger(make_crm):
    def crmkit_before_write(context, writes):
        for write in writes:
            if write.kind == "create" and write.entity.id == "atelier.commission":
                context.create(Invoice(commission_id=write.record_id))

    crm, master = make_with(make_crm, crmkit_before_write)
    with crm.write(master) as db:
        commission = db.create(Commission(title="Sea"))
        (invoice,) = db.find(Invoice)
        assert invoice.commission_id == commission.id
        assert [entry.depth for entry in db.history(invoice)] == [1]


def test_hooks_that_never_come_to_rest_are_stopped_and_shown(make_crm):
    def crmkit_before_write(context, writes):
        for write in writes:
            if write.entity.id == "atelier.artist":
                context.create(Artist(name="Again"))

    crm, master = make_with(make_crm, crmkit_before_write)
    with pytest.raises(HookRoundsError, match="after 8 rounds: atelier.artist → "), crm.write(master) as db:
        db.create(Artist(name="Ada"))


def test_check_write_refuses_the_batch_and_names_the_plugin(make_crm):
    def crmkit_check_write(writes):
        return [Problem("no Bobs", index=1)] if any(w.get("name") == "Bob" for w in writes) else None

    crm, master = make_with(make_crm, crmkit_check_write)
    with pytest.raises(WriteRefusedError, match="atelier: no Bobs"), crm.write(master) as db:
        db.create_many([Artist(name="Ada"), Artist(name="Bob")])
    with crm.read(master) as db:
        assert db.find(Artist) == []


@pytest.mark.parametrize("error", [RuntimeError("boom"), SystemExit(3), RecursionError()])
def test_a_check_that_breaks_refuses_the_write_and_names_its_plugin(make_crm, error):
    from crmkit.core.hooks import HookFailedError

    def crmkit_check_write(writes):
        if writes[0].entity.id == "atelier.artist":
            raise error

    crm, master = make_with(make_crm, crmkit_check_write)
    with (
        pytest.raises(HookFailedError, match=r"Plugin 'atelier' failed in crmkit_check_write"),
        crm.write(master) as db,
    ):
        db.create(Artist(name="Ada"))
    with crm.read(master) as db:
        assert db.find(Artist) == []


def test_a_check_cannot_change_what_it_checks(make_crm):
    from crmkit.core.hooks import HookFailedError

    def crmkit_check_write(writes):
        if writes[0].entity.id == "atelier.artist":
            writes[0].set("name", "Eve")

    crm, master = make_with(make_crm, crmkit_check_write)
    with pytest.raises(HookFailedError, match="TypeError"), crm.write(master) as db:
        db.create(Artist(name="Ada"))


# Names of fields that crmkit uses for other things.


@entity("atelier.row", label=_("Row"))
class Row(Record):
    row_id: UUID | None = ref("atelier.row", default=None)
    row_version: int = field(default=0)
    new_version: int = field(default=0)
    visited: str | None = field(default=None)
    me: int | None = field(default=None)
    id_0: int = field(default=0)


@extension(of="atelier.artist")
class Seat:
    row_id: UUID | None = ref("atelier.row", default=None)
    new_version: int | None = field(default=None)


@both_databases
def test_a_field_may_have_any_name(make_crm, database):
    crm = make_crm(atelier(Row, Seat, roles=[*ROLES, ROW_KEEPER]), database=database)
    with crm.system("test") as db:
        first, second = db.create_many([Row(), Row(new_version=5)])
        second = db.update(second, row_id=first.id, row_version=7, new_version=9, visited="x", me=1, id_0=2)
        artist = db.create(Artist(name="Ada"))
        for number in (3, 4):
            artist = db.update(artist, {"atelier.row_id": second.id, "atelier.new_version": number})
    with crm.system("test") as db:
        stored, untouched = db.get(Row, second.id), db.get(Row, first.id)
        assert stored == second
        assert (stored.row_id, stored.row_version, stored.new_version, stored.version) == (first.id, 7, 9, 2)
        assert (untouched.version, untouched.row_id) == (1, None)
        assert (Seat.of(db, artist).row_id, Seat.of(db, artist).new_version) == (second.id, 4)


ROW_KEEPER = Role("atelier.row_keeper", _("Keeper"), [Grant("atelier.row", ["read"], "all")])


@entity("atelier.price", label=_("Price"))
class Price(Record):
    amount: Money | None = field(default=None)
    amount_base: int | None = field(default=None)


@entity("atelier.sign", label=_("Sign"))
class Sign(Record):
    about: Target | None = any_ref(default=None)
    about_id: UUID | None = ref("core.user", default=None)


@extension(of="atelier.artist")
class Key:
    record_id: UUID | None = ref("atelier.artist", default=None)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (Price, "atelier.price.amount_base: the column 'amount_base' is one of the field 'amount' already"),
        (Sign, "atelier.sign.about_id: the column 'about_id' is one of the field 'about' already"),
        (Key, "atelier.artist.record_id: the column 'record_id' is one of the field 'id' already"),
    ],
)
def test_two_fields_that_need_the_same_column_are_a_named_conflict(make_crm, declared, message):
    with pytest.raises(PluginError, match=message):
        make_crm(atelier(declared))


@both_databases
def test_what_is_held_is_read_anew_and_only_if_it_is_seen(crm, master, painter):
    with crm.write(master) as db:
        first, second = db.create_many([Commission(title="Sea", hours=1), Commission(title="Sky")])
    with crm.write(master) as db:
        db.update(first, hours=2)
    with crm.write(master) as db:
        assert [held.title for held in db.hold([second, first])] == ["Sky", "Sea"]
        assert db.hold([first])[0].hours == 2
    with crm.write(painter) as db, pytest.raises(NotFoundError):
        db.hold([first])
    with crm.write(master) as db:
        db.delete(db.get(Commission, first.id))
        with pytest.raises(NotFoundError):
            db.hold([first])
