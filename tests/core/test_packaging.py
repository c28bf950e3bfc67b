"""Fields made at run time become code, and nothing of what they held or told is lost."""

import importlib
import inspect
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from crmkit import CRM, Config, CustomField, Database, UnknownEntityError, convert_field, translate, use_locale
from crmkit.core.migrating import apply, check, plan, revert
from crmkit.core.migrating.errors import MigrationFailedError
from crmkit.core.packaging.exporting import PluginExportError, export_plugin
from crmkit.core.plugins import as_loaded
from crmkit.core.policy.people import GrantRecord, MaskRecord, RoleRecord
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Company, Contact
from crmkit.testing import both_databases
from crmkit.testing.plugin_sets import resolve

# Key, type, options, and the name in code.
FIELDS = {
    "colour": ("text", {}, "colour"),
    "story": ("long_text", {}, "story"),
    "size": ("integer", {"min": -5}, "size"),
    "price": ("decimal", {"scale": 3}, "price"),
    "share": ("percent", {}, "share"),
    "vip": ("boolean", {}, "is_vip"),
    "since": ("date", {}, "since_on"),
    "seen": ("datetime", {}, "seen_at"),
    "kind": ("choice", {"choices": ["oil", {"slug": "ink", "label": "Indian ink"}]}, "kind"),
    "marks": ("multi_choice", {"choices": ["a", "b", "c"]}, "marks"),
    "site": ("url", {}, "site"),
    "mail": ("email", {}, "mail"),
    "mobile": ("phone", {}, "mobile"),
    "patron_id": ("reference", {"entity": "customers.contact"}, "patron_id"),
    "class": ("text", {"max": 40}, "class_value"),
}


def values(patron):
    return {
        "colour": 'ré"d 红\\', "story": "one\ntwo", "size": -3, "price": Decimal("12.345"), "share": Decimal("7.50"),
        "vip": True, "since": date(2024, 2, 29), "seen": datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "kind": "ink",
        "marks": ("a", "c"), "site": "https://a.example/x", "mail": "a@b.example", "mobile": "+43 1",
        "patron_id": patron, "class": "first",
    }  # fmt: skip


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", database=database, clock=clock)


@pytest.fixture
def records(crm):
    """Companies with every kind of custom field: full, empty, older than the fields, and in the bin."""
    with crm.system("test") as db:
        patron = db.create(Contact(name="Zola"))
        old = db.create(Company(name="Old"))
    with crm.system("test") as db:
        for place, (key, (kind, options, _name)) in enumerate(FIELDS.items()):
            labels = {"zh_CN": f"字段{place}"}
            db.create(CustomField(entity="customers.company", key=key, type=kind, label=key.title(),
                                  labels=labels, options=options, position=place, indexed=key == "size"))  # fmt: skip
        db.create(
            CustomField(
                entity="customers.contact",
                key="rank",
                type="integer",
                label="Rank",
                labels={"zh_CN": "等级"},
                default=3,
            )
        )
    with crm.system("test") as db:
        full = db.create(Company(name="Full", custom={**values(patron.id), "size": 1}))
        gone = db.create(Company(name="Gone", custom={"colour": "blue"}))
        full = db.update(full, {"custom.size": -3})
        db.delete(gone)
        db.create(Contact(name="Degas"))
    return {"patron": patron, "old": old, "full": full, "gone": gone}


@pytest.fixture
def packaged(crm, tmp_path):
    """Export the custom fields of companies and contacts, and return a CRM that has the plugin too."""
    opened = []

    def packaged(name="acme", entities=("customers.company", "customers.contact")):
        with crm.system("test") as db:
            export_plugin(db, crm.plugins, entities, name, tmp_path / name)
        sys.path.insert(0, str(tmp_path / name))
        module = importlib.import_module(f"crmkit_{name}")
        opened.append((name, CRM(crm.config, plugins=[*crm.plugins, module], clock=crm.clock)))
        return opened[-1][1]

    yield packaged
    for name, made in opened:
        made.close()
        sys.path.remove(str(tmp_path / name))
        for loaded in [each for each in sys.modules if each.partition(".")[0] == f"crmkit_{name}"]:
            del sys.modules[loaded]


def acme(db, record):
    """Return what the plugin has of *record*."""
    return db.extension(db.model.registry.extensions["customers.company"]["acme"].cls, record)


def told(db, record, names):
    """Return the history of *record* with its fields under *names*."""
    return [
        (entry.id, entry.at, entry.kind, {names.get(name, name): change for name, change in entry.changes.items()})
        for entry in db.history(record)
    ]


@pytest.mark.long
@both_databases
def test_every_value_and_history_is_there_after_the_move_and_after_going_back(crm, records, packaged):
    names = {f"custom.{key}": f"acme.{name}" for key, (_kind, _options, name) in FIELDS.items()}
    with crm.system("test") as db:
        full, patron = db.get(Company, records["full"].id), records["patron"].id
        assert dict(full.custom) == values(patron)
        before = {"history": told(db, full, names), "versions": {c.id: c.version for c in db.find(Company)}}
    with_code = packaged()
    assert "make" in str(plan(with_code).steps[0].operations[-1])
    apply(with_code)

    with with_code.system("test") as db:
        full = db.get(Company, full.id)
        assert {key: getattr(acme(db, full), name) for key, (_k, _o, name) in FIELDS.items()} == values(patron)
        assert dict(full.custom) == {}
        assert told(db, full, {}) == before["history"]
        assert {c.id: c.version for c in db.find(Company)} == before["versions"]
        assert db.find(Company, 'acme.size < 0 && acme.patron.name == "Zola" && acme.marks.contains("a")') == [full]
        assert db.find(CustomField) == []
        assert [a.name for a in db.find(Contact, "acme.rank == 3")] == ["Degas"]
        assert list(examine(db.model, db._connection)) == []
        db.restore(Company, records["gone"].id)
        assert acme(db, db.get(Company, records["gone"].id)).colour == "blue"
        full = db.update(full, {"acme.size": 8, "acme.colour": None})
    assert [str(finding) for finding in check(with_code) if finding.is_problem] == []

    revert(with_code, "acme")
    crm.refresh()
    with crm.system("test") as db:
        full = db.get(Company, full.id)
        assert dict(full.custom) == {**values(patron), "size": 8, "colour": None}
        assert db.get(Company, records["gone"].id).custom["colour"] == "blue"
        sizes = [entry.changes["custom.size"] for entry in db.history(full) if "custom.size" in entry.changes]
        assert sizes == [(None, 1), (1, -3), (-3, 8)]
        assert list(examine(db.model, db._connection)) == []
        full = db.update(full, {"custom.size": 9})
    with crm.system("test") as db:
        assert list(examine(db.model, db._connection)) == []
    apply(with_code)
    with with_code.system("test") as db:
        assert acme(db, db.get(Company, full.id)).size == 9
        assert list(examine(db.model, db._connection)) == []


@both_databases
def test_what_was_hidden_stays_hidden_and_rules_follow(crm, records, packaged, people):
    with crm.system("test") as db:
        roles = [db.create(RoleRecord(name=name, label=name)) for name in ("one", "all", "plain")]
        rule = 'custom.colour != "none" || custom.patron.name == "Zola"'
        for role in roles:
            db.create(GrantRecord(role_id=role.id, entity="customers.company", verbs="read", scope="rule", rule=rule))
        db.create(MaskRecord(role_id=roles[0].id, entity="customers.company", field_name="custom.size"))
        db.create(MaskRecord(role_id=roles[1].id, entity="customers.company", field_name="custom"))
    people_of = {role.name: people.user(role.name, roles=[role.name]) for role in roles}
    with_code = packaged()
    apply(with_code)

    with with_code.system("test") as db:
        assert {grant.rule for grant in db.find(GrantRecord, 'scope == "rule"')} == {
            'acme.colour != "none" || acme.patron.name == "Zola"'
        }
        assert list(examine(db.model, db._connection)) == []
    seen = {}
    for name, person in people_of.items():
        with with_code.read(person) as db:
            (full,) = [each for each in db.find(Company) if each.name == "Full"]
            told_of = {each for entry in db.history(full) for each in entry.changes if each.startswith("acme.")}
            seen[name] = {each.removeprefix("acme.") for each in told_of}
    code = {name for _kind, _options, name in FIELDS.values()}
    assert seen == {"one": code - {"size"}, "all": set(), "plain": code}


def test_plugin_is_not_made_over_what_is_there(crm, records, tmp_path, people):
    def export(*entities, name="acme"):
        with crm.system("test") as db:
            export_plugin(db, crm.plugins, entities, name, tmp_path / "package")

    with pytest.raises(PluginExportError, match="there is a plugin of this name"):
        export("customers.company", name="customers")
    with pytest.raises(PluginExportError, match="lower case"):
        export("customers.company", name="Acme")
    with pytest.raises(PluginExportError, match="no custom fields"):
        export("core.user")
    with pytest.raises(UnknownEntityError):
        export("customers.nosuch")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "mine.txt").touch()
    with pytest.raises(PluginExportError, match="not empty"):
        export("customers.company")
    with crm.read(people.user("Nobody")) as db, pytest.raises(PluginExportError, match="no custom fields"):
        export_plugin(db, crm.plugins, ["customers.company"], "acme", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_field_that_changed_since_the_export_is_not_taken(crm, records, packaged):
    with_code = packaged()
    with crm.system("test") as db:
        (size,) = db.find(CustomField, 'key == "size"')
        convert_field(db, size, "text")

    with pytest.raises(MigrationFailedError, match="converted since"):
        apply(with_code)
    with crm.system("test") as db:
        assert db.get(Company, records["full"].id).custom["size"] == "-3"


def test_field_is_not_given_back_beside_another_of_its_name(crm, records, packaged):
    with_code = packaged()
    apply(with_code)
    with with_code.system("test") as db:
        db.create(CustomField(entity="customers.company", key="size", type="integer", label="Size"))

    with pytest.raises(MigrationFailedError, match="another custom field of this name"):
        revert(with_code, "acme")
    with with_code.system("test") as db:
        assert acme(db, db.get(Company, records["full"].id)).size == -3


@pytest.mark.long
@both_databases
def test_package_keeps_the_rules_of_all_plugins(crm, records, packaged, database, make_crm):
    packaged()
    conformance = importlib.import_module("crmkit_acme.tests.test_conformance").TestConformance()
    package = importlib.import_module("crmkit_acme")
    folder, loaded = Path(package.__path__[0]), as_loaded(package)
    given = {
        "package": package, "folder": folder, "loaded": loaded, "database": database, "make_crm": make_crm,
        "alone": CRM(Config(database=Database(url="sqlite://")), plugins=resolve([package])),
    }  # fmt: skip
    rules = [getattr(conformance, name) for name in dir(conformance) if name.startswith("test_")]
    for rule in rules:
        rule(**{name: given[name] for name in inspect.signature(rule).parameters})
    assert len(rules) > 10
    with use_locale("zh_CN"):
        field = loaded.submodule("entities").CustomersContactFields.__entity__.fields["rank"]
        assert translate(field.label) == "等级"
