"""``crmkit field``: fields that are added to entities at run time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.custom_fields.types import TYPES
from crmkit.core.errors import NotFoundError
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import CustomField, Reader

__all__ = ["command"]

_COLUMNS = {
    "entity": _("Entity"),
    "key": _("Key"),
    "type": _("Type"),
    "label": _("Label"),
    "required": _("Required"),
    "indexed": _("Indexed"),
    "search": _("Searched"),
}
_PLAIN = ("label", "required", "indexed", "search", "position")
F = TypeVar("F", bound=Callable[..., Any])


@click.group("field", help=COMMANDS["field"])
def command() -> None:
    """Group what concerns custom fields."""


@command.command("list", help=_("List the custom fields, of one entity or of all."))
@click.argument("entity", required=False)
@click.option("--removed", is_flag=True, help=_("List those that were removed and whose values are parked."))
@click.pass_obj
def _list(session: Session, entity: str | None, removed: bool) -> None:
    from crmkit import CustomField

    with session.reader() as db:
        where = None if entity is None else CustomField.f.entity == entity
        found = db.find(CustomField, where, order_by=None if removed else "entity,position,key", deleted=removed)
        found = [each for each in found if each.purged_at is None]
    session.show([_shown(each) for each in found], columns=_COLUMNS)


def _definition(function: F) -> F:
    """Add the options that say what a field is like."""
    for option in (
        click.option("--label", help=_("What people call it.")),
        click.option("--label-in", multiple=True, metavar="LOCALE=TEXT", help=_("The label in another language.")),
        click.option("--help-text", metavar="TEXT", help=_("A sentence that helps whoever fills it in.")),
        click.option("--choices", metavar="SLUGS", help=_("The choices, with commas; SLUG=LABEL gives one a label.")),
        click.option("--options", metavar="JSON", help=_('Options of the type, such as {"scale": 2}.')),
        click.option("--required/--optional", default=None, help=_("Whether records must have a value.")),
        click.option("--default", metavar="JSON", help=_("What new records have.")),
        click.option("--indexed/--not-indexed", default=None, help=_("Whether filtering and sorting by it is fast.")),
        click.option("--search/--not-searched", default=None, help=_("Whether records are found by its words.")),
        click.option("--personal", metavar="PURPOSE", help=_("It holds personal data, kept for this purpose.")),
        click.option("--position", type=int, help=_("Its place among the custom fields of the entity.")),
    ):
        function = option(function)
    return function


@command.command("add", help=_("Add a field KEY to ENTITY, such as: sales.deal budget --type decimal"))
@click.argument("entity")
@click.argument("key")
@click.option("--type", "kind", type=click.Choice(list(TYPES)), required=True, help=_("What it holds."))
@click.option("--refers-to", metavar="ENTITY", help=_("What a reference leads to."))
@_definition
@click.pass_obj
def _add(session: Session, /, entity: str, key: str, kind: str, refers_to: str | None, **given: Any) -> None:
    from crmkit import CustomField

    values = _values(given)
    if refers_to is not None:
        values["options"] = {**values.get("options", {}), "entity": refers_to}
    values.setdefault("label", key.removesuffix("_id").replace("_", " ").capitalize())
    with session.writer() as db:
        parked = [each for each in db.find(CustomField, deleted=True) if (each.entity, each.key) == (entity, key)]
        made = db.create(CustomField(entity=entity, key=key, type=kind, **values))
    if any(each.purged_at is None for each in parked):
        session.warn(
            _(
                "A field of this name was removed; its values are parked, and are not in the new one. "
                "To have them back: {do}"
            ),
            do=f"crmkit field remove {entity} {key}; crmkit field restore {entity} {key}",
        )
    session.show(_shown(made), columns=_COLUMNS)


@command.command("change", help=_("Change what the custom field KEY of ENTITY is like."))
@click.argument("entity")
@click.argument("key")
@_definition
@click.pass_obj
def _change(session: Session, /, entity: str, key: str, **given: Any) -> None:
    with session.writer() as db:
        changed = db.update(_find(db, entity, key), _values(given))
    session.show(_shown(changed), columns=_COLUMNS)


@command.command("convert", help=_("Give the custom field KEY of ENTITY another type, and convert its values."))
@click.argument("entity")
@click.argument("key")
@click.option("--to", "kind", type=click.Choice(list(TYPES)), required=True, help=_("The new type."))
@click.option("--choices", metavar="SLUGS", help=_("The choices, with commas; SLUG=LABEL gives one a label."))
@click.option("--options", metavar="JSON", help=_('Options of the type, such as {"scale": 2}.'))
@click.option("--dry-run", is_flag=True, help=_("Only say what would happen."))
@click.option("--leave", is_flag=True, help=_("Leave records without a value whose value cannot be converted."))
@click.pass_obj
def _convert(
    session: Session, /, entity: str, key: str, kind: str, dry_run: bool, leave: bool, **said: str | None
) -> None:
    from crmkit import convert_field

    options = _values(said).get("options")
    with session.writer() as db:
        done = convert_field(db, _find(db, entity, key), kind, options, dry_run=dry_run, leave=leave)
    refused = [{"value": value, "reason": reason} for value, reason in done.refused]
    session.show(
        {"records": done.records, "failures": done.failures, "refused": refused},
        columns={"records": _("Values"), "failures": _("Not convertible"), "refused": _("Such as")},
    )


@command.command("remove", help=_("Remove the custom field KEY of ENTITY; its values are parked."))
@click.argument("entity")
@click.argument("key")
@click.pass_obj
def _remove(session: Session, entity: str, key: str) -> None:
    with session.writer() as db:
        field = _find(db, entity, key)
        db.delete(field)
    session.show(_shown(field), columns=_COLUMNS)


@command.command("restore", help=_("Bring back the custom field KEY of ENTITY with its parked values."))
@click.argument("entity")
@click.argument("key")
@click.pass_obj
def _restore(session: Session, entity: str, key: str) -> None:
    from crmkit import CustomField

    with session.writer() as db:
        restored = db.restore(CustomField, _find_removed(db, entity, key).id)
    session.show(_shown(restored), columns=_COLUMNS)


@command.command("purge", help=_("Delete for good the parked values of the removed field KEY of ENTITY."))
@click.argument("entity")
@click.argument("key")
@click.confirmation_option(prompt=_("The values cannot be brought back. Go on?"))
@click.pass_obj
def _purge(session: Session, entity: str, key: str) -> None:
    from crmkit import purge_field

    with session.writer() as db:
        records = purge_field(db, _find_removed(db, entity, key).id)
    session.show({"entity": entity, "key": key, "records": records}, columns={"records": _("Values")})


def _find(db: Reader, entity: str, key: str) -> CustomField:
    from crmkit import CustomField

    found = db.find(CustomField, (CustomField.f.entity == entity) & (CustomField.f.key == key))
    if not found:
        raise NotFoundError("core.custom_field", f"{entity} {key}")
    return found[0]


def _find_removed(db: Reader, entity: str, key: str) -> CustomField:
    """Return the field of this name that was removed last and can be restored."""
    from crmkit import CustomField

    removed = [each for each in db.find(CustomField, deleted=True) if (each.entity, each.key) == (entity, key)]
    kept = [each for each in removed if each.purged_at is None]
    if not kept:
        raise NotFoundError("core.custom_field", f"{entity} {key}")
    return max(kept, key=lambda each: (each.updated_at, each.id))


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a definition that the options of the command line say."""
    plain = {
        "label": "label",
        "help_text": "help",
        "required": "required",
        "indexed": "indexed",
        "search": "search",
        "position": "position",
    }
    values = {name: given[option] for option, name in plain.items() if given.get(option) is not None}
    if given.get("label_in"):
        values["labels"] = dict(_pair(each, "--label-in") for each in given["label_in"])
    if given.get("options") is not None:
        values["options"] = _json(given["options"], "--options")
    if given.get("choices") is not None:
        values["options"] = {**values.get("options", {}), "choices": [_choice(c) for c in given["choices"].split(",")]}
    if given.get("default") is not None:
        values["default"] = _json(given["default"], "--default")
    if given.get("personal") is not None:
        values |= {"personal": True, "purpose": given["personal"]}
    return values


def _choice(text: str) -> Any:
    slug, equals, label = text.strip().partition("=")
    return {"slug": slug, "label": label} if equals else slug


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(translate(_("give LOCALE=TEXT")), param_hint=option)
    return name, value


def _json(text: str, option: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        if option == "--default":
            # What is no JSON is a text, which shells make hard to quote.
            return text
        raise click.BadParameter(translate(_("is no JSON")), param_hint=option) from None


def _shown(field: CustomField) -> dict[str, Any]:
    names = ("id", *_COLUMNS, "options", "default", "personal", "purpose", "position")
    return {name: getattr(field, name) for name in names}
