"""Entities made at run time become a plugin, which owns their tables from then on: nothing is copied, nothing lost."""

import importlib
import inspect
import json
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from crmkit import (
    CRM,
    AutomationRecord,
    Config,
    CustomEntity,
    CustomField,
    Database,
    NotFoundError,
    Refusal,
    Target,
    UnknownEntityError,
    ValidationError,
    convert_field,
    purge_entity,
    translate,
    use_locale,
)
from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.backup.sealing import Key
from crmkit.core.custom_fields.indexing import bring_indexes_up_to_date, missing_indexes
from crmkit.core.migrating import apply, check, make_revision, park, plan, purge, revert
from crmkit.core.migrating.errors import MigrationFailedError
from crmkit.core.packaging.exporting import PluginExportError, export_plugin
from crmkit.core.plugins import as_loaded
from crmkit.core.policy.people import GrantRecord, MaskRecord, RoleRecord
from crmkit.core.publishing.drafting import publish_draft, save_draft
from crmkit.core.publishing.written import written_pipeline
from crmkit.core.verifying import examine
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.workspace.entities import Task, View
from crmkit.testing.plugin_sets import resolve
from tests.marks import both_databases_in_time

STAGES = [
    {"slug": "idea", "labels": {"zh_CN": "想法"}},
    {"slug": "running", "labels": {"zh_CN": "进行"}},
    {"slug": "done", "kind": "won", "probability": 100, "labels": {"zh_CN": "完成"}},
]
FIELDS = {
    "budget": ("decimal", {"scale": 3}, Decimal("12.345")),
    "vip": ("boolean", {}, True),
    "since": ("date", {}, date(2024, 2, 29)),
    "seen": ("datetime", {}, datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    "kind": ("choice", {"choices": [{"slug": "oil", "label": "Oil", "labels": {"zh_CN": "油"}}]}, "oil"),
    "email": ("email", {}, "a@b.example"),
    "note": ("text", {}, 'ré"d 红\\'),
}


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", "workspace", database=database, clock=clock)


@pytest.fixture
def projects(crm):
    """Define projects of companies and phases of projects, with fields of many types and references both ways."""
    with crm.system("test") as db:
        made = CustomEntity(
            slug="project", label="Project", labels={"zh_CN": "项目"}, owned=True, number_prefix="P",
            follows="customers.company", stages=STAGES,
        )  # fmt: skip
        db.create(made)
    with crm.system("test") as db:
        db.create(CustomEntity(slug="phase", label="Phase", labels={"zh_CN": "阶段"}, follows="custom.project"))
    with crm.system("test") as db:
        for place, (key, (kind, options, _value)) in enumerate(FIELDS.items()):
            said = {"label": key.title(), "labels": {"zh_CN": f"字段{place}"}, "position": place}
            said |= {"type": kind, "options": options, "indexed": key == "budget"}
            db.create(CustomField(entity="custom.project", key=key, **said))
        references = {
            ("custom.project", "phase_id"): "custom.phase",
            ("custom.phase", "company_id"): "customers.company",
            ("customers.company", "main_project_id"): "custom.project",
        }
        for (entity, key), to in references.items():
            db.create(CustomField(entity=entity, key=key, type="reference", options={"entity": to}, label=f"To {to}",
                                  labels={"zh_CN": f"到{to}"}))  # fmt: skip
    with crm.system("test") as db:
        edited = written_pipeline(db.model.registry.pipelines["custom.project"])
        edited["stages"][1]["required"] = ["custom.budget"]
        edited["moves"].append({"source": "running", "target": "done", "guards": [{"rule": "custom.budget > 1"}]})
        old = db.create(db.model.registry.entity("custom.project").cls(name="Old"))
        save_draft(db, edited)
        publish_draft(db, "custom.project")
    crm.refresh()
    return old


@pytest.fixture
def world(crm, projects, people):
    """Records with histories, in the bin, shared, known elsewhere, in stages; a role, a mask, a view, an automation."""
    project, phase = (crm.registry.entity(f"custom.{slug}").cls for slug in ("project", "phase"))
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="builder", label="Builder"))
        rule = 'custom.budget < 100 && company.name == "Acme"'
        db.create(GrantRecord(role_id=role.id, entity="custom.project", verbs="read update", scope="rule", rule=rule))
        db.create(GrantRecord(role_id=role.id, entity="customers.company", verbs="read", scope="all"))
        db.create(MaskRecord(role_id=role.id, entity="custom.project", field_name="custom.note"))
        trigger = {"on": "write", "kinds": ["update"], "changes": ["custom.vip"]}
        actions = [{"do": "set", "values": {"custom.note": "seen"}}]
        condition = 'custom.kind == "oil"'
        values = {"trigger": trigger, "condition": condition, "actions": actions}
        db.create(AutomationRecord(name="custom.follow_up", entity="custom.project", **values))
        acme = db.create(Company(name="Acme"))
    bo, cleo = people.user("Bo", roles=["builder"]), people.user("Cleo", roles=["customers.viewer"])
    with crm.system("test") as db:
        values = {key: value for key, (_kind, _options, value) in FIELDS.items()}
        full = db.create(project(name="Full", company_id=acme.id, custom={**values, "budget": Decimal(1)}))
        full = db.move(db.update(full, {"custom.budget": Decimal("12.345")}), "running")
        first = db.create(phase(name="First", project_id=full.id, custom={"company_id": acme.id}))
        full = db.update(full, {"custom.phase_id": first.id})
        acme = db.update(acme, {"custom.main_project_id": full.id})
        gone = db.create(project(name="Gone", custom={"note": "blue"}))
        db.share(full, user=cleo.user_id)
        db.create(Task(title="Call", regarding=Target.of(full)))
        db.external.give("old", project, {"7": full.id})
        db.create(View(name="Rich", listed="custom.project", rule="custom.budget > 10", columns="name custom.budget"))
        db.delete(gone)
    return {"full": full, "first": first, "gone": gone, "acme": acme, "old": projects, "bo": bo, "cleo": cleo}


@pytest.fixture
def packaged(crm, tmp_path):
    """Export entities, and return a CRM that has the plugin too: here, or on the database of another *crm*."""
    opened = []

    def packaged(*entities, crm=crm, source=crm, name="projects"):
        if not (tmp_path / name).exists():
            with source.system("test") as db:
                export_plugin(db, source.plugins, entities or ("custom.project", "custom.phase"), name, tmp_path / name)
            sys.path.insert(0, str(tmp_path / name))
        module = importlib.import_module(f"crmkit_{name}")
        opened.append((name, CRM(crm.config, plugins=[*crm.plugins, module], clock=crm.clock)))
        return opened[-1][1]

    yield packaged
    for name, made in opened:
        made.close()
        if str(tmp_path / name) in sys.path:
            sys.path.remove(str(tmp_path / name))
        for loaded in [each for each in sys.modules if each.partition(".")[0] == f"crmkit_{name}"]:
            del sys.modules[loaded]


def assert_sound(crm):
    """Nothing in the database is what crmkit did not write."""
    with crm.system("test") as db:
        assert [str(finding) for finding in examine(db.model, db._connection)] == []


def everything(crm, world):
    """Return what the database has of the entities, and what people see of them."""
    crm.refresh()
    project, phase = (crm.registry.entity(f"custom.{slug}").cls for slug in ("project", "phase"))
    system = crm.schema.system
    with crm.storage.reading() as connection:
        tables = [crm.schema.tables[f"custom_{slug}"] for slug in ("project", "phase")]
        tables += [crm.schema.tables[f"core_{name}"] for name in ("share", "grant", "mask", "role", "automation")]
        tables += [system.stage_visit, system.external_id, crm.schema.tables["workspace_view"]]
        rows = {table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr) for table in tables}
    with crm.system("test") as db:
        told = [
            (entry.id, entry.kind, dict(entry.changes))
            for record in (*db.find(project), *db.find(phase))
            for entry in db.history(record)
        ]
        stages = [(visit.stage, visit.pipeline_version) for visit in db.visits(db.get(project, world["full"].id))]
        found = {
            "rule": [each.name for each in db.find(project, 'custom.budget > 10 && custom.phase.name == "First"')],
            "back": [each.name for each in db.find(Company, 'custom.main_project.stage == "running"')],
            "tasks": [each.title for each in db.find(Task)],
            "known": db.external.find("old", project, ["7"])["7"].record_id,
            "bin": [each.name for each in db.find(project, deleted=True)],
        }
    seen = {}
    for name in ("bo", "cleo"):
        with crm.read(world[name]) as db:
            seen[name] = [repr(record) for record in db.find(project)]
    return {"rows": rows, "told": told, "stages": stages, "found": found, "seen": seen}


@pytest.mark.long
@both_databases_in_time
def test_plugin_takes_over_a_table_with_all_that_hangs_on_it_and_gives_it_back(crm, world, packaged, make_worker):
    before = everything(crm, world)
    assert [("Full" in seen, "budget" in seen, "红" in seen) for seen in before["seen"]["bo"]] == [(True, True, False)]
    assert len(before["seen"]["cleo"]) == 1
    assert before["stages"] == [("idea", 1000), ("running", 1000)]
    with_code = packaged()
    assert "let projects own custom.project" in str(plan(with_code).steps[0].operations[0])
    apply(with_code)

    assert everything(with_code, world) == before
    assert [str(finding) for finding in check(with_code)] == []
    with with_code.system("test") as db:
        assert (db.find(CustomEntity), db.find(CustomField, 'entity == "custom.project"')) == ([], [])
        project = db.model.registry.entity("custom.project")
        assert (project.plugin, project.cls.__module__) == ("projects", "crmkit_projects.entities")
        old = db.move(db.get(project.cls, world["old"].id), "running")
        assert (old.pipeline_version, old.custom["budget"]) == (1, None)
        with pytest.raises(Refusal, match="budget"):
            db.move(db.create(project.cls(name="Poor")), "running")
        new = db.create(project.cls(name="New", custom={"budget": 7}))
        assert new.number == "P-000005"
        db.update(db.get(project.cls, world["full"].id), {"custom.vip": False})
    assert_sound(with_code)
    make_worker(with_code).run_until_idle()
    with with_code.system("test") as db:
        assert db.get(project.cls, world["full"].id).custom["note"] == "seen"
        db.restore(project.cls, world["gone"].id)
        assert db.get(project.cls, world["gone"].id).custom["note"] == "blue"
    assert_sound(with_code)

    changed = everything(with_code, world)
    revert(with_code, "projects")
    assert everything(crm, world) == changed
    with crm.system("test") as db:
        assert [each.slug for each in db.find(CustomEntity, order_by="slug")] == ["phase", "project"]
        assert len(db.find(CustomField, 'entity == "custom.project"')) == len(FIELDS) + 1
        assert db.create(db.model.registry.entity("custom.project").cls(name="Newer")).number == "P-000006"
    assert_sound(crm)
    apply(with_code)
    assert_sound(with_code)


@pytest.mark.long
@both_databases_in_time
def test_other_crm_gets_the_entities_empty_and_they_work(crm, projects, packaged, make_crm, database, clock):
    packaged()
    other = make_crm.blank("customers", "workspace", database=database, clock=clock)
    fresh = packaged(crm=other)
    apply(fresh)

    assert [str(finding) for finding in check(fresh)] == []
    project, phase = (fresh.registry.entity(f"custom.{slug}").cls for slug in ("project", "phase"))
    with fresh.system("test") as db:
        hall = db.create(project(name="Hall", custom={"budget": Decimal("2.5"), "kind": "oil"}))
        first = db.create(phase(name="First", project_id=hall.id))
        hall = db.move(db.update(hall, {"custom.phase_id": first.id}), "running")
        assert (hall.number, db.find(project, 'custom.phase.name == "First"')) == ("P-000001", [hall])
        with pytest.raises(ValidationError, match="the plugin projects has an entity of this name"):
            db.create(CustomEntity(slug="project", label="Mine"))
        with pytest.raises(ValidationError, match="the plugin projects declares this field"):
            db.create(CustomField(entity="custom.project", key="budget", type="text", label="Mine"))
        db.create(CustomField(entity="custom.project", key="further", type="text", label="Mine"))
    with fresh.system("test") as db:
        assert db.update(hall, {"custom.further": "x"}).custom["further"] == "x"
    assert_sound(fresh)
    with use_locale("zh_CN"):
        info = fresh.registry.entity("custom.project")
        assert (translate(info.label), translate(info.custom["custom.budget"].label)) == ("项目", "字段0")


@pytest.mark.long
@both_databases_in_time
def test_plugin_that_leaves_parks_what_it_took_over_and_finds_it_again(crm, world, packaged):
    with_code = packaged()
    apply(with_code)
    before = everything(with_code, world)
    assert sorted(park(crm, "projects")) == ["custom_phase", "custom_project"]
    crm.refresh()

    with crm.system("test") as db:
        with pytest.raises(UnknownEntityError):
            db.find("custom.project")
        removed = db.find(CustomEntity, deleted=True)
        with pytest.raises(ValidationError, match="the plugin projects has taken it over"):
            db.restore(CustomEntity, removed[0].id)
        with pytest.raises(NotFoundError):
            purge_entity(db, removed[0].id)
    apply(with_code)
    assert everything(with_code, world) == before

    park(crm, "projects")
    purge(crm, "projects")
    with crm.system("test") as db:
        with pytest.raises(ValidationError, match="its records were purged"):
            db.restore(CustomEntity, removed[0].id)
        with pytest.raises(ValidationError, match="was purged; take another name"):
            db.create(CustomEntity(slug=removed[0].slug, label="Again"))
    assert_sound(crm)
    apply(with_code)
    with with_code.system("test") as db:
        assert db.create(with_code.registry.entity("custom.project").cls(name="New")).number == "P-000001"
    assert_sound(with_code)


def test_reference_of_a_coded_entity_comes_along_as_an_extension(crm, world, packaged):
    with_code = packaged("custom.project", "custom.phase", "customers.company")
    apply(with_code)

    with with_code.system("test") as db:
        assert [c.name for c in db.find(Company, 'projects.main_project.custom.phase.name == "First"')] == ["Acme"]
        assert db.find(CustomField) == []
    revert(with_code, "projects")
    with crm.system("test") as db:
        assert [c.name for c in db.find(Company, 'custom.main_project.custom.phase.name == "First"')] == ["Acme"]
    assert_sound(crm)


def test_entity_comes_without_what_it_may_leave_behind(crm, world, packaged):
    with_code = packaged("custom.project", name="alone")
    apply(with_code)

    with with_code.system("test") as db:
        # Phases, which follow projects, are an administrator's still, and so is the reference to them.
        assert [each.key for each in db.find(CustomField, 'entity == "custom.project"')] == ["phase_id"]
        project, phase = (db.model.registry.entity(f"custom.{slug}").cls for slug in ("project", "phase"))
        assert [each.name for each in db.find(project, 'custom.phase.name == "First"')] == ["Full"]
        assert [each.name for each in db.find(phase, 'project.name == "Full"')] == ["First"]
    with pytest.raises(PluginExportError, match=r"custom\.part follows custom\.other, which was made at run time"):
        with crm.system("test") as db:
            db.create(CustomEntity(slug="other", label="Other"))
        with crm.system("test") as db:
            db.create(CustomEntity(slug="part", label="Part", follows="custom.other"))
        packaged("custom.part", name="parts")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("stages", "other stages since"),
        ("field", "is another one since"),
        ("removed", "was removed here; restore it first"),
        ("other", "another entity of this name"),
    ],
)
def test_what_changed_since_the_export_is_not_taken_over(crm, projects, packaged, make_crm, change, said):
    with_code = packaged()
    with crm.system("test") as db:
        definition = db.find(CustomEntity, 'slug == "project"')[0]
        if change == "stages":
            db.update(definition, stages=[*STAGES, {"slug": "lost", "kind": "lost"}])
        elif change == "field":
            convert_field(db, db.find(CustomField, 'key == "budget"')[0], "text")
        elif change == "removed":
            db.delete(definition)
    if change == "other":
        other = make_crm("customers", "workspace")
        with other.system("test") as db:
            db.create(CustomEntity(slug="project", label="Project"))
        with_code = packaged(crm=other)

    with pytest.raises(MigrationFailedError, match=said):
        apply(with_code)
    if change == "field":
        with crm.system("test") as db:
            assert db.find(CustomEntity, 'slug == "project"') == [definition]


@pytest.mark.slow
@both_databases_in_time
def test_package_of_entities_keeps_the_rules_of_all_plugins(crm, projects, packaged, database, make_crm):
    packaged("custom.project", "custom.phase", "customers.company")
    package = importlib.import_module("crmkit_projects")
    tested = importlib.import_module("crmkit_projects.tests.test_conformance").TestConformance
    folder, loaded = Path(package.__path__[0]), as_loaded(package)
    given = {
        "package": package, "folder": folder, "loaded": loaded, "database": database, "make_crm": make_crm,
        "alone": CRM(Config(database=Database(url="sqlite://")), plugins=resolve([package])),
    }  # fmt: skip
    assert tested.locales == ("zh_CN",)
    for name in (each for each in dir(tested) if each.startswith("test_")):
        rule = getattr(tested(), name)
        rule(**{name: given[name] for name in inspect.signature(rule).parameters})


@pytest.mark.slow
@both_databases_in_time
def test_process_that_is_killed_while_it_takes_over_leaves_all_or_nothing(crm, world, packaged, tmp_path):
    before = everything(crm, world)
    with_code = packaged()
    url = crm.storage.url.render_as_string(hide_password=False)
    program = [sys.executable, Path(__file__).with_name("taking_over_killed.py"), url, tmp_path / "projects", 5]
    done = subprocess.run(list(map(str, program)), capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    outcomes = json.loads(done.stdout)
    assert len(outcomes) > 3
    # Nothing is taken over until all is; whoever has the entity finds every record.
    assert {(ended, records) for ended, _owner, records in outcomes} == {(-signal.SIGKILL, 2)}
    owners = [owner for _ended, owner, _records in outcomes]
    assert owners == sorted(owners)
    assert set(owners) == {"custom", "projects"}
    apply(with_code)
    assert everything(with_code, world) == before
    assert_sound(with_code)


@pytest.mark.slow
def test_plugin_grows_by_fields_in_columns_like_any_other(crm, world, packaged, tmp_path):
    bring_indexes_up_to_date(crm.model)
    apply(packaged())
    code = tmp_path / "projects" / "crmkit_projects" / "entities.py"
    number = '    number: str = field(Number("P"), init=False, label=_("Number"))\n'
    colour = '    colour: str | None = field(Text(max=20), default=None, indexed=True, label=_("Colour"))\n'
    code.write_text(code.read_text("utf-8").replace(number, number + colour), "utf-8")
    for loaded in [each for each in sys.modules if each.startswith("crmkit_projects")]:
        del sys.modules[loaded]
    grown = packaged()
    make_revision(grown, "projects", "Colours")
    apply(grown)

    assert [str(finding) for finding in check(grown)] == []
    with grown.system("test") as db:
        project = db.model.registry.entity("custom.project").cls
        full = db.update(db.get(project, world["full"].id), {"colour": "red", "custom.budget": 9})
        assert db.find(project, 'colour == "red" && custom.budget < 10') == [full]
    revert(grown, "projects")
    with crm.system("test") as db:
        assert db.get(db.model.registry.entity("custom.project").cls, full.id).custom["budget"] == 9
    # SQLite makes a table anew that loses a column, and must not lose what administrators asked for.
    assert missing_indexes(crm.model) == []


@pytest.mark.slow
@both_databases_in_time
def test_backup_of_what_was_taken_over_is_restored_in_the_other_kind_of_database(
    crm, world, packaged, make_crm, database, tmp_path
):
    with_code = packaged()
    apply(with_code)
    before = everything(with_code, world)
    key = Key(b"correct horse battery staple", cost=4)
    make_backup(with_code, tmp_path / "backup", key, with_files=False)
    other = "postgresql" if database == "sqlite" else "sqlite"
    restored = packaged(crm=make_crm.blank("customers", "workspace", database=other))
    restore_backup(restored, tmp_path / "backup", key, with_files=False)

    assert everything(restored, world) == before
    assert [str(finding) for finding in check(restored)] == []
    assert_sound(restored)
    assert sorted(park(crm, "projects")) == ["custom_phase", "custom_project"]
