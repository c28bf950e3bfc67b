"""Fields that administrators add at run time: they filter, sort, mask, and tell their history like any other."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from crmkit import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnknownFieldError,
    ValidationError,
    count,
    total,
    translate,
)
from crmkit.core.custom_fields.converting import FieldConversionError, convert_field
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.purging import purge_field
from crmkit.core.ids import new_id
from crmkit.core.policy.people import GrantRecord, MaskRecord, RoleRecord
from crmkit.core.policy.roles import VERBS
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from crmkit.transfer.exporting import export
from tests.core.atelier import Artist, Commission

pytestmark = both_databases

VALUES = {
    "text": ({}, "Öl auf Leinwand"),
    "long_text": ({}, "one\ntwo"),
    "integer": ({}, -(2**63)),
    "decimal": ({"scale": 3}, Decimal("-12.345")),
    "percent": ({}, Decimal("12.50")),
    "boolean": ({}, False),
    "date": ({}, date(2026, 1, 31)),
    "datetime": ({}, datetime(2026, 1, 31, 23, 59, 59, 123456, tzinfo=UTC)),
    "choice": ({"choices": ["oil", "ink"]}, "ink"),
    "multi_choice": ({"choices": ["oil", "ink", "gold"]}, ("gold", "oil")),
    "url": ({}, "https://example.org/?a=1"),
    "email": ({}, "anna@example.org"),
    "phone": ({}, "+49 30 123"),
}


@pytest.fixture
def define(crm):
    def define(key, type="integer", **more):
        with crm.system("test") as db:
            return db.create(CustomField(entity="atelier.commission", key=key, type=type, label=key, **more))

    return define


@pytest.fixture
def commissions(crm):
    """Make commissions with values of one custom field, in order."""

    def make(key, *values):
        with crm.system("test") as db:
            return db.create_many([Commission(title=str(n), custom={key: value}) for n, value in enumerate(values)])

    return make


def titles(records):
    return [record.title for record in records]


@pytest.mark.parametrize("type", VALUES)
def test_value_of_every_type_comes_back_as_it_was_written(crm, define, commissions, type):
    options, value = VALUES[type]
    define("it", type, options=options)

    (made, empty) = commissions("it", value, None)

    with crm.system("test") as db:
        for record in (made, db.get(Commission, made.id), db.find(Commission, 'title == "0"')[0]):
            assert record.custom == {"it": value}
            assert type == "integer" or record.custom["it"].__class__ is value.__class__
        assert db.get(Commission, empty.id).custom == {"it": None}
        assert db.history(made)[0].changes["custom.it"][0] is None
        assert titles(db.find(Commission, "custom.it == null")) == ["1"]


@pytest.mark.parametrize(
    ("type", "options", "values", "rule", "found"),
    [
        ("integer", {}, [9, 10, None, -1], "custom.it > 9", ["1"]),
        ("decimal", {"scale": 2}, [Decimal("9.5"), Decimal(10), None], "custom.it >= 9.75", ["1"]),
        ("date", {}, [date(2026, 1, 9), date(2026, 1, 10), None], 'custom.it > date("2026-01-09")', ["1"]),
        ("date", {}, [date(2026, 1, 9), date(2026, 1, 10), None], 'custom.it + days(1) == date("2026-01-10")', ["0"]),
        ("boolean", {}, [True, False, None], "!custom.it", ["1", "2"]),
        ("text", {}, ["Ab", "ab", None], 'custom.it.lower() == "ab"', ["0", "1"]),
        ("text", {}, ["Ab", "ab", None], 'custom.it.startsWith("A")', ["0"]),
        ("multi_choice", {"choices": ["a", "b"]}, [("a",), ("a", "b"), ()], 'custom.it.contains("b")', ["1"]),
        ("choice", {"choices": ["a", "b"]}, ["a", "b", None], 'custom.it in ["b"]', ["1"]),
        ("integer", {}, [1, None, 3], "custom.it != 1", ["1", "2"]),
    ],
)
def test_rule_compares_a_custom_field_like_any_other(crm, define, commissions, type, options, values, rule, found):
    define("it", type, options=options)
    commissions("it", *values)

    with crm.system("test") as db:
        assert titles(db.find(Commission, rule, order_by="title")) == found
        assert db.count(Commission, rule) == len(found)


@pytest.mark.parametrize("type", ["text", "integer", "decimal", "boolean", "date", "datetime", "choice"])
def test_list_is_sorted_and_paged_by_a_custom_field(crm, define, commissions, type):
    options, one = VALUES[type]
    other = {
        "text": "Aquarell", "integer": 7, "decimal": Decimal(4), "boolean": True, "date": date(2025, 12, 31),
        "datetime": datetime(2026, 2, 1, tzinfo=UTC), "choice": "oil",
    }[type]  # fmt: skip
    define("it", type, options=options)
    values = [one, None, other, one, None, other]
    commissions("it", *values)

    with crm.system("test") as db:
        for descending in (False, True):
            order = "-custom.it" if descending else "custom.it"
            whole = db.find(Commission, order_by=order)
            seen = [record.custom["it"] for record in whole]
            assert seen[:4] == sorted([one, other] * 2, reverse=descending)
            assert seen[4:] == [None, None]
            assert titles(db.stream(Commission, order_by=order, size=2)) == titles(whole)


def test_custom_fields_are_grouped_and_summed_up(crm, define, commissions):
    define("it", "decimal", options={"scale": 1})
    commissions("it", Decimal("1.5"), Decimal("1.5"), None, Decimal("0.1"))

    with crm.system("test") as db:
        assert db.aggregate(Commission, measures={"sum": total("custom.it"), "n": count("custom.it")}) == [
            {"sum": Decimal("3.1"), "n": 3}
        ]
        found = db.aggregate(Commission, group_by="custom.it", measures={"n": count()})
        assert [(row["custom.it"], row["n"]) for row in found] == [
            (Decimal("0.1"), 1), (Decimal("1.5"), 2), (None, 1)
        ]  # fmt: skip


def test_administrator_defines_fields_and_a_member_does_not(crm, people, define):
    boss, painter = people.user("Anna", roles=["core.administrator"]), people.user("Bo", roles=["atelier.painter"])
    field = CustomField(entity="atelier.commission", key="size", type="integer", label="Size")

    with crm.write(painter) as db, pytest.raises(ForbiddenError):
        db.create(field)
    with crm.write(boss) as db:
        db.create(field)
    with crm.write(boss) as db:
        assert db.create(Commission(title="Sea", custom={"size": 4})).custom == {"size": 4}


@pytest.fixture
def clerk(crm, people, define):
    """Somebody whose role hides ``custom.secret`` and makes ``custom.fixed`` read-only."""
    define("secret")
    define("fixed")
    define("open")
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="clerk", label="Clerk"))
        db.create(GrantRecord(role_id=role.id, entity="atelier.commission", verbs=" ".join(VERBS), scope="all"))
        hidden = {"role_id": role.id, "entity": "atelier.commission"}
        db.create(MaskRecord(**hidden, field_name="custom.secret"))
        db.create(MaskRecord(**hidden, field_name="custom.fixed", access="read_only"))
    return people.user("Cleo", roles=["clerk"])


def test_hidden_custom_field_does_not_exist_anywhere(crm, clerk, commissions, tmp_path):
    (commission,) = commissions("secret", 7)
    with crm.system("test") as db:
        commission = db.update(commission, {"custom.open": 1})

    with crm.write(clerk) as db:
        for ask in (
            lambda key: db.find(Commission, f"custom.{key} == 7"),
            lambda key: db.find(Commission, order_by=f"custom.{key}"),
            lambda key: db.aggregate(Commission, measures={"sum": total(f"custom.{key}")}),
            lambda key: db.aggregate(Commission, group_by=f"custom.{key}", measures={"n": count()}),
            lambda key: db.get(Commission, commission.id).custom[key],
            lambda key: db.update(db.get(Commission, commission.id), {f"custom.{key}": 8}),
            lambda key: db.create(Commission(title="x", custom={key: 8})),
            lambda key: export(db, Commission, tmp_path / "x.csv", fields=["title", f"custom.{key}"]),
            lambda key: db.visible(Commission).c[f"custom.{key}"],
        ):
            said = []
            for key in ("secret", "nosuch"):
                with pytest.raises(Exception) as caught:  # noqa: PT011  what matters is that both say the same
                    ask(key)
                said.append((type(caught.value), str(caught.value).replace(key, "KEY")))
            assert said[0] == said[1]
        assert "secret" not in db.get(Commission, commission.id).custom
        assert "custom" not in db.visible(Commission).c
        assert not any("secret" in name for entry in db.history(commission) for name in entry.changes)
        export(db, Commission, tmp_path / "all.csv")
    columns = (tmp_path / "all.csv").read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    assert {"custom.fixed", "custom.open"} <= set(columns)
    assert "custom.secret" not in columns


def test_change_keeps_the_custom_values_that_its_writer_does_not_see(crm, clerk, commissions):
    (commission,) = commissions("secret", 7)

    with crm.write(clerk) as db:
        db.update(db.get(Commission, commission.id), {"custom.open": 2})

    with crm.system("test") as db:
        assert db.get(Commission, commission.id).custom == {"secret": 7, "fixed": None, "open": 2}
        assert db.history(commission)[-1].changes == {"custom.open": (None, 2)}


def test_read_only_custom_field_is_refused_by_name(crm, clerk, commissions):
    (commission,) = commissions("fixed", 7)

    with crm.write(clerk) as db:
        with pytest.raises(ValidationError, match=r"custom.fixed: is read-only for you"):
            db.update(db.get(Commission, commission.id), {"custom.fixed": 8})
        with pytest.raises(ValidationError, match=r"custom.fixed: is read-only for you"):
            db.create(Commission(title="x", custom={"fixed": 8}))


def test_hiding_custom_hides_every_custom_field(crm, people, define):
    define("size")
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="clerk", label="Clerk"))
        db.create(GrantRecord(role_id=role.id, entity="atelier.commission", verbs="read", scope="all"))
        db.create(MaskRecord(role_id=role.id, entity="atelier.commission", field_name="custom"))

    with crm.read(people.user("Cleo", roles=["clerk"])) as db:
        assert not {name for name in db.readable_fields(Commission) if name.startswith("custom")}
        with pytest.raises(UnknownFieldError):
            db.find(Commission, order_by="custom.size")


def test_required_custom_field_binds_at_the_next_write_of_whoever_may_write_it(crm, clerk, define):
    with crm.system("test") as db:
        old = db.create(Commission(title="Sea"))
        field = {found.key: found for found in db.find(CustomField)}
        db.update(field["open"], required=True)
        db.update(field["secret"], required=True)

    with crm.write(clerk) as db:
        with pytest.raises(ValidationError, match=r"custom\.open: a value is required"):
            db.update(db.get(Commission, old.id), title="Lake")
        db.update(db.get(Commission, old.id), {"title": "Lake", "custom.open": 1})
        with pytest.raises(ValidationError, match="a value is required"):
            db.create(Commission(title="River", custom={}))


def test_default_is_given_to_new_records_alone(crm, define):
    with crm.system("test") as db:
        old = db.create(Commission(title="Sea"))
    define("size", default=3)

    with crm.system("test") as db:
        assert db.get(Commission, old.id).custom == {"size": None}
        assert db.create(Commission(title="Lake")).custom == {"size": 3}
        assert db.create(Commission(title="River", custom={"size": None})).custom == {"size": None}


def test_reference_is_followed_expanded_and_emptied(crm, define):
    define("critic_id", "reference", options={"entity": "atelier.artist"})

    with crm.system("test") as db:
        critic = db.create(Artist(name="Zola"))
        made = db.create(Commission(title="Sea", custom={"critic_id": critic.id}))
        assert titles(db.find(Commission, 'custom.critic.name == "Zola"')) == ["Sea"]
        assert db.expand([made], "custom.critic") == {critic.id: critic}
        with pytest.raises(ValidationError, match=r"there is no atelier\.artist"):
            db.create(Commission(title="Lake", custom={"critic_id": made.id}))
        db.delete(critic)
        assert db.get(Commission, made.id).custom == {"critic_id": None}


def test_referenced_record_stays_where_the_field_says_so(crm, define):
    define("critic_id", "reference", options={"entity": "atelier.artist", "on_delete": "restrict"})

    with crm.system("test") as db:
        critic = db.create(Artist(name="Zola"))
        db.create(Commission(title="Sea", custom={"critic_id": critic.id}))
        with pytest.raises(ConflictError):
            db.delete(critic)


def test_removed_field_is_gone_and_restoring_it_brings_its_values_back(crm, define, commissions):
    field = define("size")
    (commission,) = commissions("size", 7)
    with crm.system("test") as db:
        db.delete(field)

    with crm.system("test") as db:
        assert db.get(Commission, commission.id).custom == {}
        with pytest.raises(UnknownFieldError):
            db.update(commission, {"custom.size": 8})
        db.update(commission, title="Lake")
        assert "custom.size" not in db.history(commission)[0].changes
        db.restore(CustomField, field.id)
    with crm.system("test") as db:
        assert db.get(Commission, commission.id).custom == {"size": 7}


def test_new_field_of_an_old_name_inherits_neither_values_nor_masks_nor_grants(crm, people, clerk, commissions):
    commissions("secret", 7)
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="seer", label="Seer"))
        db.create(
            GrantRecord(
                role_id=role.id, entity="atelier.commission", verbs="read", scope="rule", rule="custom.secret == 7"
            )
        )
        field = next(found for found in db.find(CustomField) if found.key == "secret")
    seer = people.user("Sia", roles=["seer"])
    with crm.read(seer) as db:
        assert db.count(Commission) == 1
    with crm.system("test") as db:
        db.delete(field)
    with crm.system("test") as db:
        db.create(CustomField(entity="atelier.commission", key="secret", type="integer", label="Secret"))
        assert db.find(GrantRecord, 'scope == "rule"') == []
        assert [mask.field_name for mask in db.find(MaskRecord)] == ["custom.fixed"]

    with crm.system("test") as db:
        (commission,) = db.find(Commission)
        assert commission.custom["secret"] is None
        db.update(commission, {"custom.secret": 7})
    with crm.read(seer) as db:
        assert db.count(Commission) == 0
    with crm.read(clerk) as db:
        assert db.get(Commission, commission.id).custom["secret"] == 7


def test_option_in_use_does_not_vanish(crm, define, commissions):
    field = define("kind", "choice", options={"choices": ["oil", "ink", "gold"]})
    commissions("kind", "ink")

    with crm.system("test") as db:
        with pytest.raises(ValidationError, match="records have the choice 'ink'; keep it"):
            db.update(field, options={"choices": ["oil"]})
        db.update(field, options={"choices": ["ink", {"slug": "tempera", "label": "Egg"}]})


@pytest.mark.parametrize(
    ("type", "options", "value", "others", "said"),
    [
        ("decimal", {"scale": 2}, Decimal("12.50"), {"scale": 3}, "crmkit field convert atelier.commission it_id"),
        ("percent", {}, Decimal("12.50"), {"scale": 0}, "--to percent"),
        ("reference", {"entity": "atelier.artist"}, None, {"entity": "core.user"}, "records of atelier.artist"),
    ],
)
def test_option_that_gives_kept_values_another_meaning_is_refused(
    crm, define, commissions, type, options, value, others, said
):
    field = define("it_id", type, options=options)
    (made,) = commissions("it_id", value)

    with crm.system("test") as db, pytest.raises(ValidationError, match=said):
        db.update(field, options=others)
    with crm.system("test") as db:
        assert db.get(Commission, made.id).custom["it_id"] == value


def test_scale_changes_by_a_conversion_to_the_same_type(crm, define, commissions):
    field = define("it", "decimal", options={"scale": 2})
    (made,) = commissions("it", Decimal("12.50"))
    with crm.system("test") as db:
        convert_field(db, field, "decimal", {"scale": 3})
    with crm.system("test") as db:
        assert db.get(Commission, made.id).custom["it"] == Decimal("12.500")


def test_reference_is_not_converted_to_one_to_another_entity(crm, define):
    field = define("sitter_id", "reference", options={"entity": "atelier.artist"})

    with crm.system("test") as db, pytest.raises(ValidationError, match=r"values name records of atelier\.artist"):
        convert_field(db, field, "reference", {"entity": "core.user"})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"key": "Size"}, "'Size' is no key"),
        ({"key": "x'y"}, "is no key"),
        ({"entity": "atelier.nosuch"}, "there is no entity 'atelier.nosuch'"),
        ({"type": "text", "options": {"maximum": 3}}, "there is no option 'maximum' for this type"),
        ({"type": "choice"}, "choices is a list of one to 500 slugs"),
        ({"type": "decimal", "options": {"scale": 30}}, "scale is a whole number between 0 and 9"),
        ({"type": "date", "default": "soon"}, "default: expected date, got 'soon'"),
        ({"type": "reference", "options": {"entity": "atelier.artist"}}, "a reference's name ends in _id"),
        ({"personal": True}, "say what the personal data are kept for"),
    ],
)
def test_definition_that_makes_no_sense_is_refused(crm, values, said):
    field = {"entity": "atelier.commission", "key": "size", "type": "integer", "label": "Size"} | values

    with crm.system("test") as db, pytest.raises(ValidationError) as caught:
        db.create(CustomField(**field))

    assert said in str(caught.value)


def test_what_a_field_is_stays_as_it_is(crm, define):
    field = define("size")

    with crm.system("test") as db:
        for change in ({"key": "width"}, {"type": "text"}, {"entity": "atelier.artist"}):
            with pytest.raises(ValidationError, match="stays as it is"):
                db.update(field, change)
        with pytest.raises(ValidationError, match="is set by crmkit"):
            db.update(field, {"slot": "other"})


def test_label_is_shown_in_the_language_of_the_reader(crm, define):
    define("size", labels={"zh_CN": "尺寸", "de": "Größe"})

    with crm.system("test") as db:
        label = db.model.registry.field("atelier.commission", "custom.size").label
    assert [translate(label, locale) for locale in ("en", "zh_CN", "de_AT", "fr")] == ["size", "尺寸", "Größe", "size"]


def test_factory_fills_what_is_required(crm, factory, define):
    define("size", required=True)

    assert factory.make(Commission).custom["size"] is not None
    assert factory.make(Commission, {"custom.size": 12}).custom["size"] == 12


@pytest.mark.parametrize(
    ("type", "options", "values", "to", "new_options", "converted"),
    [
        ("text", {}, ["12", " 7"], "integer", {}, [12, 7]),
        ("text", {}, ["1.50", "2"], "decimal", {"scale": 2}, [Decimal("1.50"), Decimal(2)]),
        ("text", {}, ["2026-01-31"], "date", {}, [date(2026, 1, 31)]),
        ("integer", {}, [1, 2], "decimal", {"scale": 1}, [Decimal(1), Decimal(2)]),
        ("decimal", {"scale": 1}, [Decimal("2.0")], "integer", {}, [2]),
        ("integer", {}, [5], "text", {}, ["5"]),
        ("boolean", {}, [True, False], "choice", {"choices": ["true", "false"]}, ["true", "false"]),
        ("choice", {"choices": ["a", "b"]}, ["a"], "multi_choice", {"choices": ["a", "b"]}, [("a",)]),
        ("text", {}, ["true"], "boolean", {}, [True]),
    ],
)
def test_field_is_converted(crm, define, commissions, type, options, values, to, new_options, converted):
    field = define("it", type, options=options)
    made = commissions("it", *values, None)
    with crm.system("test") as db:
        assert convert_field(db, field, to, new_options, dry_run=True).records == len(values)
        assert db.get(Commission, made[0].id).custom["it"] == made[0].custom["it"]
    with crm.system("test") as db:
        convert_field(db, field, to, new_options)

    with crm.system("test") as db:
        found = [db.get(Commission, record.id) for record in made]
        assert [record.custom["it"] for record in found] == [*converted, None]
        assert [entry.kind for entry in db.history(found[0])] == ["create", "update"]
        assert len(db.history(found[0])[0].changes) > 1
        assert "custom.it" in db.history(found[0])[0].changes
        assert found[0].version == 2
        assert titles(db.find(Commission, "custom.it == null")) == [str(len(values))]


def test_conversion_that_loses_values_says_which_and_does_nothing(crm, define, commissions):
    field = define("it", "text")
    commissions("it", "12", "twelve")

    with crm.system("test") as db:
        tried = convert_field(db, field, "integer", dry_run=True)
        assert (tried.records, tried.failures, tried.refused[0][0]) == (2, 1, "twelve")
        with pytest.raises(FieldConversionError, match="1 of 2 values cannot be converted, such as twelve"):
            convert_field(db, field, "integer")
        convert_field(db, field, "integer", leave=True)
    with crm.system("test") as db:
        assert [record.custom["it"] for record in db.find(Commission, order_by="title")] == [12, None]


@pytest.fixture
def artists(crm, people):
    """Artists whom a user sees, whom only the system sees, who is in the bin, and who went into the first."""
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="curator", label="Curator"))
        db.create(GrantRecord(role_id=role.id, entity="core.custom_field", verbs="read update", scope="all"))
        db.create(GrantRecord(role_id=role.id, entity="atelier.commission", verbs="read", scope="all"))
        seen = 'name == "Seen"'
        db.create(GrantRecord(role_id=role.id, entity="atelier.artist", verbs="read", scope="rule", rule=seen))
        made = {name: db.create(Artist(name=name)) for name in ("Seen", "Hidden", "Gone", "Merged")}
        db.delete(made["Gone"])
        db.merge(made["Seen"], [made["Merged"]])
    return people.user("Cora", roles=["curator"]), {name: artist.id for name, artist in made.items()}


def test_values_become_references_where_they_lead_to_a_record_that_is_seen(crm, define, commissions, artists):
    cora, ids = artists
    field = define("it_id", "text")
    values = [ids["Seen"], ids["Merged"], ids["Hidden"], ids["Gone"], new_id(), "no id"]
    made = commissions("it_id", *map(str, values))
    to = {"entity": "atelier.artist"}

    with crm.system("test") as db:
        tried = convert_field(db, field, "reference", to, dry_run=True)
        assert (tried.records, tried.failures) == (6, 3)
        assert [reason for _value, reason in tried.refused[:2]] == [
            f"there is no atelier.artist {id_}" for id_ in values[3:5]
        ]
    with crm.write(cora) as db:
        tried = convert_field(db, field, "reference", to, dry_run=True)
        assert (tried.records, tried.failures, tried.refused) == (6, 4, ())
        with pytest.raises(FieldConversionError, match="4 of 6 values cannot be converted"):
            convert_field(db, field, "reference", to)
        convert_field(db, field, "reference", to, leave=True)

    with crm.system("test") as db:
        found = [db.get(Commission, record.id).custom["it_id"] for record in made]
        assert found == [ids["Seen"], ids["Seen"], None, None, None, None]
        assert list(examine(db.model, db._connection)) == []


def test_nothing_is_converted_to_references_to_an_entity_that_is_not_there(crm, define, commissions):
    field = define("it_id", "text")
    commissions("it_id", str(new_id()))

    for dry_run in (True, False):
        with crm.system("test") as db, pytest.raises(ValidationError, match=r"there is no entity 'atelier\.nosuch'"):
            convert_field(db, field, "reference", {"entity": "atelier.nosuch"}, dry_run=dry_run)


@pytest.mark.long
def test_nobody_converts_a_field_without_a_grant(crm, people, define):
    field = define("it", "text")

    with crm.write(people.user("Bo", roles=["atelier.painter"])) as db, pytest.raises(NotFoundError):
        convert_field(db, field, "integer")


def test_purged_values_are_gone_and_the_field_stays_in_the_bin(crm, define, commissions):
    field = define("it")
    commissions("it", 1, None, 3)
    with crm.system("test") as db:
        with pytest.raises(NotFoundError):
            purge_field(db, field.id)
        db.delete(field)
    with crm.system("test") as db:
        assert purge_field(db, field.id) == 2

    with crm.system("test") as db, pytest.raises(ValidationError, match="its values were purged"):
        db.restore(CustomField, field.id)


def test_verify_finds_a_custom_value_that_was_changed_past_crmkit(crm, define, commissions):
    define("it")
    commissions("it", 1)
    with crm.storage.writing() as connection:
        table = crm.schema.tables["atelier_commission"]
        connection.execute(sa.update(table).values(custom={"it": 2}))

    with crm.system("test") as db:
        found = [finding for finding in examine(db.model, db._connection) if finding.check == "history"]
    assert [finding.facts["fields"] for finding in found] == ["custom.it"]


def test_grant_by_a_custom_field_decides_every_verb(crm, people, define, commissions):
    define("size")
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="small", label="Small"))
        rule = {"role_id": role.id, "entity": "atelier.commission", "scope": "rule", "rule": "custom.size < 5"}
        db.create(GrantRecord(verbs="read update share export move", **rule))
    small, large = commissions("size", 1, 9)

    with crm.write(people.user("Sam", roles=["small"])) as db:
        assert [record.id for record in db.find(Commission)] == [small.id]
        assert all(db.may(verb, small) for verb in ("read", "update", "share", "export"))
        assert not db.may("read", large)
        db.update(small, {"custom.size": 4})


def test_time_line_of_a_new_field_tells_nothing_of_the_old_one(crm, define, commissions):
    field = define("size")
    (commission,) = commissions("size", 7)
    with crm.system("test") as db:
        db.update(commission, {"custom.size": 8})
        db.delete(field)
    define("size")

    with crm.system("test") as db:
        commission = db.get(Commission, commission.id)
        told = [entry.change.changes for entry in db.timeline(commission).entries if entry.change is not None]
        assert told
        assert not any("custom.size" in changes for changes in told)
        assert not any("custom.size" in entry.changes for entry in db.history(commission))


def test_conversion_tells_no_value_to_those_who_may_not_read_it(crm, people, define, commissions):
    field = define("secret", "text")
    commissions("secret", "hidden")
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="definer", label="Definer"))
        db.create(GrantRecord(role_id=role.id, entity="core.custom_field", verbs="read update", scope="all"))
        db.create(GrantRecord(role_id=role.id, entity="atelier.commission", verbs="read", scope="all"))
        db.create(MaskRecord(role_id=role.id, entity="atelier.commission", field_name="custom.secret"))

    with crm.write(people.user("Dora", roles=["definer"])) as db:
        tried = convert_field(db, field, "integer", dry_run=True)
        assert (tried.failures, tried.refused) == (1, ())
        with pytest.raises(FieldConversionError) as caught:
            convert_field(db, field, "integer")
    assert "hidden" not in str(caught.value)
