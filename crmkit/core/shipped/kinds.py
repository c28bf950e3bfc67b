"""Kinds of what plugins ship and administrators edit: what every kind has to say of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.shipped.three_way import Difference, Forms, Merged, Waits, merge
from crmkit.core.shipped.trees import Absent, Tree

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["Edited", "Kind"]


@attrs.frozen(slots=False, eq=False)
class Edited:
    """One thing that was edited here: its three forms, and the versions of the plugin that shipped them.

    *upstream* is :data:`ABSENT` where the plugin ships it no more.
    """

    kind: str
    thing: str
    forms: Forms
    upstream: Tree | Absent
    base_version: str | None
    version: str
    waits: Waits

    @cached_property
    def merged(self) -> Merged:
        """The forms, merged."""
        return merge(self.forms, self.upstream, self.waits)

    @property
    def pending(self) -> tuple[Difference, ...]:
        """The differences about which somebody has to decide."""
        return self.merged.pending

    @property
    def is_told(self) -> bool:
        """Whether there is something to tell: it was made otherwise here, or by the plugin."""
        return self.forms.base != self.forms.local or bool(self.merged.differences)


@attrs.frozen
class Kind:
    """One kind of shipped thing.

    *edited* yields what the reader may see of what was edited. *keep* keeps other forms of it; a mapping says into
    which stages records go. *reset* goes back to what is shipped. *together* chooses, of differences that nobody
    named, those that can be accepted at once.
    """

    name: str
    edited: Callable[[Reader], Iterator[Edited]]
    keep: Callable[[Writer, Edited, Forms, Mapping[str, str]], None]
    reset: Callable[[Writer, Edited], None]
    together: Callable[[Any, list[Difference]], list[Difference]] = lambda _local, differences: differences
