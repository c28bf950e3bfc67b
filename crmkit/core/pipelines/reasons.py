"""Reasons: why a record entered a stage, out of a list that the pipeline declares."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.text import Text, gettext as _

__all__ = ["Reason", "Reasons"]

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")


@attrs.frozen
class Reason:
    """One reason. *slug* is what records keep; the label may change."""

    slug: str
    label: Text

    def __attrs_post_init__(self) -> None:
        if not _SLUG.match(self.slug):
            raise DeclarationError(self.slug, _("a reason's slug is in lower case, such as 'no_budget'"))


def _options(given: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(given)


@attrs.frozen
class Reasons:
    """What a stage asks of those who move records into it: one of *options*, which the record keeps in *field*.

    *field* and *note* are fields of text of the entity, so that reasons are filtered, counted, masked, imported and
    audited like any other value. A reason that is not *required* may be left out.
    """

    field: str
    options: tuple[Reason, ...] = attrs.field(converter=_options)
    note: str | None = None
    required: bool = True

    def __attrs_post_init__(self) -> None:
        if not self.options or len(set(self.slugs)) != len(self.options):
            raise DeclarationError(self.field, _("a list of reasons has at least one and no slug twice"))

    @property
    def slugs(self) -> tuple[str, ...]:
        """The slugs of the options."""
        return tuple(option.slug for option in self.options)
