"""The encrypted stream: whoever changes it is found out, wherever they do."""

import io

import pytest
from hypothesis import given, settings, strategies as st

from crmkit.backup import sealing
from crmkit.backup.errors import BackupDamagedError, BackupKeyError, BackupVersionError, NotABackupError
from crmkit.backup.sealing import Key, SealedWriter, read_sealed

KEY = Key(b"secret", cost=2)


def sealed(data, key=KEY):
    file = io.BytesIO()
    writer = SealedWriter(file, key)
    writer.write(data)
    writer.close()
    return file.getvalue()


def opened(data, key=KEY):
    return b"".join(read_sealed(io.BytesIO(data), "it", key))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(sealing, "_CHUNK", 64)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 128, 1000])
def test_what_was_written_is_read(length):
    data = bytes(range(256)) * 4

    assert opened(sealed(data[:length])) == data[:length]


def test_nothing_that_was_written_can_be_seen():
    assert b"Larissa" not in sealed(b"Larissa" * 50)
    assert sealed(b"the same") != sealed(b"the same")


DATA = b"all that the company knows " * 12
FILE = None


def whole():
    global FILE
    FILE = FILE or sealed(DATA)
    return FILE


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_flipped_bit_is_found(data):
    file = bytearray(whole())
    place, bit = data.draw(st.integers(0, len(file) - 1)), data.draw(st.integers(0, 7))
    file[place] ^= 1 << bit

    with pytest.raises((BackupDamagedError, BackupKeyError, BackupVersionError, NotABackupError)):
        opened(bytes(file))


def test_every_truncation_is_found():
    for length in range(len(whole())):
        with pytest.raises((BackupDamagedError, NotABackupError)):
            opened(whole()[:length])


def test_chunks_that_are_exchanged_left_out_or_added_are_found():
    header, chunks = parts(whole())
    swapped, shorter = [chunks[1], chunks[0], *chunks[2:]], [chunks[0], *chunks[2:]]
    foreign = parts(sealed(DATA))[1]
    for wrong in (swapped, shorter, chunks[:-1], [*chunks, chunks[-1]], [foreign[0], *chunks[1:]]):
        with pytest.raises(BackupDamagedError, match="cut off or changed in chunk|ends after its header"):
            opened(header + b"".join(wrong))


def parts(file):
    """Return the header and the chunks of a sealed file, each with its length."""
    end = file.index(b"}\n") + 2
    chunks, place = [], end
    while place < len(file):
        stop = place + 4 + int.from_bytes(file[place : place + 4], "big")
        chunks.append(file[place:stop])
        place = stop
    return file[:end], chunks


def test_wrong_passphrase_is_told_from_a_damaged_file():
    with pytest.raises(BackupKeyError, match="another passphrase or key file"):
        opened(whole(), Key(b"sekret", cost=2))


def test_other_format_and_other_file_are_named():
    with pytest.raises(BackupVersionError, match="has the format 3; this crmkit reads 2"):
        opened(whole().replace(b'"format":2', b'"format":3', 1))
    with pytest.raises(NotABackupError, match="it is no backup"):
        opened(b"PK\x03\x04")


def test_first_format_can_still_be_read(monkeypatch):
    monkeypatch.setattr(sealing, "FORMAT", 1)
    assert opened(sealed(b"older")) == b"older"


def test_header_cannot_ask_for_all_memory():
    with pytest.raises(BackupDamagedError, match="its header cannot be read"):
        opened(whole().replace(b'"cost":2', b'"cost":40', 1))


def test_key_file_that_is_too_short_is_refused(tmp_path):
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_text("geheim\n")
    long.write_text("0123456789abcdef" * 4 + "\n")

    with pytest.raises(BackupKeyError, match="has 6 bytes, a key at least 32. Make one: openssl rand -hex 32"):
        Key.from_file(short)
    assert Key.from_file(long) == Key(b"0123456789abcdef" * 4)
    assert "0123" not in repr(Key.from_file(long))
