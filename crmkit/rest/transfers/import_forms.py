"""Imports that are asked for with a form: the plan and the files are parts of it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import attrs

from crmkit.core.content.store import Content
from crmkit.core.passing.files import note_file
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.errors import BodyError
from crmkit.rest.forms import Form
from crmkit.transfer.errors import PlanError
from crmkit.transfer.errors_file import error_file_name
from crmkit.transfer.plan_file import parse_plan

__all__ = ["IMPORT_FORM", "SentImport", "read_import"]

_FLAGS = {"true": True, "false": False}
#: The schema of the form.
IMPORT_FORM = {
    "type": "object",
    "properties": {
        "plan": {"type": "string"},
        "file": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1, "maxItems": 20},
        "dry_run": {"type": "boolean"},
    },
    "required": ["plan", "file"],
    "additionalProperties": False,
}


@attrs.frozen
class SentImport:
    """A *plan*, and what is in each of its files by name; nobody has been told of these yet."""

    plan: str
    dry_run: bool
    contents: Mapping[str, Content]

    def noted(self, db: Writer) -> dict[str, UUID]:
        """Make the files uploads of the principal of *db*, and return their ids."""
        return {name: note_file(db, each, "upload", each.type).id for name, each in self.contents.items()}


def read_import(call: Call, form: Form) -> SentImport:
    """Return the import that *form* asks for; the contents of its files are kept.

    Raises:
        BodyError: the form has other parts than it should, or what they say is not accepted.
        BodyTooLargeError: the plan is too long.
        PlanError: the plan is none, or has not these files.
    """
    files = [part for part in form.parts if part.name == "file"]
    others = {part.name: part for part in form.parts if part.name != "file"}
    if "plan" not in others or len(files) + len(others) != len(form.parts):
        raise BodyError(
            _("the form has one part called 'plan', parts called 'file', and may have one called 'dry_run'")
        )
    if unknown := sorted(others.keys() - {"plan", "dry_run"}):
        raise BodyError(_("the form has no part called {name!r}"), name=unknown[0][:80])
    texts = {name: part.text(call.surface.most_bytes) for name, part in others.items()}
    dry_run = _FLAGS.get(texts.get("dry_run", "false").strip().lower())
    if dry_run is None:
        raise BodyError(_("the part {name!r} is one of {accepted}"), name="dry_run", accepted=", ".join(_FLAGS))
    names, keep = _names(texts["plan"], [part.filename or "" for part in files]), call.crm.contents.keep
    contents = {name: keep(name, part.chunks()) for name, part in zip(names, files, strict=True)}
    return SentImport(texts["plan"], dry_run, contents)


def _names(plan: str, sent: list[str]) -> list[str]:
    """Return for which files of *plan* those stand that were *sent*, by their names or by those of their error files.

    Raises:
        PlanError: the plan is none, or one of its files was sent twice.
    """
    known = [file.name for file in parse_plan(plan).files]
    if len(known) == len(sent) == 1:
        return known
    of_errors = {error_file_name(name): name for name in known}
    names = [name if name in known else of_errors.get(name, name) for name in sent]
    for name in names:
        if names.count(name) > 1:
            raise PlanError("files", _("{name!r} is sent twice"), name=name[:80])
    return names
