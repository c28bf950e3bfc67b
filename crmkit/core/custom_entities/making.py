"""From what administrators define to a class, as ``@entity`` makes it of what plugins declare."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from crmkit.core.entity import Owned, Pipelined, Record, entity, field, ref
from crmkit.core.fields import Number, Refused, Text as Line
from crmkit.core.fields.base import shortened
from crmkit.core.pipelines import ANY_STAGE, Move, Pipeline, Stage
from crmkit.core.text import LabelledText, are_labels, gettext as _

__all__ = ["claims_of", "entity_class", "stages_of"]

_STAGE = ("slug", "label", "kind", "probability", "labels")


def claims_of(values: Mapping[str, Any]) -> Iterator[type[Record] | Pipeline]:
    """Yield what *values* of a ``core.custom_entity`` declare: a class and, with stages, its pipeline.

    Raises:
        Refused, DeclarationError: they make no sense.
    """
    label = LabelledText(values["label"], values["labels"])
    yield entity_class(values)
    if stages := stages_of(values["stages"]):
        id_ = f"custom.{values['slug']}"
        moves = [Move(ANY_STAGE, stage.slug) for stage in stages]
        yield Pipeline(id_, id_, label, stages, moves)


def entity_class(values: Mapping[str, Any]) -> type[Record]:
    """Return the class of the entity that *values* define; the same for the same values."""
    return _made(
        values["slug"],
        values["label"],
        msgspec.json.encode(values["labels"], order="sorted"),
        bool(values["owned"]),
        bool(values["stages"]),
        values["number_prefix"],
        values["follows"],
    )


def stages_of(given: Any) -> list[Stage]:
    """Return the stages that *given* lists: objects of slug, label, labels, kind and probability, or slugs.

    Raises:
        Refused, DeclarationError: it lists none.
    """
    if given is None:
        return []
    if not isinstance(given, list | tuple) or not given:
        raise Refused(_("expected {expected}, got {value!r}"), expected="a list of stages", value=shortened(given))
    return [_stage(each) for each in given]


def _stage(given: Any) -> Stage:
    facts: Any = {"slug": given} if isinstance(given, str) else given
    known = isinstance(facts, Mapping) and facts.keys() <= set(_STAGE)
    slug, label, kind, probability, labels = (facts.get(name) for name in _STAGE) if known else (None,) * 5
    fits = isinstance(slug, str) and isinstance(label, str | None) and isinstance(probability, int | None)
    if not fits or not (labels is None or are_labels(labels)) or kind not in (None, "open", "won", "lost"):
        message = _("{value!r} is no stage; give slug, label, labels, kind (open, won or lost) and probability")
        raise Refused(message, value=shortened(given))
    shown = LabelledText(label or str(slug).replace("_", " ").capitalize(), labels or {})
    return Stage(str(slug), shown, kind or "open", probability or 0)


@lru_cache(maxsize=1024)
def _made(
    slug: str, label: str, labels: bytes, owned: bool, pipelined: bool, prefix: str | None, follows: str | None
) -> type[Record]:
    annotations: dict[str, Any] = {}
    body: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__, "__doc__": label}
    if prefix:
        annotations["number"], body["number"] = str, field(Number(prefix), init=False, label=_("Number"))
    annotations["name"], body["name"] = str, field(Line(max=200), search=True, indexed=True, label=_("Name"))
    if follows:
        name = f"{follows.rpartition('.')[2]}_id"
        annotations[name], body[name] = UUID | None, ref(follows, default=None, follows=True)
    bases = tuple(base for base, wanted in ((Owned, owned), (Pipelined, pipelined)) if wanted) or (Record,)
    class_name = "".join(part.capitalize() for part in slug.split("_"))
    declared = types.new_class(class_name, bases, exec_body=lambda namespace: namespace.update(body))
    return entity(f"custom.{slug}", label=LabelledText(label, msgspec.json.decode(labels)))(declared)
