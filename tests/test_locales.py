"""Every text is in its catalogue, and every catalogue is finished. `make locales` writes them."""

from importlib import import_module
from io import BytesIO
from pkgutil import iter_modules
from string import Formatter

import pytest
from babel.messages.mofile import read_mo

from tools import locales

OWNERS = locales.owners()
CATALOGUES = [(folder, locale) for folder in OWNERS for locale in locales.LOCALES]

of_each_owner = pytest.mark.parametrize("folder", OWNERS, ids=lambda folder: folder.name)
of_each_catalogue = pytest.mark.parametrize(
    ("folder", "locale"), CATALOGUES, ids=[f"{folder.name}-{locale}" for folder, locale in CATALOGUES]
)


def content(path):
    return path.read_bytes() if path.exists() else None


def placeholders(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@of_each_owner
def test_template_lists_the_texts_of_the_code(folder):
    extracted = locales.extract(folder)
    expected = locales.as_po(extracted) if len(extracted) else None

    assert content(locales.template_path(folder)) == expected, "run `make locales`"


@of_each_catalogue
def test_catalogue_has_a_finished_translation_of_every_text(folder, locale):
    catalogue = locales.read(folder, locale)
    ids = {message.id for message in locales.texts(catalogue)}
    unfinished = [m.id for m in locales.texts(catalogue) if not m.string or m.fuzzy]

    assert ids == {message.id for message in locales.texts(locales.extract(folder))}, "run `make locales`"
    assert unfinished == []


@of_each_catalogue
def test_translation_has_the_placeholders_of_its_text(folder, locale):
    translated = [m for m in locales.texts(locales.read(folder, locale)) if m.string]

    wrong = [m.id for m in translated if placeholders(m.id) != placeholders(m.string)]

    assert wrong == []


@of_each_catalogue
def test_compiled_catalogue_is_made_from_the_written_one(folder, locale):
    compiled = content(locales.catalogue_path(folder, locale, "mo"))
    written = {m.id: m.string for m in locales.texts(locales.read(folder, locale)) if m.string}

    found = {m.id: m.string for m in locales.texts(read_mo(BytesIO(compiled)))} if compiled else {}

    assert found == written, "run `make locales`"


@pytest.mark.parametrize("folder", locales.plugins(), ids=lambda folder: folder.name)
def test_plugin_marks_its_texts_with_its_own_package(folder):
    package = f"crmkit.plugins.{folder.name}"
    names = [package, *(f"{package}.{m.name}" for m in iter_modules([str(folder)]) if m.name != "tests")]

    marks = {name: vars(import_module(name)).get("_") for name in names}

    assert {mark("x").package for mark in marks.values() if mark} <= {package}


def test_translations_survive_a_rewrite_and_texts_that_are_gone_do_not():
    template, old = locales.Catalog(), locales.Catalog(locale="zh_CN")
    template.add("Deal")
    template.add("Stage")
    old.add("Deal", "商机")
    old.add("Gone", "没有了")

    updated = locales.update(template, old, "zh_CN")

    assert {m.id: m.string for m in locales.texts(updated)} == {"Deal": "商机", "Stage": ""}
    assert "商机" in locales.as_po(updated).decode()
