from __future__ import annotations

import pytest

from crmkit import (
    ContentStore,
    NotFoundError,
    Owned,
    Target,
    WriteRefusedError,
    entity,
    field,
    translator,
)
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import File

_ = translator("tests")


@entity("ranch.stable", label=_("Stable"))
class Stable(Owned):
    name: str = field()


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", plugin("ranch", entities=[Stable]), clock=clock, database=database)


@pytest.fixture
def contents(tmp_path):
    return ContentStore(tmp_path / "files", 1_000_000)


@pytest.fixture
def anna(people):
    return people.user("Anna", roles=["workspace.member", "ranch.everything"])


@pytest.fixture
def stable(crm, anna):
    with crm.write(anna) as db:
        return db.create(Stable(name="North"))


@pytest.fixture
def file(crm, anna, contents, stable):
    content = contents.put("../Plan.txt", [b"the plan"])
    with crm.write(anna) as db:
        return services.attach(db, stable, content)


@both_databases
def test_file_hangs_on_a_record_and_is_read_by_those_who_see_it(crm, anna, contents, stable, file):
    with crm.read(anna) as db:
        assert services.files_of(db, stable) == [file]
        assert b"".join(services.read_file(db, contents, file.id)) == b"the plan"
        [files] = [found for found in db.sections(stable) if found.section.id == "workspace.files"]

    assert (file.name, file.content_type, file.size) == ("Plan.txt", "text/plain", 8)
    assert files.records == [file]


@both_databases
def test_t10_foreign_file_is_not_found_and_kept(crm, people, contents, file):
    eve = people.user("Eve", roles=["workspace.manager"])

    with crm.write(eve) as db:
        for ask in (
            lambda: services.read_file(db, contents, file.id),
            lambda: db.get(File, file.id),
            lambda: db.delete(file),
            lambda: db.update(file, name="mine"),
        ):
            with pytest.raises(NotFoundError):
                ask()

    assert b"".join(contents.read(file.content_hash)) == b"the plan"


@both_databases
def test_t10_hash_of_a_foreign_file_gives_nobody_its_content(crm, people, contents, file):
    eve = people.user("Eve", roles=["workspace.member", "ranch.everything"])
    with crm.write(eve) as db:
        own = db.create(Stable(name="Own"))
        mine = services.attach(db, own, contents.put("mine.txt", [b"mine"]))

        for hash_ in (file.content_hash, "0" * 64):
            copied = File(regarding=Target.of(own), name="a", content_type="text/plain", size=8, content_hash=hash_)
            with pytest.raises(WriteRefusedError, match="by uploading it"):
                db.create(copied)
            with pytest.raises(WriteRefusedError, match="by uploading it"):
                db.update(mine, content_hash=hash_)
        with pytest.raises(WriteRefusedError):
            db.update(mine, content_type="text/html")
        assert db.update(mine, name="better.txt").name == "better.txt"
