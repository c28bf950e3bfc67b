"""A throw-away plugin with boxes that stand on shelves, and an action that counts."""

from datetime import date
from uuid import UUID

import attrs

from crmkit import Action, Move, Owned, Pipeline, Pipelined, Record, Stage, entity, field, ref, translator
from crmkit.testing import plugin

_ = translator("tests")


@entity("depot.shelf", label=_("Shelf"))
class Shelf(Record):
    name: str = field()


@entity("depot.box", label=_("Box"))
class Box(Owned, Pipelined):
    name: str = field()
    weight: int = field(default=0)
    secret: str | None = field(default=None)
    label: str | None = field(default=None)
    due_on: date | None = field(default=None)
    shelf_id: UUID | None = ref("depot.shelf", default=None)


@attrs.frozen
class Stamp:
    text: str
    times: int = 1


def stamp(db, box, given):
    db.update(box, label=given.text * given.times)


PIPELINE = Pipeline(
    "depot.way",
    "depot.box",
    _("Way"),
    [Stage("packed", _("Packed")), Stage("sent", _("Sent"), "won")],
    [Move("packed", "sent")],
)
BOXES = plugin(
    "depot",
    entities=[Shelf, Box],
    pipelines=[PIPELINE],
    actions=[Action("depot.stamp", _("Stamp"), stamp, Stamp)],
)


def set_(**values):
    return {"do": "set", "values": values}


def create(**values):
    return {"do": "create", "entity": "depot.shelf", "values": values}


def stamped(**arguments):
    return {"do": "run", "action": "depot.stamp", "arguments": arguments}
