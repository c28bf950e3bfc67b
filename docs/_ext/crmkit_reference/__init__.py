"""Reference pages that are made from the code they describe, so that they cannot fall behind it.

A page is written as usual and says where the generated part goes::

    <!-- generated: errors -->

The word names an entry of :data:`PARTS`. To add one, write a module here with a function that returns
Markdown, and put it into the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

from crmkit_reference import api, cli, configuration, entities, errors, events, fields, hooks, permissions

PARTS: Mapping[str, Callable[[], str]] = {
    "api": api.render,
    "cli": cli.render,
    "configuration": configuration.render,
    "entities": entities.render,
    "errors": errors.render,
    "events": events.render,
    "fields": fields.render,
    "hooks": hooks.render,
    "permissions": permissions.render,
}
_MARK = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Fill the marks of every page when Sphinx reads it."""
    app.connect("source-read", _fill)
    return ExtensionMetadata(parallel_read_safe=True, parallel_write_safe=True)


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    if _MARK.search(source[0]):
        # The page depends on code that Sphinx does not watch.
        app.env.note_reread()
        source[0] = _MARK.sub(lambda mark: _part(page, mark[1]), source[0])


def _part(page: str, name: str) -> str:
    if name not in PARTS:
        raise ExtensionError(f"{page}: nothing generates {name!r}. There is: {', '.join(sorted(PARTS))}.")
    return PARTS[name]()
