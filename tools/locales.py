"""Keep the message catalogues in step with the texts in the code.

Each package that has texts owns a folder ``locales`` beside its modules: ``messages.pot`` lists the texts,
and every locale has its translations in ``messages.po`` with the compiled ``messages.mo`` beside it. Running
this rewrites all three. Translations of unchanged texts stay; those of texts that are gone are dropped, as
git remembers them. The files depend on the texts alone: no date, no line number, no version of a tool.
The texts of click, which the command line shows, are those of the version that is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ("zh_CN",)
# Sentence is crmkit.core.text.Text under another name, where a field type is called Text.
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "Sentence": None, "Text": None}
CLICK = ROOT / "crmkit" / "cli" / "click_texts"
_NOT_SHOWN = {"tests", "testing", "migrations", "__pycache__"}


class _Catalogue(Catalog):
    """A catalogue whose header says what readers need and nothing that changes by itself."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", self.locale_identifier or ""),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def main() -> int:
    """Rewrite every catalogue and print what is left to translate; return 0."""
    for folder in owners():
        template = extract(folder)
        if not len(template):
            continue
        write(template_path(folder), as_po(template))
        for locale in LOCALES:
            catalogue = update(template, read(folder, locale), locale)
            write(catalogue_path(folder, locale, "po"), as_po(catalogue))
            write(catalogue_path(folder, locale, "mo"), as_mo(catalogue))
            left = [message for message in texts(catalogue) if not message.string or message.fuzzy]
            print(f"{folder.relative_to(ROOT)} {locale}: {len(catalogue)} texts, {len(left)} to translate")
    return 0


def owners() -> list[Path]:
    """Return the package folders that own catalogues: crmkit itself, the one for click, then each plugin."""
    return [ROOT / "crmkit", CLICK, *plugins()]


def plugins() -> list[Path]:
    """Return the folders of the plugins."""
    return sorted(path.parent for path in (ROOT / "crmkit" / "plugins").glob("*/__init__.py"))


def extract(folder: Path) -> Catalog:
    """Return the texts that the catalogue of *folder* is for, without those of plugins inside it."""
    source = Path(click.__file__).parent if folder == CLICK else folder
    title = f"# Texts of {_package(folder)}. Written by `make locales`."
    catalogue = _Catalogue(fuzzy=False, header_comment=title)
    found = extract_from_dir(
        source,
        method_map=[("**.py", "python")],
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
        directory_filter=lambda path: _belongs(Path(path), folder),
    )
    for file, _line, text, comments, context in found:
        # crmkit looks up singular and plural one by one.
        for each in (text,) if isinstance(text, str) else text:
            catalogue.add(each, locations=[(str(Path(file)), 0)], auto_comments=comments, context=context)
    return catalogue


def _belongs(path: Path, folder: Path) -> bool:
    return path.name not in _NOT_SHOWN and path != folder / "plugins"


def _package(folder: Path) -> str:
    return ".".join(folder.relative_to(ROOT).parts)


def update(template: Catalog, old: Catalog, locale: str) -> Catalog:
    """Return the texts of *template* with their translations from *old*."""
    catalogue = _Catalogue(locale=locale, fuzzy=False, header_comment=template.header_comment)
    for message in texts(template):
        known = old.get(message.id) or Message(message.id)
        catalogue.add(
            message.id,
            known.string,
            locations=message.locations,
            flags=known.flags,
            auto_comments=message.auto_comments,
            user_comments=known.user_comments,
        )
    return catalogue


def texts(catalogue: Iterable[Message]) -> Iterator[Message]:
    """Yield the messages of *catalogue* without its header."""
    return (message for message in catalogue if message.id)


def template_path(folder: Path) -> Path:
    """Return where the texts of *folder* are listed."""
    return folder / "locales" / "messages.pot"


def catalogue_path(folder: Path, locale: str, kind: str) -> Path:
    """Return where the translations of *folder* into *locale* stand; *kind* is ``po`` or ``mo``."""
    return folder / "locales" / locale / "LC_MESSAGES" / f"messages.{kind}"


def read(folder: Path, locale: str) -> Catalog:
    """Return the translations of *folder* into *locale*; an empty catalogue if there are none."""
    path = catalogue_path(folder, locale, "po")
    content = path.read_bytes() if path.exists() else b""
    return read_po(BytesIO(content), locale=locale, abort_invalid=True)


def as_po(catalogue: Catalog) -> bytes:
    """Return *catalogue* as the content of a ``.po`` or ``.pot`` file."""
    content = BytesIO()
    write_po(content, catalogue, width=110, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return content.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """Return the finished translations of *catalogue* as the content of a ``.mo`` file."""
    content = BytesIO()
    write_mo(content, catalogue)
    return content.getvalue()


def write(path: Path, content: bytes) -> None:
    """Put *content* into *path*, leaving a file alone that has it already."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
