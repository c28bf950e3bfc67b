"""What click itself says, in the language that crmkit speaks.

click asks the standard library's gettext, which knows the language of the machine alone. Its texts are translated by
the catalogue in this folder; ``make locales`` takes them out of the installed click, so that a new one is noticed.
"""

from __future__ import annotations

from importlib import import_module

from crmkit.core.text import Text, translate

__all__ = ["MODULES", "click_text", "teach_click"]

#: Where click says something to people that crmkit's commands can meet.
MODULES = ("core", "decorators", "exceptions", "formatting", "parser", "termui", "types", "utils")


def teach_click() -> None:
    """Let click's modules translate their texts as crmkit does."""
    for name in MODULES:
        names = vars(import_module(f"click.{name}"))
        names["_"] = click_text
        if "ngettext" in names:
            names["ngettext"] = _counted


def click_text(source: str) -> str:
    """Return click's text *source* in the current language."""
    return translate(Text(source, __name__))


def _counted(one: str, many: str, count: int) -> str:
    return click_text(one if count == 1 else many)
