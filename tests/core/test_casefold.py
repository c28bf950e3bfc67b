import sys

import pytest
import sqlalchemy as sa

from crmkit.core.storage.casefold import casefold_function_ddl, casefold_unicode_version
from crmkit.testing import CRMMaker

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def postgresql(crmkit_session):
    maker = CRMMaker(crmkit_session)
    with maker(database="postgresql").storage.engine.connect() as connection:
        yield connection
    maker.close()


def test_every_character_folds_on_postgresql_as_in_python(postgresql):
    statement = sa.text("SELECT x, crm_fold(x) FROM unnest(CAST(:chars AS text[])) AS x")
    characters = [chr(code) for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]

    different = [
        (char, folded)
        for start in range(0, len(characters), 50_000)
        for char, folded in postgresql.execute(statement, {"chars": characters[start : start + 50_000]})
        if folded != char.casefold()
    ]

    assert different == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ABC",
        "Straße",
        "MÜNCHEN",
        "İstanbul",
        "ΣΊΣΥΦΟΣ",
        "Москва",
        "上海 ABC",
        "ﬃ ŉ ǰ",
        "ᏣᎳᎩ ꭰ",
        "𐐀𐐨",
        "a\u0345Ⓐ",
        "ǅǆ",
    ],
)
def test_text_folds_on_postgresql_as_in_python(postgresql, text):
    assert postgresql.scalar(sa.select(sa.func.crm_fold(text, type_=sa.String()))) == text.casefold()


def test_nothing_folds_to_nothing(postgresql):
    assert postgresql.scalar(sa.text("SELECT crm_fold(NULL)")) is None


def test_function_says_which_unicode_it_follows(postgresql):
    comment = postgresql.scalar(sa.text("SELECT obj_description('crm_fold(text)'::regprocedure)"))

    assert comment == f"Unicode {casefold_unicode_version()}"


def test_function_can_be_indexed(postgresql):
    postgresql.exec_driver_sql("CREATE TABLE folded (name text)")
    postgresql.exec_driver_sql("CREATE INDEX ix_folded ON folded (crm_fold(name))")


def test_function_can_be_made_again(postgresql):
    postgresql.exec_driver_sql(casefold_function_ddl())


def test_folding_a_folded_text_changes_nothing():
    # The function folds one alphabet after the other, and relies on this.
    assert [chr(c) for c in range(sys.maxunicode + 1) if chr(c).casefold().casefold() != chr(c).casefold()] == []
