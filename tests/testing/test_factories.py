"""Records of any entity, with values where they must have some."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from crmkit import (
    Choice,
    Decimals,
    Email,
    Integer,
    Json,
    LongText,
    Money,
    MultiChoice,
    Number,
    Owned,
    Percent,
    Phone,
    Pipeline,
    Pipelined,
    Record,
    Stage,
    Target,
    Text,
    Url,
    any_ref,
    entity,
    extension,
    field,
    ref,
)
from crmkit.core.fields import FieldType
from crmkit.core.text import Text as Words
from crmkit.testing import Factory, both_databases, plugin


@entity("garden.bed", label=Words("Bed"))
class Bed(Owned):
    name: str = field(Text(max=8), unique=True)
    number: str | None = field(Number(prefix="B"), default=None)


@entity("garden.plant", label=Words("Plant"))
class Plant(Pipelined):
    name: str = field()
    story: str = field(LongText())
    mail: str = field(Email())
    call: str = field(Phone())
    page: str = field(Url())
    size: int = field(Integer(min=100, max=200))
    weight: Decimal = field(Decimals(min=Decimal("0.5"), max=Decimal("0.75")))
    share: Decimal = field(Percent())
    price: Money
    is_red: bool
    sown_on: date
    seen_at: datetime
    kind: str = field(Choice(["herb", "tree"]))
    uses: tuple[str, ...] = field(MultiChoice(["tea", "wood"]))
    data: Any = field(Json())
    bed_id: UUID = ref("garden.bed")
    about: Target = any_ref()
    note: str | None = field(default=None)


@extension(of="garden.bed")
class Fence:
    height: int = field(Integer(min=3))
    colour: str = field(default="green")


GARDEN = plugin(
    "garden",
    entities=[Bed, Plant],
    pipelines=[Pipeline("garden.growth", "garden.plant", Words("Growth"), [Stage("seed", Words("Seed"))], [])],
)
FENCES = plugin("fences", entities=[Fence], requires=["garden"])


@pytest.fixture
def crm(make_crm, database):
    return make_crm(GARDEN, FENCES, database=database)


@both_databases
def test_every_required_field_gets_a_value_that_its_type_accepts(crm, factory, database):
    plant = factory.make(Plant)

    with crm.system("test") as db:
        stored = db.get(Plant, plant.id)
    assert stored == plant
    assert (stored.size, stored.weight, stored.kind, stored.uses) == (100, Decimal("0.7500"), "herb", ("tea",))
    assert stored.note is None
    assert stored.stage == "seed"


def test_values_that_are_given_are_taken(factory):
    bed = factory.make(Bed, name="roses")
    plant = factory.make(Plant, name="Rose", bed_id=bed.id)

    assert (plant.name, plant.bed_id) == ("Rose", bed.id)


def test_unique_values_are_told_apart(factory):
    assert len({bed.name for bed in factory.make_many(12, Bed)}) == 12


def test_reference_that_must_not_be_empty_gets_a_record_of_its_own(crm, factory):
    plant = factory.make(Plant)

    with crm.system("test") as db:
        assert db.get(Bed, plant.bed_id).number == "B-000001"
        assert db.get(crm.registry.entity(plant.about.entity).cls, plant.about.id)


def test_fields_that_another_plugin_made_required_are_filled(crm, factory):
    bed, given = factory.make(Bed), factory.make(Bed, {"fences.height": 7, "fences.colour": "red"}, name="tulips")

    with crm.system("test") as db:
        assert (Fence.of(db, bed).height, Fence.of(db, bed).colour) == (3, "green")
        assert (Fence.of(db, given).height, Fence.of(db, given).colour) == (7, "red")


def test_built_record_is_not_stored_and_what_it_refers_to_is(crm, factory):
    plant = factory.build(Plant, name="Elm")

    with crm.system("test") as db:
        assert db.count(Plant) == 0
        assert db.get(Bed, plant.bed_id)
        assert db.create(plant).name == "Elm"


def test_field_type_of_a_plugin_needs_a_maker(make_crm):
    class Colour(FieldType):
        name = "colour"
        python = str

        def columns(self):
            return Text(max=20).columns()

    @entity("paint.pot", label=Words("Pot"))
    class Pot(Record):
        colour: str = field(Colour())

    factory = Factory(make_crm(plugin("paint", entities=[Pot])))
    with pytest.raises(LookupError, match=r"paint.pot.colour: add a maker for Colour to factory.makers"):
        factory.make(Pot)

    factory.makers[Colour] = lambda _factory, _field, number: f"#{number:06x}"

    assert factory.make(Pot).colour.startswith("#0000")
