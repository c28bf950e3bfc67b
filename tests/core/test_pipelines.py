"""Pipelines: where records begin, which moves they may make, and the visits that remain."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import (
    ConflictError,
    DeclarationError,
    ForbiddenError,
    Grant,
    Guard,
    Mask,
    Money,
    Move,
    Pipeline,
    Pipelined,
    PluginError,
    Refusal,
    Role,
    Stage,
    ValidationError,
    entity,
    extension,
    field,
    ref,
    translator,
)
from crmkit.core.pipelines import UnknownStageError
from crmkit.testing import People, both_databases
from tests.core.atelier import PIPELINE, PIPELINES, ROLES, Artist, Commission, atelier

_ = translator("tests")
EURO = Money.of(1, "EUR")


@entity("atelier.errand", label=_("Errand"))
class Errand(Pipelined):
    """Something to do."""


@extension(of="atelier.commission")
class Guild:
    guild: str | None = field(default="painters")


@entity("atelier.review", label=_("Review"))
class Review(Pipelined):
    reviewer_id: UUID | None = ref("atelier.artist", default=None, on_delete="clear")


ERRANDS = Pipeline(
    "atelier.errands",
    "atelier.errand",
    _("Errands"),
    [Stage("open", _("Open")), Stage("done", _("Done"), "won")],
    [Move("open", "done")],
)


@both_databases
def test_a_new_record_begins_in_the_first_stage(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))

    assert (made.pipeline, made.pipeline_version, made.stage) == ("atelier.work", 1, "asked")


def test_a_new_record_may_name_its_stage_if_it_has_what_the_stage_requires(crm, painter):
    with crm.write(painter) as db:
        assert db.create(Commission(title="Sea", stage="sketched", price=EURO)).stage == "sketched"
        with pytest.raises(Refusal, match=r"fields are missing.*\[price\]") as caught:
            db.create(Commission(title="Sea", stage="sketched"))

    assert caught.value.missing == ("price",)


def test_an_unknown_stage_is_named_with_those_that_exist(crm, painter):
    with crm.write(painter) as db:
        with pytest.raises(UnknownStageError, match="asked, sketched, delivered, dropped"):
            db.create(Commission(title="Sea", stage="nosuch"))
        made = db.create(Commission(title="Sea"))
        with pytest.raises(UnknownStageError):
            db.move(made, "nosuch")


@both_databases
def test_a_move_that_is_not_declared_is_refused_with_those_that_are(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(Refusal, match="there is no such move. Allowed: dropped, sketched") as caught:
            db.move(made, "delivered")

    assert (caught.value.source, caught.value.target) == ("asked", "delivered")


@both_databases
def test_a_refusal_lists_missing_fields_and_failed_guards_together(crm, painter):
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(Refusal) as caught:
            db.move(made, "sketched")

    assert caught.value.missing == ("price",)
    assert caught.value.guards == ("Hours are planned",)


@both_databases
def test_a_rule_guards_with_trusted_eyes_and_a_role_opens_the_move(crm, painter, master):
    with crm.write(painter) as db:
        nobody = db.create(Artist(name="Nobody"))
        made = db.create(Commission(title="Sea", price=EURO, hours=3, artist_id=nobody.id))
        made = db.move(made, "sketched")
        with pytest.raises(Refusal, match="a role is required"):
            db.move(made, "delivered")
    with crm.write(master) as db:
        with pytest.raises(Refusal, match=r'artist.name != \\?"Nobody'):
            db.move(made, "delivered")
        made = db.update(made, artist_id=None)
        assert db.move(made, "delivered").stage_kind == "won"


# What a stage requires stays there.


@both_databases
def test_what_a_stage_requires_may_not_be_emptied_in_it(crm, painter):
    with crm.write(painter) as db:
        made = db.move(db.create(Commission(title="Sea", price=EURO, hours=1)), "sketched")
        with pytest.raises(ValidationError, match="price: the stage 'sketched' requires a value"):
            db.update(made, price=None, title="Ocean")
        made = db.update(made, price=Money.of(2, "EUR"), due_on=None)
        assert db.update(db.move(made, "dropped"), price=None).price is None


def test_a_transfer_may_not_empty_what_a_stage_requires(make_crm):
    owned = Pipeline(
        "atelier.work",
        "atelier.commission",
        _("Work"),
        [Stage("asked", _("Asked"), required=["owner_id", "atelier.guild"])],
        [],
    )
    crm = make_crm(atelier(Guild, pipelines=[owned]))
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master"])
    with crm.write(master) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(ValidationError, match="owner_id: the stage 'asked' requires a value"):
            db.transfer(made, None)
        with pytest.raises(ValidationError, match="guild: the stage 'asked' requires a value"):
            db.update(made, {"atelier.guild": None})


def test_a_delete_may_not_empty_what_a_stage_requires(make_crm):
    reviewed = Stage("reviewed", _("Reviewed"), required=["reviewer_id"])
    pipeline = Pipeline("atelier.reviews", "atelier.review", _("Reviews"), [reviewed], [])
    keeper = Role("atelier.keeper", _("Keeper"), [Grant("atelier.review", ["read", "create"], "all")])
    crm = make_crm(atelier(Review, roles=[*ROLES, keeper], pipelines=[*PIPELINES, pipeline]))
    master = People(crm).user("Berthe", team="Studio", roles=["atelier.master", "atelier.keeper"])
    with crm.write(master) as db:
        artist = db.create(Artist(name="Rex"))
        db.create(Review(reviewer_id=artist.id))
        with pytest.raises(ConflictError):
            db.delete(artist)


def test_a_problem_with_a_hidden_field_does_not_name_it(make_crm):
    def crmkit_before_write(writes):
        for write in writes:
            if write.kind == "update":
                write.set("price", None)

    crm = make_crm(atelier(hooks=[crmkit_before_write]))
    person = mover(People(crm), "price")
    with crm.system("test") as db:
        made = db.create(Commission(title="Sea", stage="sketched", price=EURO, owner_id=person.user_id))
    with pytest.raises(ValidationError) as caught, crm.write(person) as db:
        db.update(made, title="Ocean")

    assert str(caught.value) == "atelier.commission: something that you may not see is missing or not accepted"


@pytest.mark.long
@both_databases
def test_one_refused_move_refuses_all_of_a_batch(crm, painter):
    with crm.write(painter) as db:
        ready, bare = db.create_many([Commission(title="a", price=EURO, hours=1), Commission(title="b")])
        with pytest.raises(Refusal):
            db.move_many([ready, bare], "sketched")
        assert db.get(Commission, ready.id).stage == "asked"


@both_databases
def test_each_stay_in_a_stage_is_kept_with_its_times_and_people(crm, painter, clock):
    start = clock.now()
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea", price=EURO, hours=1))
    clock.advance(days=2)
    with crm.write(painter) as db:
        made = db.move(made, "sketched")
    clock.advance(days=3)
    with crm.write(painter) as db:
        db.move(made, "dropped")

    visit = crm.schema.system.stage_visit
    columns = (visit.c.stage, visit.c.entered_at, visit.c.left_at, visit.c.entered_by, visit.c.left_by)
    with crm.storage.reading() as connection:
        visits = connection.execute(sa.select(*columns).order_by(visit.c.id)).all()
    two, five, me = start + timedelta(days=2), start + timedelta(days=5), painter.user_id
    assert [tuple(row) for row in visits] == [
        ("asked", start, two, me, me),
        ("sketched", two, five, me, me),
        ("dropped", five, None, me, None),
    ]


@both_databases
def test_a_move_ends_no_visit_of_another_entitys_record_with_the_same_id(make_crm, database):
    errander = Role("atelier.errander", _("Errander"), [Grant("atelier.errand", ["read"], "all")])
    plugin = atelier(Errand, roles=[*ROLES, errander], pipelines=[*PIPELINES, ERRANDS])
    crm = make_crm(plugin, database=database)
    with crm.system("test") as db:
        made = db.create(Commission(title="Sea"))
        db.move(db.create(Errand(id=made.id)), "done")

    visit = crm.schema.system.stage_visit
    with crm.storage.reading() as connection:
        open_ones = connection.execute(sa.select(visit.c.entity, visit.c.stage).where(visit.c.left_at.is_(None))).all()
    assert sorted(map(tuple, open_ones)) == [("atelier.commission", "asked"), ("atelier.errand", "done")]


# What a refusal tells is no more than the mover may read.


def mover(people, *hidden, **options):
    verbs = ["read", "create", "update", "move"]
    role = people.role("mover", [Grant("atelier.commission", verbs, "own")], [Mask("atelier.commission", hidden)])
    return people.user("Moritz", roles=[role], **options)


def refusal_of(crm, person, made, stage):
    with pytest.raises(Refusal) as caught, crm.write(person) as db:
        db.move(made, stage)
    return caught.value


def test_a_refusal_says_of_hidden_fields_only_that_something_is_missing_or_in_the_way(crm, people):
    person = mover(people, "price", "hours")
    with crm.write(person) as db:
        made = db.create(Commission(title="Sea"))

    refused = refusal_of(crm, person, made, "sketched")

    assert (refused.missing, refused.guards) == ((), ())
    assert "something that you may not see is missing; something that you may not see is in the way" in str(refused)
    assert not any(told in str(refused) for told in ("price", "hours", "Hours"))


def test_a_guard_that_does_not_say_what_it_looks_at_is_named_to_those_who_see_all(make_crm):
    silent = [PIPELINE, Guard("atelier.has_hours", _("Hours are planned"), lambda reader, commission: False)]
    crm = make_crm(atelier(pipelines=silent))
    people = People(crm)
    seeing, blind = people.user("Camille", roles=["atelier.painter"]), mover(people, "due_on")
    for person, told in ((seeing, ("Hours are planned",)), (blind, ())):
        with crm.write(person) as db:
            made = db.create(Commission(title="Sea"))
        assert refusal_of(crm, person, made, "sketched").guards == told


def test_a_guard_names_no_field_that_does_not_exist(make_crm):
    wrong = [PIPELINE, Guard("atelier.has_hours", _("Hours are planned"), lambda *_: False, needs=["nosuch"])]
    with pytest.raises(PluginError, match="atelier.has_hours: needs the unknown field 'nosuch'"):
        make_crm(atelier(pipelines=wrong))


@both_databases
@pytest.mark.parametrize("sees", [True, False])
def test_a_rule_is_told_where_the_mover_sees_that_it_does_not_hold(crm, people, sees):
    role = people.role("deliverer", [Grant("atelier.artist", ["read"], "all" if sees else 'name != "Nobody"')])
    person = mover(people)
    people.assign(person, role)
    with crm.system("test") as db:
        nobody = db.create(Artist(name="Nobody"))
        drawn = Commission(title="Sea", price=EURO, hours=3, artist_id=nobody.id, owner_id=person.user_id)
        made = db.move(db.create(drawn), "sketched")

    refused = refusal_of(crm, person, made, "delivered")

    assert refused.guards == (*(['artist.name != "Nobody"'] if sees else []), "atelier.master")
    assert ("Nobody" in str(refused)) == sees


@both_databases
@pytest.mark.parametrize("hidden", ["stage", "pipeline"])
def test_a_refusal_does_not_tell_a_hidden_stage(crm, people, hidden):
    person = mover(people, hidden)
    with crm.write(person) as db:
        made, other = db.create(Commission(title="Sea")), db.create(Commission(title="Lake"))
        other = db.move(other, "dropped")

    refusals = [str(refusal_of(crm, person, record, "delivered")) for record in (made, other)]

    words = [told.replace(str(record.id), "…") for told, record in zip(refusals, (made, other), strict=True)]
    assert words[0] == words[1]
    assert not any(told in words[0] for told in ("asked", "dropped", "atelier.work"))


def test_moving_needs_its_grant(crm, people):
    with crm.system("test") as db:
        made = db.create(Commission(title="Sea"))

    reader = people.user("Rita", roles=[people.role("reader", [Grant("atelier.commission", ["read"], "all")])])
    with pytest.raises(ForbiddenError, match="you may not move"), crm.write(reader) as db:
        db.move(made, "dropped")


def test_the_stage_cannot_be_set_past_the_pipeline(crm, master):
    with crm.write(master) as db:
        made = db.create(Commission(title="Sea"))
        with pytest.raises(ValidationError, match="is changed only by move"):
            db.update(made, stage="delivered")


@pytest.mark.parametrize(
    ("stages", "moves", "message"),
    [
        ([], [], "at least one stage"),
        ([Stage("a", "A"), Stage("a", "A")], [], "no slug twice"),
        ([Stage("a", "A")], [Move("a", "b")], "unknown stage 'b'"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused_where_it_is_declared(stages, moves, message):
    with pytest.raises(DeclarationError, match=message):
        Pipeline("x.y", "x.z", "Y", stages, moves)


@pytest.mark.parametrize(("slug", "probability"), [("Won!", 10), ("won", 101), ("won", -1)])
def test_a_stage_has_a_slug_and_a_probability(slug, probability):
    with pytest.raises(DeclarationError):
        Stage(slug, "Won", probability=probability)


def test_an_explicit_move_goes_before_one_from_anywhere():
    moves = PIPELINE.moves_from("sketched")

    assert set(moves) == {"delivered", "dropped"}
    assert moves["delivered"].roles == {"atelier.master"}
