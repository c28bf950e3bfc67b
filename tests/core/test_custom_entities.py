"""Entities that administrators make at run time: they behave like those that plugins declare."""

import pytest
import sqlalchemy as sa

from crmkit import (
    ConflictError,
    CustomField,
    LegalHold,
    LegalHoldError,
    NotFoundError,
    PurgedEntity,
    Refusal,
    Target,
    UnknownEntityError,
    ValidationError,
    count,
    purge_entity,
    total,
    translate,
    use_locale,
)
from crmkit.core.custom_entities.entity import CustomEntity
from crmkit.core.migrating import check
from crmkit.core.policy.people import GrantRecord, MaskRecord, RoleRecord
from crmkit.core.policy.roles import VERBS
from crmkit.core.publishing.drafting import publish_draft, save_draft
from crmkit.core.publishing.written import written_pipeline
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from crmkit.transfer.exporting import export
from tests.core.atelier import Artist, Commission

pytestmark = both_databases
STAGES = [{"slug": "idea"}, {"slug": "running"}, {"slug": "done", "kind": "won", "probability": 100}]


@pytest.fixture
def project(crm):
    """The class of an entity that is owned and numbered, stands in stages and follows an artist."""
    with crm.system("test") as db:
        db.create(
            CustomEntity(
                slug="project",
                label="Project",
                labels={"zh_CN": "项目"},
                owned=True,
                number_prefix="P",
                follows="atelier.artist",
                stages=STAGES,
            )
        )
    with crm.system("test") as db:
        db.create(CustomField(entity="custom.project", key="budget", type="decimal", label="Budget", indexed=True))
        db.create(
            CustomField(
                entity="custom.project",
                key="commission_id",
                type="reference",
                label="Commission",
                options={"entity": "atelier.commission"},
            )
        )
        db.create(
            CustomField(
                entity="atelier.commission",
                key="project_id",
                type="reference",
                label="Project",
                options={"entity": "custom.project"},
            )
        )
    crm.refresh()
    return crm.registry.entity("custom.project").cls


@pytest.fixture
def manager(crm, people):
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="manager", label="Manager"))
        db.create(GrantRecord(role_id=role.id, entity="custom.project", verbs=" ".join(VERBS), scope="own"))
        db.create(GrantRecord(role_id=role.id, entity="atelier.artist", verbs="read", scope="all"))
    return people.user("Mona", roles=["manager"])


def test_records_are_made_found_changed_moved_and_told(crm, project):
    with crm.system("test") as db:
        made = db.create(project(name="Fresco", custom={"budget": 100}))
        assert (made.number, made.stage, made.custom["budget"]) == ("P-000001", "idea", 100)
        made = db.move(db.update(made, {"name": "Fresco I", "custom.budget": 120}), "done")
        assert made.stage_kind == "won"
        with pytest.raises(Refusal):
            db.move(made, "done")
        assert db.get(project, "P-000001") == made
        assert db.find(project, 'stage == "done" && custom.budget > 100 && name.startsWith("Fr")') == [made]
        assert db.aggregate(project, group_by="stage", measures={"sum": total("custom.budget"), "n": count()}) == [
            {"stage": "done", "sum": 120, "n": 1}
        ]
        assert [entry.kind for entry in db.history(made)] == ["create", "update", "move"]
        assert [visit.stage for visit in db.visits(made)] == ["idea", "done"]


def test_references_lead_there_and_back(crm, project):
    with crm.system("test") as db:
        sea = db.create(Commission(title="Sea"))
        fresco = db.create(project(name="Fresco", custom={"commission_id": sea.id}))
        sea = db.update(sea, {"custom.project_id": fresco.id})
        assert db.find(Commission, 'custom.project.name == "Fresco"') == [sea]
        assert db.find(project, 'custom.commission.title == "Sea"') == [fresco]
        assert db.expand([sea], "custom.project") == {fresco.id: fresco}


def test_owner_sees_what_grants_and_the_record_that_it_follows_allow(crm, project, manager, people):
    with crm.system("test") as db:
        artist = db.create(Artist(name="Zola"))
    bo, cleo = people.user("Bo"), people.user("Cleo", roles=["core.member"])
    with crm.write(manager) as db:
        mine = db.create(project(name="Mine", artist_id=artist.id))
    with crm.system("test") as db:
        db.share(mine, user=bo.user_id)
    with crm.system("test") as db:
        db.create(project(name="Other"))

    with crm.read(manager) as db:
        assert [found.name for found in db.find(project)] == ["Mine"]
        assert db.may("update", mine)
    with crm.read(cleo) as db:
        assert db.find(project) == []
        with pytest.raises(NotFoundError):
            db.get(project, mine.id)
    with crm.read(bo) as db:
        # It is shared with somebody who does not see the artist that it follows.
        assert db.find(project) == []


def test_records_are_exported_and_made_by_the_factory(crm, project, factory, tmp_path):
    factory.make(project, {"custom.budget": 5})
    with crm.system("test") as db:
        assert export(db, project, tmp_path / "projects.csv") == 1
    assert "custom.budget" in (tmp_path / "projects.csv").read_text(encoding="utf-8-sig")


def test_database_is_what_plugins_declare_and_crmkit_wrote(crm, project, factory):
    factory.make(project)

    assert check(crm) == ()
    with crm.system("test") as db:
        assert list(examine(db.model, db._connection)) == []


def test_removed_entity_is_gone_and_comes_back_whole_but_for_its_grants(crm, project, factory, manager):
    made = factory.make(project, {"custom.budget": 5})
    with crm.system("test") as db:
        definition = db.find(CustomEntity)[0]
        db.delete(definition)
        assert db.find(GrantRecord, 'entity == "custom.project"') == []

    with crm.system("test") as db:
        with pytest.raises(UnknownEntityError):
            db.find(project)
        with pytest.raises(ValidationError, match="an entity of this name was removed; restore it"):
            db.create(CustomEntity(slug="project", label="Project"))
        assert [str(reason) for reason in db.model.registry.left_out] == [
            "atelier.commission.custom.project_id: there is no entity 'custom.project'"
        ]
        db.restore(CustomEntity, definition.id)
    with crm.system("test") as db:
        assert db.get(project, made.id).custom["budget"] == 5


def test_stages_are_added_and_none_is_taken_away(crm, project):
    with crm.system("test") as db:
        definition = db.find(CustomEntity)[0]
        with pytest.raises(ValidationError, match="none is taken away"):
            db.update(definition, stages=STAGES[:2])
        db.update(definition, stages=[*STAGES, {"slug": "dropped", "kind": "lost"}], label="Undertaking")
    with crm.system("test") as db:
        made = db.create(project(name="Fresco"))
        assert db.move(made, "dropped").stage_kind == "lost"
        assert db.model.registry.entity("custom.project").label == "Undertaking"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"slug": "Project"}, "is no slug"),
        ({"slug": "x; drop table core_user"}, "is no slug"),
        ({"follows": "atelier.nosuch"}, "there is no entity 'atelier.nosuch'"),
        ({"number_prefix": "p-"}, "is in capital letters"),
        ({"labels": ["Projekt"]}, "labels are texts by locale"),
        ({"follows": "core.team", "owned": True}, "this field's name is taken"),
        ({"stages": [{"slug": "a", "colour": "red"}]}, "is no stage"),
        ({"stages": ["a", "a"]}, "no slug twice"),
        ({"stages": []}, "expected a list of stages"),
    ],
)
def test_definition_that_makes_no_sense_is_refused(crm, values, said):
    with crm.system("test") as db, pytest.raises(ValidationError) as caught:
        db.create(CustomEntity(**{"slug": "project", "label": "Project"} | values))

    assert said in str(caught.value)
    with crm.system("test") as db:
        assert "custom.project" not in db.model.registry.entities


def test_entity_that_is_rolled_back_leaves_no_table(crm):
    with pytest.raises(RuntimeError), crm.system("test") as db:
        db.create(CustomEntity(slug="project", label="Project"))
        raise RuntimeError

    with crm.system("test") as db:
        db.create(CustomEntity(slug="project", label="Project"))


def test_taken_slug_is_a_conflict(crm, project):
    with pytest.raises(ConflictError), crm.system("test") as db:
        db.create(CustomEntity(slug="project", label="Project"))


def test_mask_hides_a_field_of_a_custom_entity(crm, project, people):
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="viewer", label="Viewer"))
        db.create(GrantRecord(role_id=role.id, entity="custom.project", verbs="read", scope="all"))
        db.create(MaskRecord(role_id=role.id, entity="custom.project", field_name="custom.budget"))
        made = db.create(project(name="Fresco", custom={"budget": 7}))

    with crm.read(people.user("Vi", roles=["viewer"])) as db:
        assert "budget" not in db.get(project, made.id).custom


def test_published_pipeline_takes_the_place_of_the_one_that_it_was_defined_with(crm, project):
    with crm.system("test") as db:
        before = db.create(project(name="Before"))
        edited = written_pipeline(db.model.registry.pipelines["custom.project"])
        edited["stages"][1]["required"] = ["custom.budget"]
        save_draft(db, edited)
        publish_draft(db, "custom.project")
    with crm.system("test") as db:
        after = db.create(project(name="After"))
        assert (before.pipeline_version, after.pipeline_version) == (1, 1000)
        with pytest.raises(Refusal, match="budget"):
            db.move(after, "running")
        assert db.move(before, "running").stage == "running"


def test_labels_of_stages_are_translated(crm):
    with crm.system("test") as db:
        stages = [{"slug": "idea", "label": "Idea", "labels": {"zh_CN": "想法"}}]
        db.create(CustomEntity(slug="plan", label="Plan", stages=stages))
    crm.refresh()

    with use_locale("zh_CN"):
        assert translate(crm.registry.pipelines["custom.plan"].stage("idea").label) == "想法"


@pytest.fixture
def removed(crm, project):
    """An entity that was removed, with two records, one of them in the bin and known to another system."""
    with crm.system("test") as db:
        made = db.create_many([project(name="Fresco", custom={"budget": 5}), project(name="Mural")])
        db.external.give("old", project, {"7": made[1].id})
    with crm.system("test") as db:
        db.delete(made[1])
        definition = db.find(CustomEntity)[0]
        db.delete(definition)
    return definition, made


def test_purge_tells_first_what_goes_and_then_leaves_the_ledger_alone(crm, project, removed):
    definition, _made = removed
    with crm.system("test") as db:
        goes = purge_entity(db, definition.id, dry_run=True)
        assert goes == PurgedEntity("custom.project", records=2, fields=2, external_ids=1, visits=2)
    with crm.storage.reading() as connection:
        assert sa.inspect(connection).has_table("custom_project")
    with crm.system("test") as db:
        assert purge_entity(db, definition.id) == goes

    system = crm.schema.system
    with crm.storage.reading() as connection:
        assert not sa.inspect(connection).has_table("custom_project")
        for table, left in ((system.external_id, 0), (system.stage_visit, 0), (system.ledger, 3)):
            asked = sa.select(sa.func.count()).select_from(table).where(table.c.entity == "custom.project")
            assert connection.scalar(asked) == left
    with crm.system("test") as db:
        assert list(examine(db.model, db._connection)) == []
        with pytest.raises(NotFoundError):
            purge_entity(db, definition.id)
        with pytest.raises(ValidationError, match="its records were purged"):
            db.restore(CustomEntity, definition.id)
        with pytest.raises(ValidationError, match="was purged; take another name"):
            db.create(CustomEntity(slug="project", label="Project"))
        db.create(CustomEntity(slug="projects", label="Project"))


def test_purge_is_for_those_who_may_delete_what_was_removed(crm, project, removed, people):
    definition, _made = removed
    with crm.write(people.user("Bo", roles=["core.member"])) as db, pytest.raises(NotFoundError):
        purge_entity(db, definition.id, dry_run=True)
    with crm.write(people.user("Ada", roles=["core.administrator"])) as db:
        assert purge_entity(db, definition.id, dry_run=True).records == 2


def test_entity_in_use_is_not_purged(crm, project):
    with crm.system("test") as db, pytest.raises(NotFoundError):
        purge_entity(db, db.find(CustomEntity)[0].id)


def test_removal_and_purge_wait_for_what_follows_and_for_legal_holds(crm, project, factory):
    made = factory.make(project)
    with crm.system("test") as db:
        db.create(CustomEntity(slug="phase", label="Phase", follows="custom.project"))
        hold = db.create(LegalHold(record=Target.of(made), reason="a case"))
    with crm.system("test") as db:
        definitions = {each.slug: each for each in db.find(CustomEntity)}
        with pytest.raises(LegalHoldError):
            db.delete(definitions["project"])
    table = crm.schema.tables["core_legal_hold"]
    with crm.storage.writing() as connection:
        # As it was before removals were refused.
        connection.execute(sa.update(table).values(deleted_at=crm.clock.now()))
    with crm.system("test") as db:
        db.delete(definitions["project"])
    with crm.storage.writing() as connection:
        connection.execute(sa.update(table).values(deleted_at=None))

    with crm.system("test") as db:
        with pytest.raises(ValidationError, match=r"custom\.phase follows it; remove and purge that first"):
            purge_entity(db, definitions["project"].id)
        db.delete(db.get(CustomEntity, definitions["phase"].id))
    with crm.system("test") as db:
        purge_entity(db, definitions["phase"].id)
        with pytest.raises((LegalHoldError, ConflictError)):
            purge_entity(db, definitions["project"].id)
        db.delete(hold)
    with crm.system("test") as db:
        assert purge_entity(db, definitions["project"].id).records == 1
