"""What was edited here of what plugins ship, and deciding about what they changed meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from crmkit.core.errors import FieldProblem, NotFoundError, ValidationError
from crmkit.core.publishing.upgrading import PIPELINES
from crmkit.core.shipped.kinds import Edited, Kind
from crmkit.core.shipped.record_edits import as_kind
from crmkit.core.shipped.roles import ROLES
from crmkit.core.shipped.three_way import Difference, Forms, Side
from crmkit.core.shipped.trees import ABSENT
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["ALWAYS", "decide_edit", "edited_thing", "local_edits", "reset_edit"]

#: The kinds of which the core itself keeps what was edited.
ALWAYS = frozenset({ROLES.name, PIPELINES.name})


def _kinds(db: Reader) -> Mapping[str, Kind]:
    kinds = (ROLES, PIPELINES, *map(as_kind, db.model.record_kinds.values()))
    return {kind.name: kind for kind in kinds}


def local_edits(db: Reader, *, of: Collection[str] | None = None) -> list[Edited]:
    """Return everything that a plugin ships and that was edited here, as far as the principal may edit it.

    Given *of*, only that of kinds with these names.
    """
    kinds = (kind for name, kind in _kinds(db).items() if of is None or name in of)
    return [edited for kind in kinds for edited in kind.edited(db) if edited.is_told]


def edited_thing(db: Reader, kind: str, thing: str) -> Edited:
    """Return what was edited here of the *thing* of this *kind*.

    Kinds are ``role``, ``pipeline``, ``automation``, and the entities that plugins let others ship records of.

    Raises:
        NotFoundError: nothing was, or the principal may not edit it.
    """
    known = _kinds(db)
    for edited in known[kind].edited(db) if kind in known else ():
        if edited.thing == thing:
            return edited
    raise NotFoundError("core.local_edit", f"{kind} {thing}")


def decide_edit(
    db: Writer,
    kind: str,
    thing: str,
    side: Side,
    places: Iterable[str] = (),
    *,
    mapping: Mapping[str, str] | None = None,
) -> Edited:
    """Decide what is pending of a *thing* for one *side*, and return it as it stands then.

    ``theirs`` takes what the plugin ships, ``ours`` keeps what is here; neither is asked about again. Without *places*
    all that waits is decided, but no conflict, which must be named. Of a pipeline this makes a draft, in which
    *mapping* says where records go whose stage goes; it is published as any other.

    Raises:
        NotFoundError: nothing was edited of it, or the principal may not edit it.
        ValidationError: nothing is pending at one of *places*, or what comes out makes no sense.
    """
    edited = edited_thing(db, kind, thing)
    mine = _kinds(db)[kind]
    chosen = _named(edited, set(places)) if places else _waiting(mine, edited, side)
    if chosen:
        forms = edited.forms.decided(edited.upstream, chosen, side)
        mine.keep(db, edited, forms, mapping or {})
    return _as_it_stands(db, kind, thing, edited)


def reset_edit(db: Writer, kind: str, thing: str) -> None:
    """Go back to what the plugin ships: at once, but for a pipeline by a draft that is yet to be published.

    Raises:
        NotFoundError: nothing was edited of it, or the principal may not edit it.
    """
    _kinds(db)[kind].reset(db, edited_thing(db, kind, thing))


def _as_it_stands(db: Reader, kind: str, thing: str, before: Edited) -> Edited:
    try:
        return edited_thing(db, kind, thing)
    except NotFoundError:
        # Nothing is left of what is shipped no more and was given up here.
        return attrs.evolve(before, forms=Forms(ABSENT, ABSENT), upstream=ABSENT)


def _named(edited: Edited, places: set[str]) -> list[Difference]:
    pending = {difference.place: difference for difference in edited.pending}
    if unknown := sorted(places - pending.keys()):
        problems = [FieldProblem(place, _("nothing is pending here")) for place in unknown]
        raise ValidationError("core.local_edit", problems)
    return [pending[place] for place in sorted(places)]


def _waiting(kind: Kind, edited: Edited, side: Side) -> list[Difference]:
    waiting = [difference for difference in edited.pending if difference.state == "waiting"]
    return waiting if side == "ours" else kind.together(edited.forms.local, waiting)
