"""Offboarding: everything goes, to whom it should, in one transaction; it may be seen before and given back after."""

from collections import Counter
from uuid import UUID

import pytest

from crmkit import (
    DeclarationError,
    ForbiddenError,
    Grant,
    Mask,
    NotFoundError,
    Owned,
    Problem,
    Record,
    Split,
    Succession,
    Target,
    UnknownFieldError,
    User,
    ValidationError,
    WriteRefusedError,
    any_ref,
    entity,
    extension,
    field,
    hookimpl,
    offboard,
    preview_offboarding,
    ref,
    take_back,
    translator,
)
from crmkit.core.offboarding.returning import NotOffboardedError
from crmkit.core.plugins import PluginError
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.people import Assignment, Membership, Share
from crmkit.testing import both_databases, plugin

_ = translator("tests")
VERBS = ("read", "create", "update", "delete", "transfer", "share")


@entity("office.case", label=_("Case"))
class Case(Owned):
    title: str = field()
    country: str | None = field(default=None)
    secret: str | None = field(default=None)
    assignee_id: UUID | None = ref("core.user", default=None, on_leave="transfer")
    approver_id: UUID | None = ref("core.user", default=None, on_leave="clear")
    author_id: UUID | None = ref("core.user", default=None)


@entity("office.memo", label=_("Memo"))
class Memo(Owned):
    about: Target | None = any_ref(default=None)
    text: str = field()


@entity("office.watcher", label=_("Watcher"), unique=[("case_id", "user_id")])
class Watcher(Record):
    case_id: UUID = ref("office.case", on_delete="cascade")
    user_id: UUID = ref("core.user", on_leave="end")


@extension(of="office.case")
class Care:
    nurse_id: UUID | None = ref("core.user", default=None, on_leave="transfer")


REFUSED = set()


@hookimpl
def crmkit_check_write(context, writes):
    return [Problem("stays") for write in writes if write.kind == "transfer" and write.get("title") in REFUSED]


@pytest.fixture
def crm(make_crm, database, clock):
    office = plugin("office", entities=[Case, Memo, Watcher], hooks=[crmkit_check_write])
    return make_crm(office, plugin("care", entities=[Care], requires=["office"]), database=database, clock=clock)


@pytest.fixture
def staff(people):
    people.role("clerk", [Grant("office.case", VERBS, "own"), Grant("office.memo", VERBS, "own")])
    people.role("hr", [Grant("core.user", ["read", "update", "transfer"], "all")])
    people.role("chief", [Grant("office.case", ["read"], "all")])
    names = {name: people.user(name, team=f"Team of {name}", roles=["clerk"]) for name in ("Ada", "Ben", "Cleo")}
    return {
        **names,
        "Hedy": people.user("Hedy", roles=["hr", "chief"]),
        "Boss": people.user("Boss", roles=["core.administrator"]),
    }


@pytest.fixture
def cases(crm, staff):
    ada, ben = staff["Ada"].user_id, staff["Ben"].user_id
    with crm.system("test") as db:
        return db.create_many([
            Case(title="A", country="CN", owner_id=ada, assignee_id=ada, approver_id=ada, author_id=ada),
            Case(title="B", country="DE", owner_id=ada, assignee_id=ben),
            Case(title="C", country="CN", owner_id=ada),
            Case(title="D", country="DE", owner_id=ben, assignee_id=ada),
        ])  # fmt: skip


def owners(crm, staff):
    names = {who.user_id: name for name, who in staff.items()}
    with crm.system("test") as db:
        return {case.title: names.get(case.owner_id) for case in db.find(Case, order_by="title")}


def everything(crm):
    """Return every row there is, but for what the ledger and the epoch say."""
    kept = {"core_ledger", "core_ledger_payload", "core_ledger_head", "core_outbox", "core_epoch", "core_offboarding"}
    with crm.storage.reading() as connection:
        tables = [table for name, table in sorted(crm.schema.tables.items()) if name not in kept]
        return {table.name: sorted(map(str, connection.execute(table.select()))) for table in tables}


@both_databases
def test_everything_goes_to_the_successor_and_the_leaver_may_nothing_any_more(crm, people, staff, cases, database):
    ada, ben = staff["Ada"].user_id, staff["Ben"].user_id
    with crm.system("test") as db:
        db.update(cases[2], {"care.nurse_id": ada})
        db.create(Memo(text="M", owner_id=ada))
        db.create(Watcher(case_id=cases[3].id, user_id=ada))
        db.create(Membership(user_id=ada, team_id=db.get(User, ben).team_id))
        db.share(cases[3], user=ada)
    with crm.write(staff["Boss"]) as db:
        handover = offboard(db, ada, Succession(ben))

    assert owners(crm, staff) == dict.fromkeys("ABCD", "Ben")
    with crm.system("test") as db:
        case, other = db.get(Case, cases[0].id), db.get(Case, cases[2].id)
        assert (case.assignee_id, case.approver_id, case.author_id) == (ben, None, ada)
        assert (case.team_id, Care.of(db, other).nurse_id) == (db.get(User, ben).team_id, ben)
        assert db.get(Memo, db.find(Memo)[0].id).owner_id == ben
        for rights in (Watcher, Membership, Assignment, Share):
            assert db.count(rights, rights.f.user_id == ada) == 0
        assert [e.kind for e in db.history(case)] == ["create", "transfer", "update"]
        assert not db.get(User, ada).is_active
    assert {(part.entity, part.field, part.action, part.count) for part in handover.parts} >= {
        ("office.case", "owner_id", "transfer", 3),
        ("office.case", "assignee_id", "transfer", 2),
        ("office.case", "approver_id", "clear", 1),
        ("office.case", "care.nurse_id", "transfer", 1),
        ("office.watcher", "user_id", "end", 1),
        ("core.assignment", "user_id", "end", 2),
    }
    with pytest.raises(InactiveUserError), crm.read(staff["Ada"]):
        pass


@both_databases
def test_everything_that_still_stands_is_given_back_and_the_rest_is_named(crm, staff, cases, database, clock):
    ada, ben, cleo = (staff[name].user_id for name in ("Ada", "Ben", "Cleo"))
    before = everything(crm)
    with crm.write(staff["Boss"]) as db:
        offboard(db, ada, Succession(ben))
    clock.advance(days=3)
    with crm.system("test") as db:
        db.transfer(db.get(Case, cases[1].id), cleo)
    with crm.write(staff["Boss"]) as db:
        back = take_back(db, ada)

    assert owners(crm, staff) == {"A": "Ada", "B": "Cleo", "C": "Ada", "D": "Ben"}
    assert [target.id for target in back.changed] == [cases[1].id]
    assert back.returned == {"office.case": 3, "core.assignment": 2}
    with crm.read(staff["Ada"]) as db:
        assert [case.title for case in db.find(Case, order_by="title")] == ["A", "C"]
    with crm.system("test") as db:
        case = db.get(Case, cases[0].id)
        assert (case.assignee_id, case.approver_id) == (ada, ada)
        db.transfer(db.get(Case, cases[1].id), ada)
    assert {k: len(v) for k, v in everything(crm).items()} == {k: len(v) for k, v in before.items()}
    with pytest.raises(NotOffboardedError), crm.write(staff["Boss"]) as db:
        take_back(db, ada)


@both_databases
def test_what_was_shared_of_a_record_that_was_merged_since_does_not_give_what_it_went_into(crm, staff, cases):
    cleo = staff["Cleo"].user_id
    with crm.system("test") as db:
        db.share(cases[0], user=cleo)
    with crm.write(staff["Boss"]) as db:
        offboard(db, cleo, Succession(staff["Ben"].user_id))
        db.merge(db.get(Case, cases[3].id), [db.get(Case, cases[0].id)])
    with crm.write(staff["Boss"]) as db:
        back = take_back(db, cleo)
    assert "core.share" not in back.returned
    with crm.read(staff["Cleo"]) as db:
        assert db.find(Case) == []
    with crm.system("test") as db:
        (share,) = db.find(Share, deleted=True)
        with pytest.raises(ValidationError, match="record: office.case .* is in the bin"):
            db.restore(Share, share.id)


def test_what_was_made_anew_meanwhile_stays_and_does_not_stop_the_rest(crm, people, staff, cases):
    ada = staff["Ada"].user_id
    with crm.write(staff["Boss"]) as db:
        offboard(db, ada, Succession(staff["Ben"].user_id))
    people.assign(staff["Ada"], "clerk")
    with crm.write(staff["Boss"]) as db:
        back = take_back(db, ada)
    assert back.returned["core.assignment"] == 1
    assert {target.entity for target in back.changed} == set()
    with crm.system("test") as db:
        assert sorted(held.role for held in db.find(Assignment, Assignment.f.user_id == ada)) == [
            "clerk",
            "core.member",
        ]


@pytest.mark.long
def test_splits_and_turns_decide_who_gets_what(crm, staff, cases):
    ada, ben, cleo = (staff[name].user_id for name in ("Ada", "Ben", "Cleo"))
    with crm.write(staff["Boss"]) as db:
        offboard(db, ada, Succession(ben, [Split("office.case", 'country == "CN"', cleo)]))
    assert owners(crm, staff) == {"A": "Cleo", "B": "Ben", "C": "Cleo", "D": "Ben"}
    with crm.write(staff["Boss"]) as db:
        take_back(db, ada)
        offboard(db, ada, Succession([ben, cleo]))
    assert Counter(owners(crm, staff).values()) == {"Ben": 3, "Cleo": 1}


def test_load_gives_to_whoever_has_the_least(crm, staff, cases):
    ada, ben, cleo = (staff[name].user_id for name in ("Ada", "Ben", "Cleo"))
    with crm.write(staff["Boss"]) as db:
        db.create_many([Case(title=f"Z{n}", owner_id=ben) for n in range(5)])
        offboard(db, ada, Succession([ben, cleo], by="load"))
    assert {owner for title, owner in owners(crm, staff).items() if title in "ABC"} == {"Cleo"}


@both_databases
def test_preview_says_what_happens_and_changes_nothing(crm, staff, cases, database):
    succession = Succession(staff["Ben"].user_id, [Split("office.case", 'country == "CN"', staff["Cleo"].user_id)])
    before = everything(crm)
    with crm.read(staff["Boss"]) as db:
        preview = preview_offboarding(db, staff["Ada"].user_id, succession)
    assert everything(crm) == before
    with crm.write(staff["Boss"]) as db:
        assert offboard(db, staff["Ada"].user_id, succession) == preview


def test_what_the_caller_does_not_see_goes_too_and_is_not_told(crm, staff, cases):
    """Hedy sees cases, but neither memos nor roles."""
    with crm.system("test") as db:
        db.create_many([Memo(text=f"{n}", owner_id=staff["Ada"].user_id) for n in range(3)])
    with crm.write(staff["Hedy"]) as db:
        handover = offboard(db, staff["Ada"].user_id, Succession([staff["Ben"].user_id, staff["Cleo"].user_id]))
    assert {part.entity for part in handover.parts} == {"office.case"}
    with crm.system("test") as db:
        assert db.count(Memo, Memo.f.owner_id == staff["Ada"].user_id) == 0
    with crm.write(staff["Hedy"]) as db:
        assert take_back(db, staff["Ada"].user_id).returned == {"office.case": 4}
    with crm.system("test") as db:
        assert db.count(Memo, Memo.f.owner_id == staff["Ada"].user_id) == 3


def test_two_worlds_that_differ_in_what_is_hidden_give_the_same_preview(crm, people, staff, cases):
    people.role(
        "narrow", [Grant("office.case", ["read"], 'country == "DE"')], [Mask("office.case", ["secret", "approver_id"])]
    )
    narrow = people.user("Nora", roles=["hr", "narrow"])
    succession = Succession([staff["Ben"].user_id, staff["Cleo"].user_id])

    def answers():
        with crm.read(narrow) as db:
            yield preview_offboarding(db, staff["Ada"].user_id, succession)
            yield preview_offboarding(db, staff["Ada"].user_id, Succession(succession.to, by="load"))
            for rule in ('secret == "x"', 'nosuch == "x"'):
                with pytest.raises(UnknownFieldError) as caught:
                    preview_offboarding(
                        db, staff["Ada"].user_id, Succession(succession.to, [Split("office.case", rule, succession.to)])
                    )
                yield str(caught.value).replace("nosuch", "secret")

    one = list(answers())
    assert one[2] == one[3]
    with crm.system("test") as db:
        db.create_many([Case(title="X", country="CN", owner_id=who.user_id) for who in staff.values()])
        db.create_many([Memo(text="X", owner_id=staff["Ada"].user_id)])
        db.update(db.get(Case, cases[1].id), approver_id=staff["Ada"].user_id, secret="x")
        db.delete(db.get(Case, cases[2].id))
    assert list(answers()) == one


@pytest.mark.parametrize("verbs", [["read"], ["read", "update"], ["read", "transfer"]])
def test_whoever_may_not_both_change_and_hand_over_users_offboards_nobody(crm, people, staff, cases, verbs):
    people.role("half", [Grant("core.user", verbs, "all")])
    half, before = people.user("Half", roles=["half"]), everything(crm)
    for act in (offboard, preview_offboarding, lambda db, user, _to: take_back(db, user)):
        with pytest.raises(ForbiddenError), crm.write(half) as db:
            act(db, staff["Ada"].user_id, Succession(staff["Ben"].user_id))
    assert everything(crm) == before | {k: v for k, v in everything(crm).items() if k.startswith("core_")}


def test_whoever_does_not_see_a_user_learns_nothing(crm, people, staff):
    people.role("blind", [Grant("core.user", ["update", "transfer"], "all")])
    blind = people.user("Blind", roles=["blind"], member=False)
    with pytest.raises(NotFoundError), crm.write(blind) as db:
        offboard(db, staff["Ada"].user_id, Succession(staff["Ben"].user_id))


def test_successors_are_active_people_and_not_the_leaver(crm, staff, cases):
    ada = staff["Ada"].user_id
    with crm.system("test") as db:
        db.update(db.get(User, staff["Cleo"].user_id), is_active=False)
    for to, message in (
        ([], "at least one"),
        (ada, "themselves"),
        (staff["Cleo"].user_id, "no active"),
        (UUID(int=7), "no active"),
    ):
        with pytest.raises(ValidationError, match=message), crm.write(staff["Boss"]) as db:
            offboard(db, ada, Succession(to))
    assert owners(crm, staff)["A"] == "Ada"


def test_plugin_that_refuses_one_record_stops_all_of_it(crm, staff, cases):
    before = everything(crm)
    REFUSED.add("C")
    try:
        with crm.write(staff["Boss"]) as db, pytest.raises(WriteRefusedError, match="office: stays"):
            offboard(db, staff["Ada"].user_id, Succession(staff["Ben"].user_id))
    finally:
        REFUSED.clear()
    assert everything(crm) == before


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (lambda: ref("office.case", on_leave="end"), "only users leave"),
        (lambda: ref("core.user", on_leave="clear"), "needs a value"),
    ],
)
def test_reference_that_cannot_do_what_it_says_is_refused(make_crm, reference, reason):
    @entity("odd.thing", label=_("Thing"))
    class Thing(Record):
        who_id: UUID = reference()

    with pytest.raises((PluginError, DeclarationError), match=reason):
        make_crm(plugin("office", entities=[Case, Memo, Watcher]), plugin("odd", entities=[Thing], requires=["office"]))
