from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from crmkit.transfer.encodings import find_encoding
from crmkit.transfer.errors import SourceEncodingError, SourceFormatError
from crmkit.transfer.sources import FileOptions, open_source

CHINESE = (
    "客户,城市,负责人,备注\n北京华夏科技有限公司,北京,王伟,重点客户，明年续约\n上海浦东贸易公司,上海,李娜,已签合同\n"
)
GERMAN = "Kunde,Ort,Notiz\nMüller GmbH,München,Gespräch über Verlängerung\nStraßenbau Köln,Köln,prüfen\n"
FRENCH = "client,ville\nSociété Générale,Orléans\nCafé de la Gare,Besançon\nL’Étoile – «Chez Noël»,Évry\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("name\nAcme\n", "ascii", "utf-8"),
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (GERMAN, "latin-1", "cp1252"),
        (GERMAN, "utf-8", "utf-8"),
        (FRENCH, "cp1252", "cp1252"),
        ("Name\nMüller\n", "latin-1", "cp1252"),
        ("name\n李娜\n", "gb18030", "gb18030"),
    ],
)
def test_encoding_is_found_from_the_bytes(put, text, encoding, found):
    assert find_encoding(put(text, encoding=encoding)) == found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_every_encoding_gives_the_same_rows(put, read, encoding):
    columns, rows = read(put(CHINESE, encoding=encoding))

    assert columns == ("客户", "城市", "负责人", "备注")
    assert [row.cells[1] for row in rows] == ["北京", "上海"]


def test_an_encoding_error_far_into_the_file_is_found_before_the_first_row(put):
    path = put(b"name\n" + b"Acme\n" * 500_000 + b"Stra\xdfe \x81\x8d\n")

    with pytest.raises(SourceEncodingError, match=r"deals.csv, line 500002: .*look neither") as caught:
        open_source(path)

    assert caught.value.code == "source-encoding"
    assert caught.value.line == 500_002


def test_a_stated_encoding_is_checked_and_not_guessed(put):
    path = put(GERMAN, encoding="latin-1")

    with pytest.raises(SourceEncodingError, match="line 2: the byte 0xFC at position 17 is not utf-8"):
        open_source(path, FileOptions(encoding="utf-8"))
    with pytest.raises(SourceEncodingError, match="unknown encoding 'utf-9'"):
        open_source(path, FileOptions(encoding="utf-9"))


def test_an_error_on_the_border_of_two_chunks_has_the_right_place(put):
    path = put(b"n\n" + b"a" * ((1 << 20) - 3) + "é".encode()[:1] + b"\n")

    with pytest.raises(SourceEncodingError) as caught:
        find_encoding(path, "utf-8")

    assert caught.value.offset == (1 << 20) - 1


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("имя,город\nИван Петров,Москва\nАнна Смирнова,Санкт-Петербург\n", "cp1251"),
        ("名前,都市\nたなか さん,とうきょう\nすずき,おおさか\n", "shift-jis"),
        ("όνομα\nΓιώργος Παπαδόπουλος\n", "cp1253"),
    ],
)
def test_an_encoding_that_could_be_another_must_be_stated(put, read, text, encoding):
    path = put(text, encoding=encoding)

    with pytest.raises(SourceEncodingError, match="encoding ="):
        open_source(path)

    assert read(path, FileOptions(encoding=encoding))[0] == tuple(text.split("\n")[0].split(","))


def test_utf16_without_a_mark_and_binary_files_are_named(put, read):
    path = put("name,city\nAcme,Berlin\n", encoding="utf-16-le")

    with pytest.raises(SourceFormatError, match="NUL bytes"):
        open_source(path)

    assert read(path, FileOptions(encoding="utf-16-le"))[0] == ("name", "city")


# Given names and towns as they stand in European and Chinese files.
WESTERN = [
    "Müller",
    "José",
    "François",
    "Ångström",
    "Nuñez",
    "Łukasz"[1:],
    "Køb",
    "Zoë",
    "Straße",
    "naïve",
    "São",
    "Brontë",
]
HAN = [chr(code) for code in range(0x4E00, 0x9FA6)]
COMMON_HAN = [c for c in HAN if (b := c.encode("gb18030")) and len(b) == 2 and 0xB0 <= b[0] <= 0xD7 and b[1] >= 0xA1]


@settings(deadline=None, max_examples=200)
@given(words=st.lists(st.sampled_from(WESTERN), min_size=1, max_size=40))
def test_western_names_are_windows_1252(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("western") / "names.csv"
    path.write_bytes(("name\n" + "\n".join(words)).encode("cp1252"))

    assert find_encoding(path) == "cp1252" or "".join(words).isascii()


@settings(deadline=None, max_examples=200)
@given(text=st.text(st.sampled_from(COMMON_HAN), min_size=3, max_size=60))
def test_common_chinese_is_gb18030(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("han") / "names.csv"
    data = f"name\n{text}\n".encode("gb18030")
    path.write_bytes(data)

    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        assert find_encoding(path) == "gb18030"
