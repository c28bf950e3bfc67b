"""What counts as a word, and which words a search finds, is the same on every database."""

import pytest

from crmkit.core.searching.words import placed_words, split_words
from crmkit.testing import both_databases


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Anna  Snelling", ["anna", "snelling"]),
        ("anna.snelling@acme.example", ["anna", "snelling", "acme", "example"]),
        ("MÜLLER Ærø Straße ΣΟΦΟΣ", ["muller", "ærø", "strasse", "σοφοσ"]),
        ("Mu\u0308ller", ["muller"]),
        ("北京市ABC科技", ["北", "京", "市", "abc", "科", "技"]),
        ("ＡＢＣ　１２", ["abc", "12"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("it's C-000123", ["it", "s", "c", "000123"]),
        ("™ ﷺ ½", ["صلى" + "الله" + "عليه" + "وسلم", "1⁄2"]),
        ("--- … '' \\", []),
        ("x" * 100, ["x" * 64]),
    ],
)
def test_a_text_has_words_without_case_accents_and_signs(text, words):
    assert split_words(text) == words
    assert [word.word for word in placed_words(text)] == words


FINDS = [
    ("Anna Snelling", "snelling anna"),
    ("Anna Snelling", "SNELLING"),
    ("Anna Snelling", "anna sne"),
    ("Müller & Söhne", "muller sohne"),
    ("Muller", "Müller"),
    ("北京科技有限公司", "北京"),
    ("北京科技有限公司", "科技 北京"),
    ("北京科技有限公司", "限公司"),
    ("北京科技有限公司", "司"),
    ("O'Brien-Łódź", "o'bri"),
    ("서울특별시", "특별"),
    ("Straße", "STRASSE"),
    ("C-000123 spare", "c-0001"),
    ("a 'quoted\\' \"word\" | & ! * ( : ) x", "quoted word x"),
    ("AND OR NOT NEAR", "and or not near"),
]
DOES_NOT_FIND = [
    ("Anna Snelling", "nna"),
    ("Anna Snelling", "ann snelling"),
    ("Anna Snelling", "anna berlin"),
    ("北京科技有限公司", "京北"),
    ("北京科技有限公司", "北科"),
    ("anna berlin", "anna-b-berlin"),
    ("Annabel", "a"),
]


@both_databases
def test_what_stands_in_a_text_is_found_in_it(add, found):
    for text in dict(FINDS):
        add(text)
    missed = [(text, asked) for text, asked in FINDS if text not in found(asked)]
    assert missed == []


@both_databases
def test_what_does_not_stand_in_a_text_is_not_found_in_it(add, found):
    for text in dict(DOES_NOT_FIND):
        add(text)
    wrong = [(text, asked) for text, asked in DOES_NOT_FIND if text in found(asked)]
    assert wrong == []
