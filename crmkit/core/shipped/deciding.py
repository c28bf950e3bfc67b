"""What was edited here of what plugins ship, and deciding about what they changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from crmkit.core.errors import FieldProblem, NotFoundError, ValidationError
from crmkit.core.publishing.upgrading import PIPELINES
from crmkit.core.shipped.kinds import Edited, Kind
from crmkit.core.shipped.roles import ROLES
from crmkit.core.shipped.three_way import Difference, Side
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["KINDS", "decide_edit", "edited_thing", "local_edits", "reset_edit"]

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (ROLES, PIPELINES)}


def local_edits(db: Reader) -> list[Edited]:
    """Return everything that a plugin ships and that was edited here, as far as the principal may edit it."""
    return [edited for kind in KINDS.values() for edited in kind.edited(db)]


def edited_thing(db: Reader, kind: str, thing: str) -> Edited:
    """Return what was edited here of the *thing* of this *kind*, ``role`` or ``pipeline``.

    Raises:
        NotFoundError: nothing was, or the principal may not edit it.
    """
    for edited in KINDS[kind].edited(db) if kind in KINDS else ():
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
    chosen = _named(edited, set(places)) if places else _waiting(edited, side)
    if chosen:
        forms = edited.forms.decided(edited.upstream, chosen, side)
        KINDS[kind].keep(db, edited, forms, mapping or {})
    return edited_thing(db, kind, thing)


def reset_edit(db: Writer, kind: str, thing: str) -> None:
    """Go back to what the plugin ships: at once for a role, by a draft that is yet to be published for a pipeline.

    Raises:
        NotFoundError: nothing was edited of it, or the principal may not edit it.
    """
    KINDS[kind].reset(db, edited_thing(db, kind, thing))


def _named(edited: Edited, places: set[str]) -> list[Difference]:
    pending = {difference.place: difference for difference in edited.pending}
    if unknown := sorted(places - pending.keys()):
        problems = [FieldProblem(place, _("nothing is pending here")) for place in unknown]
        raise ValidationError("core.local_edit", problems)
    return [pending[place] for place in sorted(places)]


def _waiting(edited: Edited, side: Side) -> list[Difference]:
    waiting = [difference for difference in edited.pending if difference.state == "waiting"]
    return waiting if side == "ours" else KINDS[edited.kind].together(edited.forms.local, waiting)
