"""Abuse that peers of crmkit have suffered, by the number of the case; what needs HTTP is tested where HTTP is."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from crmkit import (
    Assignment,
    ConflictError,
    CrmkitError,
    ForbiddenError,
    Grant,
    Mask,
    NotFoundError,
    Rule,
    StatementRefusedError,
    Team,
    UnknownEntityError,
    UnknownFieldError,
    User,
    ValidationError,
    average,
    count,
    greatest,
    least,
    total,
    total_by_currency,
)
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.people import GrantRecord, MaskRecord, Membership, RoleRecord, Share
from crmkit.core.policy.roles import VERBS
from tests.oracle import extra, trade
from tests.oracle.extra.entities import DealExtra
from tests.oracle.trade.entities import Deal, Firm, Line, Note, Partner

SECRET = ["size", "worth", "colour", "due", "firm_id", "extra.hint", "extra.points", "area"]
ALL = ["read", "create", "update", "delete", "move", "transfer", "share", "export"]


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(trade, extra, database=database, clock=clock)


@pytest.fixture
def seller(people):
    """Sees and changes what is her own; much of it is hidden from her."""
    hidden = [name for name in SECRET if name != "area"]
    grants = [Grant("trade.deal", ALL, "own"), Grant("trade.firm", ["read"], Rule.parse('city == "Berlin"'))]
    grants += [Grant(entity, ["read", "create"], "all") for entity in ("trade.line", "trade.partner")]
    people.role("seller", grants, [Mask("trade.deal", hidden)])
    return people.user("Sela", team="North", roles=["seller"])


@pytest.fixture
def boss(people):
    people.role("boss", [Grant("*", VERBS, "all")])
    return people.user("Boris", team="North", roles=["boss"])


@pytest.fixture
def mine(crm, seller):
    """A deal of the seller's, with values in all that is hidden from her."""
    with crm.system("test") as db:
        firm = db.create(Firm(name="Secret firm", city="Berlin"))
        deal = db.create(Deal(name="Mine", size=7, colour="red", firm_id=firm.id, owner_id=seller.user_id))
        return db.update(deal, {"extra.hint": "canary", "extra.points": 5})


@pytest.fixture
def foreign(crm, boss):
    with crm.system("test") as db:
        return db.create(Deal(name="Foreign", size=3, owner_id=boss.user_id))


def told(ask, name):
    """Return the error that *ask* gives, as text without *name*."""
    with pytest.raises(CrmkitError) as caught:
        ask()
    inner = name.rpartition(".")[2]
    words = f"{type(caught.value).__name__} {caught.value.code}: {caught.value}"
    return words.replace(repr(name), "'…'").replace(repr(inner), "'…'").replace(repr(inner.removesuffix("_id")), "'…'")


def missing(name):
    """Return a name like *name* that no field has."""
    return "extra.nosuch" if "." in name else "nosuch_id" if name.endswith("_id") else "nosuch"


def same_as_missing(ask, name):
    assert told(lambda: ask(name), name) == told(lambda: ask(missing(name)), missing(name))


class Statements:
    """The statements that reach the database while it is watched."""

    def __init__(self, crm):
        self.seen = []
        sa.event.listen(crm.storage.engine, "before_cursor_execute", lambda *given: self.seen.append(given[2]))


def dump(crm):
    with crm.storage.reading() as connection:
        return {t.name: sorted(map(repr, connection.execute(sa.select(t)))) for t in crm.schema.metadata.sorted_tables}


def rewrite(crm, table, record, **values):
    """Change a row as if it had always been so."""
    with crm.storage.writing() as connection:
        key = "record_id" if table.startswith("extra") else "id"
        found = crm.schema.tables[table]
        connection.execute(sa.update(found).where(found.c[key] == record.id).values(values))


# T01: sorting by a hidden field.


@pytest.mark.parametrize("name", SECRET)
def test_t01_sorting_by_a_hidden_field_is_sorting_by_none_and_asks_no_database(crm, seller, mine, name):
    with crm.read(seller) as db:
        statements = Statements(crm)
        same_as_missing(lambda asked: db.find(Deal, order_by=asked), name)
        same_as_missing(lambda asked: db.find(Deal, order_by=f"-{asked}"), name)
        same_as_missing(lambda asked: db.page(Deal, order_by=["name", asked]), name)
        same_as_missing(lambda asked: list(db.stream(Deal, order_by=asked)), name)
        assert statements.seen == []


# T02: probing a hidden field by filters.


@pytest.mark.parametrize("rule", ["{} == null", "!({} == null)", "version > 0 && {} != null", "name == {}"])
@pytest.mark.parametrize("name", SECRET)
def test_t02_filtering_by_a_hidden_field_is_filtering_by_none(crm, seller, mine, name, rule):
    with crm.read(seller) as db:
        same_as_missing(lambda asked: db.find(Deal, rule.format(asked)), name)
        same_as_missing(lambda asked: db.count(Deal, rule.format(asked)), name)


def test_t02_worlds_that_differ_in_a_hidden_value_answer_alike(crm, seller, mine):
    def answers():
        with crm.read(seller) as db:
            cursors = db.page(Deal, order_by="name", limit=1)
            return repr([
                db.find(Deal), cursors, db.get(Deal, mine.id), db.count(Deal), DealExtra.of(db, mine), db.history(mine),
                db.execute(sa.select(db.visible(Deal))).all(), db.find(Line, "deal.name.startsWith('M')"),
            ])  # fmt: skip

    before = answers()
    rewrite(crm, "trade_deal", mine, size=1, colour="green", firm_id=None)
    rewrite(crm, "extra_trade_deal", mine, hint="other", points=0)
    assert answers() == before


# T03: getting at a hidden field by alias, extreme, group or formula.


@pytest.mark.parametrize("name", [n for n in SECRET if "." not in n])
@pytest.mark.parametrize("measure", [count, total, total_by_currency, average, least, greatest])
def test_t03_measuring_and_grouping_by_a_hidden_field_is_refused_like_by_none(crm, seller, mine, name, measure):
    with crm.read(seller) as db:
        same_as_missing(lambda asked: db.aggregate(Deal, measures={"n": measure(asked)}), name)
        same_as_missing(lambda asked: db.aggregate(Deal, group_by=[asked], measures={"n": count()}), name)


@pytest.mark.parametrize("formula", ["{} * 2 > 6", "{} + 1 == 8", "-{} < 0", "({} > 3 ? 1 : 2) == 1", "{} in [7]"])
def test_t03_formulas_over_a_hidden_field_are_refused_like_over_none(crm, seller, mine, formula):
    with crm.read(seller) as db:
        for name in ("size", "area"):
            same_as_missing(lambda asked: db.count(Deal, formula.format(asked)), name)


def test_t03_a_hidden_field_has_no_column_to_give_another_name(crm, seller, mine):
    with crm.read(seller) as db:
        deals, extras = db.visible(Deal), db.visible(DealExtra)
        assert not {"size", "area", "worth", "worth_minor", "worth_base", "colour", "due", "firm_id"} & set(
            deals.c.keys()
        )
        assert set(extras.c.keys()) == {"record_id", "grade", "sponsor_id"}
        table = crm.schema.tables["trade_deal"]
        for column in (table.c.size, sa.literal_column("size"), sa.column("size")):
            with pytest.raises(StatementRefusedError):
                db.execute(sa.select(deals.c.id, column.label("name")))


# T04: what is forbidden and what does not exist.


@pytest.mark.parametrize(
    "ask",
    [
        lambda db, record: db.get(Deal, record.id),
        lambda db, record: db.get(Deal, str(record.id)),
        lambda db, record: db.history(record),
        lambda db, record: DealExtra.of(db, record),
        lambda db, record: db.update(record, name="Taken"),
        lambda db, record: db.update(record, nosuch=1),
        lambda db, record: db.delete(record),
        lambda db, record: db.restore(Deal, record.id),
        lambda db, record: db.transfer(record, None),
        lambda db, record: db.move(record, "active"),
        lambda db, record: db.move(record, "nowhere"),
        lambda db, record: db.share(record, team=uuid4()),
        lambda db, record: db.unshare(record, team=uuid4()),
        lambda db, record: db.external.give("erp", Deal, {"x": record.id}),
    ],
)
def test_t04_an_invisible_record_answers_like_none(crm, seller, foreign, ask):
    def words(record):
        with pytest.raises(NotFoundError) as caught, crm.write(seller) as db:
            ask(db, record)
        return f"{type(caught.value)} {caught.value}".replace(str(record.id), "…")

    assert words(foreign) == words(Deal(name="Made up"))


def test_t04_an_invisible_number_answers_like_none(crm, seller, foreign):
    with crm.read(seller) as db:
        for number in (foreign.code, "D-999999"):
            with pytest.raises(NotFoundError, match=rf"^trade.deal: there is no record '{number}'\.$"):
                db.get(Deal, number)


def test_t04_an_entity_without_grants_answers_like_an_empty_one(crm, seller):
    with crm.system("test") as db:
        db.create(Note(body="Hidden"))
    with crm.read(seller) as db:
        assert db.find(Note) == []
        assert db.count(Note) == 0
        assert db.readable_fields(Note) == {"id", "version"}


# T05: filtering by what lies behind a reference.


@pytest.mark.parametrize(
    "rule", ['firm.name == "Far"', 'firm.city == "Bonn"', '!(firm.name == "Far")', "firm.name == null"]
)
def test_t05_a_filter_never_looks_into_an_invisible_record(crm, people, rule):
    people.role(
        "reader", [Grant("trade.deal", ["read"], "all"), Grant("trade.firm", ["read"], Rule.parse('city == "Berlin"'))]
    )
    reader = people.user("Rea", roles=["reader"])
    with crm.system("test") as db:
        far = db.create(Firm(name="Far", city="Bonn"))
        db.create(Deal(name="Leads there", firm_id=far.id))
        db.create(Deal(name="Leads nowhere"))
    with crm.read(reader) as db:
        found = {deal.name for deal in db.find(Deal, rule)}
        assert found in (set(), {"Leads there", "Leads nowhere"})
        assert db.expand(db.find(Deal), "firm") == {}
    before = found
    rewrite(crm, "trade_firm", far, name="Near", city="Kiel")
    with crm.read(reader) as db:
        assert {deal.name for deal in db.find(Deal, rule)} == before


# T09: writing first and asking after.


DENIED = {
    "create": lambda db, record: db.create(Note(body="Mine")),
    "create for somebody else": lambda db, record: db.create(Deal(name="His", team_id=None, owner_id=None)),
    "update": lambda db, record: db.update(record, name="Changed"),
    "update of an extension": lambda db, record: db.update(record, {"extra.grade": "a"}),
    "delete": lambda db, record: db.delete(record),
    "transfer": lambda db, record: db.transfer(record, None),
    "move": lambda db, record: db.move(record, "lost"),
    "share": lambda db, record: db.share(record, user=db.access.user_id),
    "unshare": lambda db, record: db.unshare(record, user=db.access.user_id),
    "restore": lambda db, record: db.restore(Deal, record.id),
    "name": lambda db, record: db.external.give("erp", Deal, {"x": record.id}),
}


@pytest.mark.parametrize("verb", DENIED)
@pytest.mark.parametrize("sees", [True, False])
def test_t09_a_denied_write_leaves_no_trace_even_if_the_transaction_commits(crm, people, foreign, verb, sees):
    people.role("looker", [Grant("trade.deal", ["read"], "all")])
    looker = people.user("Loo", roles=["looker"] if sees else [])
    before = dump(crm)
    with crm.write(looker) as db, pytest.raises((ForbiddenError, NotFoundError)):
        DENIED[verb](db, foreign)
    assert dump(crm) == before


def test_t09_a_new_record_outside_a_rule_leaves_no_trace(crm, people):
    people.role("berliner", [Grant("trade.firm", ["read", "create"], Rule.parse('city == "Berlin"'))])
    berliner = people.user("Bea", roles=["berliner"])
    before = dump(crm)
    with pytest.raises(ForbiddenError), crm.write(berliner) as db:
        db.create(Firm(name="Away", city="Bonn"))
    assert dump(crm) == before


# T11: taking out of the bin, and looking into it.


def test_t11_the_bin_is_closed_to_those_who_may_not_delete(crm, people, mine):
    people.role("changer", [Grant("trade.deal", ["read", "update", "create", "move", "transfer", "share"], "all")])
    changer = people.user("Cha", roles=["changer"])
    with crm.system("test") as db:
        db.delete(mine)
    with crm.read(changer) as db:
        assert db.find(Deal, deleted=True) == []
    with pytest.raises(NotFoundError, match="there is no record"), crm.write(changer) as db:
        db.restore(Deal, mine.id)


# T12: sharing more than one has.


def test_t12_sharing_for_writing_needs_the_right_to_write(crm, people, mine, boss):
    people.role("sharer", [Grant("trade.deal", ["read", "share"], "all")])
    sharer, friend = people.user("Sha", roles=["sharer"]), people.user("Fri")
    for level in ("write",):
        with pytest.raises(ForbiddenError), crm.write(sharer) as db:
            db.share(mine, user=friend.user_id, level=level)
    with crm.write(sharer) as db:
        db.share(mine, user=friend.user_id)
    with pytest.raises(ForbiddenError), crm.write(sharer) as db:
        db.share(mine, user=friend.user_id, level="write")
    with pytest.raises(ForbiddenError), crm.write(friend) as db:
        db.share(mine, user=boss.user_id)


@pytest.mark.parametrize("take", ["lower", "end"])
def test_t12_taking_the_right_to_write_away_needs_it_as_giving_it_does(crm, people, mine, boss, take):
    people.role("sharer", [Grant("trade.deal", ["read", "share"], "all")])
    sharer, friend = people.user("Sha", roles=["sharer"]), people.user("Fri")

    def taken(person):
        with crm.write(person) as db:
            if take == "lower":
                db.share(mine, user=friend.user_id, level="read")
            else:
                db.unshare(mine, user=friend.user_id)

    with crm.write(boss) as db:
        db.share(mine, user=friend.user_id, level="write")
    with pytest.raises(ForbiddenError, match="you may not update"):
        taken(sharer)
    taken(boss)
    with crm.system("test") as db:
        assert [share.level for share in db.find(Share)] == (["read"] if take == "lower" else [])
    taken(sharer)


def test_t12_sharing_with_somebody_invisible_is_refused_like_with_nobody(crm, seller, people, mine):
    hidden = people.user("Hidden")
    blind = people.user("Blind", roles=["seller"], member=False)
    with crm.system("test") as db:
        mine = db.transfer(mine, blind.user_id)

    def words(user):
        with pytest.raises(ValidationError) as caught, crm.write(blind) as db:
            db.share(mine, user=user)
        return str(caught.value).replace(str(user), "…")

    assert words(hidden.user_id) == words(uuid4())


# T13: attributes that are nobody's to set.


PROTECTED = {
    "id": uuid4(), "version": 99, "created_at": None, "updated_at": None, "created_by": None, "deleted_at": None,
    "custom": {"a": 1}, "owner_id": None, "team_id": None, "stage": "won", "pipeline": "trade.flow",
    "pipeline_version": 9, "stage_kind": "won", "stage_entered_at": None, "code": "D-000001", "area": 1,
    "created_by ": None, "__class__": Firm,
    "__entity__": None, "f": None, "trade.deal.name": "x", "extra.": 1, ".": 1, "": 1, "extra.record_id": None,
    "worth_minor": 1, "worth_base": 1, "about_id": None, "name; DROP TABLE trade_deal": "x", "Name": "x",
    "partners": [],
}  # fmt: skip


@pytest.mark.parametrize("name", PROTECTED)
@pytest.mark.parametrize("as_batch", [True, False])
def test_t13_protected_attributes_cannot_be_set(crm, boss, mine, name, as_batch):
    before = dump(crm)
    with pytest.raises((ValidationError, UnknownFieldError)), crm.write(boss) as db:
        values = {"name": "Changed", name: PROTECTED[name]}
        db.update_many([(mine, values)]) if as_batch else db.update(mine, values)
    assert dump(crm) == before


def test_t13_a_new_record_cannot_take_anothers_place(crm, boss, seller, mine):
    with pytest.raises(ConflictError), crm.write(seller) as db:
        db.create(Deal(id=mine.id, name="Impostor"))
    with crm.read(boss) as db:
        assert db.get(Deal, mine.id).name == "Mine"


# T14: a batch with one foreign record in it.


@pytest.mark.parametrize("verb", ["update_many", "delete_many", "transfer_many", "move_many"])
def test_t14_a_batch_with_a_foreign_record_is_refused_whole(crm, seller, mine, foreign, verb):
    with crm.system("test") as db:
        another = db.create(Deal(name="Mine too", size=1, owner_id=seller.user_id))
    batch = [mine, foreign, another]
    before = dump(crm)
    arguments = {
        "update_many": ([(record, {"name": "Changed"}) for record in batch],),
        "delete_many": (batch,),
        "transfer_many": (batch, None),
        "move_many": (batch, "active"),
    }[verb]
    with crm.write(seller) as db, pytest.raises(NotFoundError):
        getattr(db, verb)(*arguments)
    assert dump(crm) == before


def test_t14_a_batch_of_new_records_with_one_outside_is_refused_whole(crm, seller, boss):
    before = dump(crm)
    with crm.write(seller) as db, pytest.raises(ForbiddenError):
        db.create_many([Deal(name="Mine"), Deal(name="His", owner_id=boss.user_id), Deal(name="Mine")])
    after = dump(crm)
    # A number taken in vain is a gap, and gaps are accepted.
    assert {name for name in after if after[name] != before[name]} <= {"core_sequence"}


# T15: giving oneself a role through its tables.


def power(user):
    role = uuid4()
    return [
        Assignment(user_id=user, role="core.administrator"),
        RoleRecord(name="mighty", label="Mighty"),
        GrantRecord(role_id=role, entity="*", verbs="read update", scope="all"),
        MaskRecord(role_id=role, entity="trade.deal", field_name="size"),
        Membership(user_id=user, team_id=uuid4()),
        Team(name="Mine"),
        User(name="Me again"),
    ]


@pytest.mark.parametrize("place", range(7))
def test_t15_nobody_makes_a_role_or_a_grant_for_oneself(crm, seller, place):
    before = dump(crm)
    with crm.write(seller) as db, pytest.raises(ForbiddenError):
        db.create(power(seller.user_id)[place])
    assert dump(crm) == before


def test_t15_a_share_is_not_made_past_the_verb(crm, seller, foreign, mine):
    from crmkit import Target

    for record in (mine, foreign):
        with pytest.raises(ForbiddenError), crm.write(seller) as db:
            db.create(Share(record=Target("trade.deal", record.id), user_id=seller.user_id, level="write"))


def test_t15_what_gives_power_can_be_neither_changed_nor_deleted_nor_restored(crm, seller):
    with crm.system("test") as db:
        held = [record for cls in (Assignment, RoleRecord, GrantRecord, MaskRecord, User) for record in db.find(cls)]
        gone = db.create(Assignment(user_id=seller.user_id, role="core.administrator"))
        db.delete(gone)
    for record in held:
        with pytest.raises((ForbiddenError, NotFoundError)), crm.write(seller) as db:
            db.update(record, version=1)
        with pytest.raises((ForbiddenError, NotFoundError)), crm.write(seller) as db:
            db.delete(record)
    with pytest.raises(NotFoundError), crm.write(seller) as db:
        db.restore(Assignment, gone.id)


# T16: a policy with holes in it.


def test_t16_nobody_without_roles_sees_or_does_anything(crm, people, mine):
    nobody = people.user("Nob", member=False)
    with crm.read(nobody) as db:
        for cls in (Deal, Firm, Line, Note, Partner, User, Team, Assignment, Share):
            assert db.find(cls) == []
            assert db.readable_fields(cls) == {"id", "version"}
        assert db.may("read", mine) is False


@pytest.mark.parametrize(
    "hole",
    [
        {"scope": "rule", "rule": None},
        {"scope": "rule", "rule": "false"},
        {"verbs": ""},
        {"verbs": "   "},
        {"entity": "gone.entity"},
        {"scope": "own", "entity": "trade.firm"},
        {"entity": "*", "scope": "own"},
    ],
)
def test_t16_a_grant_with_a_hole_grants_nothing(crm, people, mine, hole):
    role = people.role("holed", [])
    holder = people.user("Hol", roles=["holed"])
    with crm.system("test") as db:
        found = db.find(RoleRecord, RoleRecord.f.name == role)[0]
        values = {"entity": "trade.deal", "verbs": "read", "scope": "all", **hole}
        try:
            db.create(GrantRecord(role_id=found.id, **values))
        except ValidationError:
            return
    with crm.read(holder) as db:
        assert db.find(Deal) == []
        assert db.find(Firm) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"verbs": "read fly"},
        {"scope": "rule", "rule": "this is no rule"},
        {"scope": "rule", "rule": "nosuch == 1"},
        {"scope": "rule", "rule": "name == 1"},
        {"scope": "rule", "rule": ""},
    ],
)
def test_t16_a_broken_grant_is_refused_or_grants_nothing_and_hurts_nobody(crm, people, seller, mine, broken):
    role = people.role("broken", [Grant("trade.firm", ["read"], "all")])
    holder = people.user("Bro", roles=["broken"])
    with crm.system("test") as db:
        found = db.find(RoleRecord, RoleRecord.f.name == role)[0]
        values = {"entity": "trade.deal", "verbs": "read", "scope": "all", **broken}
        try:
            with db.attempt():
                db.create(GrantRecord(role_id=found.id, **values))
        except CrmkitError:
            # What cannot be saved may still be there: an older version of a plugin had the field.
            other = db.create(GrantRecord(role_id=found.id, entity="trade.deal", verbs="delete", scope="own"))
            db.flush()
            table = crm.schema.tables["core_grant"]
            db._connection.execute(sa.update(table).where(table.c.id == other.id).values(values))
    with crm.read(seller) as db:
        assert [deal.name for deal in db.find(Deal)] == ["Mine"]
    with crm.read(holder) as db:
        assert db.find(Deal) == []
        assert len(db.find(Firm)) == 1


@pytest.mark.parametrize("masked", [{"field_name": "nosuch"}, {"entity": "gone.entity"}])
def test_t16_a_mask_of_nothing_hides_nothing_else(crm, people, mine, masked):
    role = people.role("odd", [Grant("trade.deal", ["read"], "all")])
    holder = people.user("Odd", roles=["odd"])
    with crm.system("test") as db:
        found = db.find(RoleRecord, RoleRecord.f.name == role)[0]
        try:
            with db.attempt():
                db.create(MaskRecord(role_id=found.id, **{"entity": "trade.deal", "field_name": "size", **masked}))
        except ValidationError:
            return
    with crm.read(holder) as db:
        assert db.find(Deal)[0].size == 7


def test_t16_a_role_that_does_not_exist_grants_nothing(crm, people, mine):
    with crm.system("test") as db:
        user = db.create(User(name="Oli"))
        for role in ("nosuch", "trade.nosuch", "", "*"):
            try:
                with db.attempt():
                    db.create(Assignment(user_id=user.id, role=role))
            except ValidationError:
                continue
    with crm.read(crm.principal("Oli")) as db:
        assert db.find(Deal) == []


def test_t16_an_inactive_or_deleted_user_has_no_access(crm, people, seller, mine):
    for change in (lambda db, user: db.update(user, is_active=False), lambda db, user: db.delete(user)):
        person = people.user("Ina", roles=["seller"])
        with crm.read(person) as db:
            assert db.find(Deal) == []
        with crm.system("test") as db:
            change(db, db.get(User, person.user_id))
        for door in (crm.read, crm.write):
            with pytest.raises(InactiveUserError), door(person):
                pass
        with pytest.raises(NotFoundError):
            crm.principal("Ina")


def test_t16_an_unknown_verb_is_never_allowed(crm, boss, mine):
    with crm.read(boss) as db:
        assert not any(db.may(verb, mine) for verb in ("fly", "", "*", "READ", "restore"))


def test_t16_an_unknown_entity_is_unknown(crm, boss):
    with crm.read(boss) as db, pytest.raises(UnknownEntityError):
        db.find("gone.entity")


# T17: making anew what was deleted.


def test_t17_a_user_made_anew_inherits_nothing(crm, people, seller, mine):
    first = people.user("Una", email="una@example.org", team="South", roles=["seller"])
    with crm.system("test") as db:
        db.share(mine, user=first.user_id)
        db.delete(db.get(User, first.user_id))
        db.create(User(name="Una", email="una@example.org"))
    with crm.read(crm.principal("una@example.org")) as db:
        assert db.find(Deal) == []
        assert db.readable_fields(Deal) == {"id", "version"}


def test_t17_a_user_taken_out_of_the_bin_gets_no_role_back(crm, people, seller, mine):
    first = people.user("Una", roles=["seller", "core.administrator"])
    with crm.system("test") as db:
        db.delete(db.get(User, first.user_id))
        db.restore(User, first.user_id)
    with crm.read(first) as db:
        assert db.find(Deal) == []


def test_t17_a_role_made_anew_has_no_holders(crm, people, mine):
    name = people.role("temporary", [Grant("trade.firm", ["read"], "all")])
    holder = people.user("Hol", roles=[name])
    with crm.system("test") as db:
        db.delete(db.find(RoleRecord, RoleRecord.f.name == name)[0])
    people.role("temporary", [Grant("trade.deal", ["read"], "all")])
    with crm.read(holder) as db:
        assert db.find(Deal) == []


def test_t17_a_role_that_takes_anothers_name_takes_no_holders(crm, people, mine):
    old = people.role("old", [Grant("trade.firm", ["read"], "all")])
    holder = people.user("Hol", roles=[old])
    people.role("other", [Grant("trade.deal", ["read"], "all")])
    with crm.system("test") as db:
        db.delete(db.find(RoleRecord, RoleRecord.f.name == "old")[0])
        try:
            with db.attempt():
                db.update(db.find(RoleRecord, RoleRecord.f.name == "other")[0], name="old")
        except ValidationError:
            return
    with crm.read(holder) as db:
        assert db.find(Deal) == []


def test_t17_a_record_made_anew_is_not_shared(crm, people, seller, mine):
    friend = people.user("Fri", roles=["seller"])
    with crm.system("test") as db:
        db.share(mine, user=friend.user_id)
        db.delete(mine)
        db.create(Deal(name="Mine", owner_id=seller.user_id))
    with crm.read(friend) as db:
        assert db.find(Deal) == []
