"""Content: kept once under its hash, all of it or nothing, and proved whenever it is read."""

import io
import os
import tracemalloc
import zipfile
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, strategies as st

from crmkit.core.content.errors import (
    ContentDamagedError,
    ContentKindError,
    ContentMissingError,
    ContentRefusedError,
    ContentTooLargeError,
)
from crmkit.core.content.kinds import kind_of, plain_name
from crmkit.core.content.store import ContentStore

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.7\n" + b"x" * 100
LATER = 4e9


def archive(name):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(name, "text")
    return made.getvalue()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "inside" / "files"


@pytest.fixture
def store(folder):
    return ContentStore(folder, 1_000_000)


def kept(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_content_comes_back_as_it_was(store):
    content = store.put("Müller.txt", [b"one ", b"", b"two"])

    assert b"".join(store.read(content.hash)) == b"one two"
    assert (content.name, content.size, content.type) == ("Müller.txt", 7, "text/plain")


def test_empty_file_is_content_too(store):
    assert b"".join(store.read(store.put("empty.pdf", []).hash)) == b""


def test_same_content_is_kept_once_whatever_it_is_called(store, folder):
    one, other = store.put("a.txt", [b"same"]), store.put("b.txt", [b"sa", b"me"])

    assert one.hash == other.hash
    assert len(kept(folder)) == 1


@pytest.mark.parametrize("chunks", [[b"x" * 1_000_001], [b"x" * 999_999, b"xx"]])
def test_file_that_is_too_large_leaves_nothing(store, folder, chunks):
    with pytest.raises(ContentTooLargeError, match="1000000 bytes"):
        store.put("a.txt", chunks)

    assert kept(folder) == []


def test_upload_that_breaks_off_leaves_nothing(store, folder):
    def chunks():
        yield b"x" * 50_000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.put("a.txt", chunks())

    assert kept(folder) == []


def test_what_a_crash_left_behind_is_tidied_up(store, folder):
    content = store.put("a.txt", [b"whole"])
    (folder / "incoming" / "half").write_bytes(b"ha")

    assert store.tidy(0) == 0
    assert store.tidy(LATER) == 1
    assert b"".join(store.read(content.hash)) == b"whole"


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b" ", lambda b: b"X" + b[1:], lambda b: b""])
def test_damaged_content_is_told_before_its_first_byte(store, folder, change):
    content = store.put("a.txt", [b"whole"])
    path = next(folder.glob("??/??/*"))
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(ContentDamagedError):
        store.read(content.hash)
    # Whoever has the original heals it.
    store.put("a.txt", [b"whole"])
    assert b"".join(store.read(content.hash)) == b"whole"


ESCAPES = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "a" * 63,
    "A" * 64,
    "a" * 64 + "\n",
    f"../{'a' * 61}",
    "\0" * 64,
]


@pytest.mark.parametrize("hash_", ESCAPES)
def test_t25_what_is_no_hash_leads_nowhere(store, hash_):
    for ask in (store.read, store.has, lambda h: store.remove(h, LATER)):
        with pytest.raises(ContentMissingError):
            ask(hash_)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_t25_link_in_the_place_of_content_is_not_followed(store, folder, tmp_path):
    content = store.put("a.txt", [b"whole"])
    secret = tmp_path / "secret"
    secret.write_bytes(b"whole")
    path = next(folder.glob("??/??/*"))
    path.unlink()
    path.symlink_to(secret)

    with pytest.raises(ContentMissingError):
        store.read(content.hash)


@given(st.text(max_size=300))
def test_t25_name_is_never_a_path(name):
    plain = plain_name(name)

    assert 0 < len(plain) <= 255
    assert plain not in (".", "..")
    assert not {"/", "\\", "\0", "\n", "\u202e"} & set(plain)
    assert plain_name(plain) == plain


def test_t25_nothing_is_written_outside_the_folder(store, folder, tmp_path):
    for name in ("../../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\evil.txt", ".."):
        store.put(name, [b"text"])

    outside = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    assert outside == []


WORD = "openxmlformats-officedocument.wordprocessingml.document"
KINDS = {
    ("photo.png", PNG): "image/png",
    ("offer.pdf", PDF): "application/pdf",
    ("offer", PDF): "application/pdf",
    ("notes.txt", "Grüße\n".encode()): "text/plain",
    ("list.csv", b"a;b\n"): "text/csv",
    ("page.html", b"<!DOCTYPE html><html>"): "text/html",
    ("pic.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"): "image/svg+xml",
    ("letter.docx", archive("word/document.xml")): f"application/vnd.{WORD}",
    ("all.zip", archive("a.txt")): "application/zip",
    ("nobody.knows", b"\x01\x02\x03\x04"): "application/octet-stream",
    ("raw.bin", b"\x01\x02\x03\x04"): "application/octet-stream",
}  # fmt: skip


@pytest.mark.parametrize(("file", "kind"), KINDS.items(), ids=lambda value: str(value)[:20])
def test_kind_is_what_name_and_content_agree_on(file, kind):
    assert kind_of(*file) == kind


@pytest.mark.parametrize(
    ("name", "start"),
    [("photo.png", PDF), ("photo.jpg", b"<!DOCTYPE html><script>"), ("offer.pdf", PNG), ("notes.txt", PNG)],
)
def test_file_that_is_not_what_its_name_says_is_refused(store, folder, name, start):
    with pytest.raises(ContentKindError, match=name):
        store.put(name, [start])

    assert not folder.exists()


PROGRAMS = [("a.exe", b"text"), ("a.pdf.EXE", PDF), ("a.js", b"1")]
PROGRAMS += [("a.txt", b"MZ\x90\0"), ("a", b"\x7fELF\2"), ("a.txt", b"#!/bin/sh")]


@pytest.mark.parametrize(("name", "start"), PROGRAMS)
def test_program_is_refused(store, folder, name, start):
    with pytest.raises(ContentRefusedError, match=name):
        store.put(name, [start])

    assert not folder.exists()


SHOWN = [("a.png", PNG, True), ("a.svg", b"<svg>", False), ("a.html", b"<html>", False)]


@pytest.mark.parametrize(("name", "start", "inline"), SHOWN)
def test_what_could_run_in_a_browser_is_to_be_saved_and_not_shown(store, name, start, inline):
    assert store.put(name, [start]).is_inline is inline


def test_content_is_removed_unless_it_was_put_again(store):
    content = store.put("a.txt", [b"whole"])

    assert list(store.hashes(0)) == []
    assert list(store.hashes(LATER)) == [content.hash]
    assert not store.remove(content.hash, 0)
    assert store.remove(content.hash, LATER)
    assert not store.has(content.hash)
    assert not store.remove(content.hash, LATER)


def test_memory_stays_flat_both_ways(folder):
    store, chunk, number = ContentStore(folder, 100_000_000), b"0123456789abcdef" * 4096, 320
    tracemalloc.start()
    content = store.put("a.txt", (chunk for _n in range(number)))
    size = sum(map(len, store.read(content.hash)))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size == content.size == len(chunk) * number
    assert most < 2_000_000


# In a bucket, on a server that speaks S3.


@pytest.fixture(scope="module")
def endpoint():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"b{os.urandom(8).hex()}"
    urlopen(Request(f"{endpoint}/{name}", method="PUT")).close()
    return ContentStore(f"s3://{name}/crm", 50_000_000, endpoint=endpoint)


def test_bucket_keeps_content_as_a_folder_does(bucket):
    content, same = bucket.put("a.txt", [b"one ", b"two"]), bucket.put("b.txt", [b"one two"])

    assert content.hash == same.hash
    assert b"".join(bucket.read(content.hash)) == b"one two"
    assert list(bucket.hashes(LATER)) == [content.hash]
    assert list(bucket.hashes(0)) == []
    assert bucket.tidy(LATER) == 0
    assert not bucket.remove(content.hash, 0)
    assert bucket.remove(content.hash, LATER)
    assert not bucket.has(content.hash)
    with pytest.raises(ContentMissingError):
        bucket.read(content.hash)


def test_bucket_takes_content_of_a_backup_back_only_under_its_hash(bucket):
    content = bucket.put("a.txt", [b"one two"])
    assert bucket.remove(content.hash, LATER)

    with pytest.raises(ContentDamagedError):
        bucket.restore(content.hash, [b"other"])
    assert not bucket.has(content.hash)
    assert bucket.restore(content.hash, [b"one ", b"two"]) == 7
    bucket.check(content.hash)


def test_bucket_takes_large_content_in_parts(bucket):
    chunk = bytes(range(256)) * 256
    content = bucket.put("a.bin", (chunk for _n in range(250)))

    assert content.size == sum(map(len, bucket.read(content.hash))) == len(chunk) * 250


def test_damaged_content_of_a_bucket_is_told_before_its_first_byte(bucket):
    content = bucket.put("a.txt", [b"whole"])
    bucket._place._store.put(f"{content.hash[:2]}/{content.hash[2:4]}/{content.hash}", b"other")

    with pytest.raises(ContentDamagedError):
        bucket.read(content.hash)


@pytest.mark.parametrize("hash_", ESCAPES)
def test_t25_what_is_no_hash_leads_nowhere_in_a_bucket(hash_):
    store = ContentStore("s3://nowhere", 1000, endpoint="http://127.0.0.1:1")
    for ask in (store.read, store.has, lambda h: store.remove(h, LATER)):
        with pytest.raises(ContentMissingError):
            ask(hash_)
