"""What proves who somebody is: told where its own record is asked for, and by no other way out."""

import io
import zipfile
from datetime import datetime
from uuid import UUID

import pytest

from crmkit import (
    AutomationRecord,
    CredentialError,
    Grant,
    Mask,
    Owned,
    PluginError,
    Record,
    Section,
    TimelinePart,
    UnknownFieldError,
    ValidationError,
    Verb,
    call_verb,
    entity,
    extension,
    field,
    ref,
    represent,
    translator,
)
from crmkit.testing import both_databases, plugin
from crmkit.transfer.dossier import export_person
from crmkit.transfer.exporting import check_export, export

_ = translator("tests")
SECRET, TOKEN = "whsec-canary", "token-canary"


@entity("plant.owner", label=_("Owner"), person=True)
class Holder(Record):
    name: str = field()


@entity("plant.machine", label=_("Machine"))
class Machine(Owned):
    name: str = field(search=True)
    holder_id: UUID | None = ref("plant.owner", default=None, about=True)
    at: datetime | None = field(default=None)
    secret: str | None = field(default=None, encrypted=True, credential=True)
    label: str | None = field(default=None)


@entity("plant.job", label=_("Job"))
class Job(Record):
    name: str = field()
    machine_id: UUID = ref("plant.machine")


@extension(of="plant.machine")
class Remote:
    token: str | None = field(default=None, encrypted=True, credential=True)
    channel: str | None = field(default=None)


def machines(db):
    return db.find(Machine)


MACHINES = Section("plant.machines", _("Machines"), "plant.machine", via="holder", fields=["name", "secret"])
PART = TimelinePart("plant.running", _("Machines"), "plant.machine", via="holder", at="at")


def crmkit_register_sections():
    return MACHINES, PART


PLANT = plugin(
    "plant",
    entities=[Holder, Machine, Job, Remote],
    hooks=[crmkit_register_sections],
    verbs=[Verb("plant.machines", _("Machines"), machines, "plant.machine", answer=list[Machine], writes=False)],
)


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(PLANT, database=database, clock=clock)


@pytest.fixture
def ada(people):
    return people.user("Ada", roles=["core.administrator"])


@pytest.fixture
def machine(crm, ada):
    with crm.write(ada) as db:
        holder = db.create(Holder(name="Anna"))
        made = db.create(Machine(name="Press", holder_id=holder.id, secret=SECRET, at=db.now))
        return db.update(made, {"plant.token": TOKEN, "plant.channel": "seven"})


def is_told(said):
    """Return whether *said*, which is JSON, a file or anything else, has one of the values in it."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return SECRET in text or TOKEN in text


@both_databases
def test_records_are_represented_without_it_unless_it_is_asked_for(crm, ada, machine):
    with crm.read(ada) as db:
        (told,) = represent(db, [machine])
        assert not is_told(told)
        assert (told["name"], told["plant"]) == ("Press", {"channel": "seven"})
        (told,) = represent(db, [machine], credentials=True)
        assert (told["secret"], told["plant"]["token"]) == (SECRET, TOKEN)
        assert not is_told([repr(db.get(Machine, machine.id)), repr(Remote.of(db, machine))])
        for name in ("secret", "plant.token"):
            (told,) = represent(db, [machine], fields=[name], credentials=True)
            assert is_told(told)
            with pytest.raises(CredentialError, match=f"plant.machine: '{name}' proves who somebody is"):
                represent(db, [machine], fields=["name", name])
        assert represent(db, [machine], fields=["plant"])[0]["plant"] == {"channel": "seven"}


@both_databases
def test_histories_and_time_lines_tell_that_it_changed_and_not_how(crm, ada, machine):
    with crm.write(ada) as db:
        changed = db.update(db.get(Machine, machine.id), secret=None, label="old")
        db.update(changed, secret=SECRET)
    with crm.read(ada) as db:
        histories = [db.history(machine), [e.change for e in db.timeline(machine).entries if e.change][::-1]]
        for history in histories:
            assert not is_told(history)
            told = [tuple(entry.changes[name]) for entry in history for name in entry.changes if name == "secret"]
            assert told == [(None, "…"), ("…", None), (None, "…")]
            assert tuple(history[1].changes["plant.token"]) == (None, "…")
            assert tuple(history[2].changes["label"]) == (None, "old")
        assert "secret" in {name for event in db.events(after=0).events for name in event.changed or ()}


@both_databases
def test_what_stands_beside_another_record_has_none(crm, ada, machine):
    with crm.read(ada) as db:
        holder = db.get(Holder, machine.holder_id)
        (section,) = db.sections(holder)
        assert section.fields == ("name",)
        assert [record.name for record in section.records] == ["Press"]
        assert not is_told(call_verb(db, "plant.machines"))
        (hit,) = db.search("Press").hits
        assert not is_told(represent(db, [hit.record]))
    with crm.write(ada) as db:
        job = db.create(Job(name="Mend", machine_id=machine.id))
        for credentials in (False, True):
            (told,) = represent(db, [job], expand=["machine"], credentials=credentials)
            assert told["machine"]["name"] == "Press"
            assert not is_told(told)
            with pytest.raises(CredentialError):
                represent(db, [job], fields=["machine.secret"], expand=["machine"], credentials=credentials)


@both_databases
def test_preview_of_a_merge_tells_that_it_differs_and_not_how(crm, ada, machine):
    with crm.write(ada) as db:
        other = db.create(Machine(name="Press", secret=SECRET[::-1]))
        plan = db.merge_preview(other, [machine])
        assert not is_told(plan.fields)
        told = {choice.name: (choice.kept, *choice.values.values()) for choice in plan.fields}
        assert (told["secret"], told["plant.token"]) == (("…", "…", "…"), ("…", None, "…"))
        assert db.merge(other, [machine]).secret == SECRET[::-1]
        assert Remote.of(db, other).token == TOKEN


@both_databases
def test_files_have_none_and_whoever_names_it_for_one_is_told(crm, ada, machine, tmp_path):
    with crm.read(ada) as db:
        for format in ("csv", "jsonl"):
            file = io.BytesIO()
            export(db, Machine, file, format=format)
            assert b"Press" in file.getvalue()
            assert not is_told(file.getvalue())
        for entity_, name in ((Machine, "secret"), (Machine, "plant.token"), (Job, "machine.secret")):
            with pytest.raises(CredentialError, match="secret|token"):
                check_export(db, entity_, fields=[name])
        export_person(db, db.get(Holder, machine.holder_id), crm.contents, tmp_path / "anna.zip")
    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        parts = [archive.read(name) for name in archive.namelist()]
    assert any(b"Press" in part for part in parts)
    assert not any(map(is_told, parts))


@pytest.mark.parametrize("text", ["{secret}", "{plant.token}"])
def test_no_automation_copies_it_into_a_text_or_another_field(crm, ada, machine, text):
    expression = text.strip("{}")
    for value in ({"template": f"Key {text}"}, {"expression": expression}):
        action = {"do": "set", "values": {"label": value}}
        given = {"entity": "plant.machine", "trigger": {"on": "write"}, "actions": [action]}
        automation = AutomationRecord(name="custom.leak", runs_as_id=ada.user_id, **given)
        with crm.write(ada) as db, pytest.raises(ValidationError, match=f"'{expression}' proves who somebody is"):
            db.create(automation)


def test_it_is_hidden_from_whom_it_is_masked_and_then_asking_says_so(crm, people, machine):
    people.role("looker", [Grant("plant.machine", ["read", "export"], "all")], [Mask("plant.machine", ["secret"])])
    otto = people.user("Otto", roles=["looker"])
    with crm.read(otto) as db:
        found = db.get(Machine, machine.id)
        for credentials in (False, True):
            with pytest.raises(UnknownFieldError):
                represent(db, [found], fields=["secret"], credentials=credentials)
        with pytest.raises(UnknownFieldError):
            check_export(db, Machine, fields=["secret"])
        assert "secret" not in represent(db, [found], credentials=True)[0]
        assert not [entry for entry in db.history(found) if "secret" in entry.changes]


def test_it_is_encrypted_so_that_no_index_search_backup_or_statement_has_it(make_crm):
    @entity("open.machine", label=_("Machine"))
    class Open(Record):
        secret: str | None = field(default=None, credential=True)

    with pytest.raises(PluginError, match="encrypted=True"):
        make_crm.blank(plugin("open", entities=[Open]))
