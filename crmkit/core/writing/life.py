"""The life of a write: the steps that every write takes, one record or a hundred thousand.

normalise → ``crmkit_before_write`` → validate → authorise → ``crmkit_check_write`` → SQL → visits and ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.automating.saving import begin_now, check_saved
from crmkit.core.custom_entities.checking import check_entities, make_tables
from crmkit.core.custom_entities.returning import clear_restored
from crmkit.core.custom_fields.checking import check_definitions, name_slot
from crmkit.core.custom_fields.jobs import plan_indexes
from crmkit.core.custom_fields.removing import policy_that_ends
from crmkit.core.errors import CrmkitError, NotFoundError, StaleError
from crmkit.core.fields import Number
from crmkit.core.hooks import Problem
from crmkit.core.ledger import Entry
from crmkit.core.merging.redirects import winners_of
from crmkit.core.privacy.holding import check_holds
from crmkit.core.privacy.retaining import check_retention_rule
from crmkit.core.shipped.record_edits import edits_that_begin
from crmkit.core.signing_in.ending import credentials_that_end, forget_secrets
from crmkit.core.text import gettext as _, translate
from crmkit.core.writing.authorise import authorise, check_rows_after, refuse_forbidden
from crmkit.core.writing.changes import VERB_OF, Write, grouped
from crmkit.core.writing.custom import check_custom, in_ledger, keep_custom, know_custom, stored_custom
from crmkit.core.writing.dependents import check_taken_along, dependent_writes
from crmkit.core.writing.match_keys import keep_match_keys
from crmkit.core.writing.normalise import Normaliser
from crmkit.core.writing.policy import assignments_that_end, check_assignments, check_policy
from crmkit.core.writing.reasons import check_reasons
from crmkit.core.writing.restoring import check_restored
from crmkit.core.writing.search import keep_searched
from crmkit.core.writing.shapes import shape_of
from crmkit.core.writing.showing import shown
from crmkit.core.writing.stages import check_emptied, check_moves, enter_first_stage, record_visits
from crmkit.core.writing.store import Stored
from crmkit.core.writing.validate import check_references, check_required, raise_problems

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["HookRoundsError", "WriteRefusedError", "live", "load_stored"]

MAX_ROUNDS = 8


class WriteRefusedError(CrmkitError):
    """A plugin refused the write; *problems* says why, each with the plugin."""

    code = "write-refused"
    template = _("{entity}: refused by {summary}")

    def __init__(self, entity: str, problems: Sequence[tuple[str, Problem]]) -> None:
        """Keep the ``(plugin, problem)`` pairs."""
        super().__init__(entity=entity, problems=tuple(problems))

    def localized(self, locale: str | None = None) -> str:
        """Return every problem, with its plugin, in one sentence."""
        problems: Sequence[tuple[str, Problem]] = self.facts["problems"]
        summary = "; ".join(f"{plugin}: {translate(problem.message, locale)}" for plugin, problem in problems)
        return translate(self.template, locale).format(entity=self.facts["entity"], summary=summary)


class HookRoundsError(CrmkitError):
    """Hooks kept adding writes to what hooks had added; the chain is shown."""

    code = "hook-rounds"
    template = _("Hooks still added writes after {rounds} rounds: {chain}.")

    def __init__(self, chain: Sequence[str]) -> None:
        """Show the *chain* of entities, one for each round."""
        super().__init__(rounds=MAX_ROUNDS, chain=" → ".join(chain))


def live(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Take *writes* through all steps and return those that were written, additions of hooks included.

    Raises:
        NotFoundError, ForbiddenError, ValidationError, WriteRefusedError, StaleError, ConflictError: nothing of the
            batch is written.
    """
    normaliser = writer.normaliser
    load_stored(writer, writes)
    refuse_forbidden(writer, writes)
    _check_asked(writer, normaliser, writes)
    _clean(writer, normaliser, writes)
    everything = [*writes, *_hook_rounds(writer, normaliser, writes)]
    kept = [w for w in everything if w.kind != "update" or w.values]
    for write in kept:
        _prepare(writer, write)
    _validate(writer, kept)
    authorise(writer, kept)
    _ask_checks(writer, kept)
    with writer.all_or_nothing():
        _store(writer, kept)
        keep_match_keys(writer, kept)
        keep_searched(writer, kept)
        make_tables(writer, kept)
        forget_secrets(writer, kept)
        check_rows_after(writer, kept)
    writer.note(_entries(writer, kept))
    clear_restored(writer, kept)
    plan_indexes(writer, kept)
    return kept


def load_stored(writer: Writer, writes: Sequence[Write]) -> None:
    """Give each write the stored row that it changes.

    Raises:
        NotFoundError: there is none that the principal can see.
        StaleError: it has another version than the one expected.
    """
    know_custom(writer.model.registry, writes)
    changing = [w for w in writes if w.kind != "create" and not w.stored]
    # The order in which rows are locked is the same for everybody, so that nobody waits for who waits for them.
    for (entity, kind, trusted), group in sorted(grouped(changing, lambda w: (w.entity.id, w.kind, w.trusted))):
        info = writer.model.registry.entities[entity]
        ids: list[Any] = [w.record_id for w in group]
        in_order = sorted(id_ for id_ in ids if isinstance(id_, UUID))
        found = (writer.trusted if trusted else writer).stored_rows(info, VERB_OF[kind], in_order)
        sides = writer.model.store.read_extensions(writer.connection, info, ids)
        for write in group:
            _take_stored(write, found.get(write.record_id), sides[write.record_id], writer.access.is_system)


def _take_stored(write: Write, found: Stored | None, side: dict[str, Any], is_system: bool) -> None:
    values, visible, allowed = found or ({}, False, False)
    in_bin = values.get("deleted_at") is not None
    if not visible or in_bin != (write.kind == "restore") or (in_bin and not allowed):
        raise NotFoundError(write.entity.id, write.record_id)
    if write.version is not None and write.version != values["version"]:
        raise StaleError(write.entity.id, write.record_id, write.version)
    write.stored, write.version = values | side | stored_custom(write.entity, values), values["version"]
    write.allowed = allowed or write.trusted or is_system


def _check_asked(writer: Writer, normaliser: Normaliser, writes: Sequence[Write]) -> None:
    """Refuse what the caller may not set. Hooks come later, and may set what the caller may not."""
    asked = [w for w in writes if not w.trusted and w.kind in ("create", "update")]
    for _key, group in grouped(asked, lambda w: (w.entity.id, w.kind)):
        normaliser.check_asked(group, writer.access.entity(group[0].entity))


def _clean(writer: Writer, normaliser: Normaliser, writes: Sequence[Write]) -> None:
    problems = [(place, p) for place, write in enumerate(writes) for p in normaliser.clean(write)]
    raise_problems(writer.access, writes, problems)


def _hook_rounds(writer: Writer, normaliser: Normaliser, writes: Sequence[Write]) -> list[Write]:
    """Ask ``crmkit_before_write`` about the batch, then about what was added, until nothing is added."""
    additions = [
        *dependent_writes(writer, writes),
        *assignments_that_end(writer, writes),
        *credentials_that_end(writer, writes),
        *policy_that_ends(writer, writes),
        *edits_that_begin(writer, writes),
    ]
    check_taken_along(writer, writes, additions)
    load_stored(writer, additions)
    if additions:
        _clean(writer, normaliser, additions)
    if not writer.model.hooks.has("crmkit_before_write"):
        return additions
    asked, chain = [*writes, *additions], list[str]()
    while asked:
        if len(chain) == MAX_ROUNDS:
            raise HookRoundsError(chain)
        chain.append(", ".join(sorted({w.entity.id for w in asked})))
        context = writer.context(depth=len(chain) - 1)
        with shown(asked):
            for _answer in writer.model.hooks.ask("crmkit_before_write", context=context, writes=tuple(asked)):
                pass
        asked = context.added
        load_stored(writer, asked)
        _clean(writer, normaliser, asked)
        additions += asked
    _clean(writer, normaliser, [*writes, *additions])
    return additions


def _prepare(writer: Writer, write: Write) -> None:
    """Fill in what crmkit itself sets: owner, team, stage, human number, and the times."""
    values, now = write.values, writer.now
    if write.kind == "create":
        _default_owner(writer, write)
        enter_first_stage(writer, write)
        values["id"], values["version"] = write.record_id, 1
        values["created_at"] = values["updated_at"] = now
        values["created_by"], values["deleted_at"] = writer.access.user_id, None
    elif write.kind == "delete":
        values["deleted_at"] = now
    elif write.kind == "restore":
        values["deleted_at"] = None


def _default_owner(writer: Writer, write: Write) -> None:
    if not write.entity.owned:
        return
    defaults = {"owner_id": writer.access.user_id, "team_id": writer.access.home_team}
    owner = write.values.get("owner_id")
    if owner not in (None, writer.access.user_id) and write.values.get("team_id") is None:
        # Somebody else's record belongs to that person's team, not to the writer's.
        defaults["team_id"] = writer.home_team_of(owner)
    taken = [name for name, value in defaults.items() if write.values.get(name) is None and value is not None]
    write.values |= {name: defaults[name] for name in taken}
    write.details["defaulted"] = taken


def _validate(writer: Writer, writes: Sequence[Write]) -> None:
    registry = writer.model.registry
    problems = [(place, p) for place, write in enumerate(writes) for p in check_required(registry, write)]
    problems += [(place, p) for place, write in enumerate(writes) for p in check_policy(registry, write)]
    problems += [
        (place, p)
        for place, write in enumerate(writes)
        if write.entity.custom
        for p in check_custom(write, writer.access.entity(write.entity))
    ]
    problems += [(place, p) for place, write in enumerate(writes) for p in check_emptied(writer, write)]
    problems += [(place, p) for place, write in enumerate(writes) for p in check_reasons(registry, write)]
    defining = [(place, w) for place, w in enumerate(writes) if w.entity.id in writer.model.defining]
    problems += [(place, p) for place, write in defining for p in check_definitions(writer, write)]
    problems += [(place, p) for place, write in defining for p in check_entities(writer, write)]
    problems += [(place, p) for place, write in defining for p in check_saved(writer, write)]
    rules = [(place, w) for place, w in enumerate(writes) if w.entity.id == "core.retention_rule"]
    problems += [(place, p) for place, write in rules for p in check_retention_rule(registry, write)]
    problems += check_assignments(writer, writes)
    problems += check_references(registry, list(writes), writer.known_ids, partial(winners_of, writer))
    raise_problems(writer.access, writes, problems)
    check_restored(writer, writes)
    check_holds(writer, writes)
    for write in writes:
        name_slot(writer, write)
        begin_now(writer, write)
        # Last, because references are turned by now from what was merged to what it went into.
        keep_custom(write)
    _number(writer, writes)


def _number(writer: Writer, writes: Sequence[Write]) -> None:
    creations = [w for w in writes if w.kind == "create" and w.entity.number is not None]
    for entity, group in grouped(creations, lambda w: w.entity.id):
        field = writer.model.registry.entities[entity].number
        assert field is not None
        assert isinstance(field.type, Number)
        counters = writer.model.numbers.take(writer.connection, entity, len(group))
        for write, counter in zip(group, counters, strict=True):
            write.values[field.name] = field.type.render(counter)


def _ask_checks(writer: Writer, writes: Sequence[Write]) -> None:
    moves = [w for w in writes if w.kind == "move"]
    if moves:
        check_moves(writer, moves)
    for write in writes:
        write.seal()
    refused: list[tuple[str, Problem]] = []
    context = writer.context(depth=0)
    for hook, asked in (("crmkit_check_write", writes), ("crmkit_check_move", moves)):
        if asked and writer.model.hooks.has(hook):
            with shown(asked):
                for plugin, problems in writer.model.hooks.ask(hook, context=context, writes=tuple(asked)):
                    refused += [(plugin, problem) for problem in problems]
    if refused:
        raise WriteRefusedError(writes[0].entity.id, refused)


def _store(writer: Writer, writes: Sequence[Write]) -> None:
    """Run the SQL; writes of one kind and entity that follow each other go in one batch, in the order given."""
    for (entity, is_create), run in groupby(writes, key=lambda w: (w.entity.id, w.kind == "create")):
        batch = list(run)
        info = writer.model.registry.entities[entity]
        if is_create:
            writer.model.store.insert(writer.connection, info, [w.values for w in batch])
        else:
            writer.model.store.update(writer.connection, info, batch, writer.now)
        writer.model.store.put_extensions(writer.connection, info, batch)
        if info.pipelined:
            record_visits(writer, batch)


def _entries(writer: Writer, writes: Sequence[Write]) -> list[Entry]:
    cause, depth = writer.cause, writer.depth
    return [
        Entry(w.entity.id, w.record_id, w.kind, in_ledger(w.entity, _changes(w)), cause, depth + w.depth)
        for w in writes
    ]


def _changes(write: Write) -> dict[str, tuple[Any, Any]]:
    """Return ``{field: (old, new)}`` of what *write* changes; a creation lists what is not empty."""
    values, stored, names = write.values, write.stored, shape_of(write.entity).in_ledger
    if not stored:
        changed = {name: (None, value) for name in names if (value := values.get(name)) is not None}
    else:
        changed = {n: (stored.get(n), values[n]) for n in names if n in values and values[n] != stored.get(n)}
    added = (n for n in values if "." in n and not n.endswith("_base") and values[n] != stored.get(n))
    return changed | {name: (stored.get(name), values[name]) for name in added}
