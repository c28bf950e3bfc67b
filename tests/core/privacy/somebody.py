"""A person of whom every table knows something, and where to look for what is left."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from crmkit import CustomField, Money, Target
from crmkit.core.automating.entities import AutomationRun
from crmkit.core.jobs.rows import new_row
from crmkit.core.storage.columns import Id
from crmkit.plugins.customers import services as customers
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.sales.entities import Deal, Lead
from crmkit.plugins.workspace import services as workspace
from crmkit.plugins.workspace.entities import Task
from tests.core.privacy.club import Invoice

CANARY = "Kanarya"


def make_somebody(crm, officer):
    """Return a contact whose values all hold the canary, and of whom records of every kind tell."""
    with crm.system("test") as db:
        shoe = {"key": "shoe", "type": "text", "label": "Shoe", "personal": True, "purpose": "shoes"}
        db.create(CustomField(entity="customers.contact", **shoe))
    with crm.write(officer) as db:
        given = {name: f"{CANARY} {name}" for name in ("name", "given_name", "job_title", "street", "description")}
        contact = db.create(Contact(email=f"{CANARY}@example.org", **given))
        twin = db.create(Contact(name=f"{CANARY} twin", mobile="+4930999888777"))
        db.external.give("old", Contact, {f"{CANARY}-7": twin.id})
        contact = db.merge(contact, [twin])
        db.update(contact, {"club.nickname": f"{CANARY} nick", "custom.shoe": f"{CANARY} 42", "family_name": CANARY})
        db.share(contact, user=officer.user_id)
        customers.log_interaction(db, "call", f"{CANARY} called", regarding=contact, participants=[contact])
        task = db.create(Task(title=f"Call {CANARY}", regarding=Target.of(contact)))
        workspace.comment(db, task, f"{CANARY} is not in")
        workspace.tag(db, contact, "vip")
        gone = workspace.comment(db, contact, f"{CANARY} was here")
        db.delete(gone)
        workspace.attach(db, contact, crm.contents.put(f"{CANARY}.txt", [CANARY.encode()]))
        db.create(Lead(name=f"{CANARY} lead", contact_name=CANARY, contact_id=contact.id))
    with crm.system("test") as db:
        run = {"automation": "Greet", "occasion": "#1", "entity": "customers.contact", "record_id": contact.id}
        failed = {"ran_at": crm.clock.now(), "outcome": "failed", "error": f"{CANARY} has no address"}
        db.create(AutomationRun(**run, **failed))
    _queue(crm, contact)
    with crm.system("test") as db:
        return db.get(Contact, contact.id)


def sell_to(crm, contact):
    """Return a deal with *contact*, and an invoice."""
    with crm.system("test") as db:
        deal = db.create(Deal(name="Pilot", contact_id=contact.id, amount=Money.of("10.00", "EUR")))
        values = {"address": f"{CANARY} Street", "reply_to": f"{CANARY}@example.org", "page": f"https://{CANARY}.org"}
        return deal, db.create(Invoice(contact_id=contact.id, tax_number="T-1", total=10, **values))


def _queue(crm, contact):
    """Put jobs into the queue that know the person by id, by address, and in an error alone."""
    payloads = [{"to": [f"{CANARY}@example.org"]}, {"who": str(contact.id)}, {"page": 1}]
    rows = [new_row("job", "x.y", payload, crm.clock.now()) for payload in payloads]
    with crm.storage.writing() as connection:
        crm.model.jobs.add(connection, rows)
        job = crm.schema.system.job
        last = sa.update(job).where(job.c.id == rows[-1]["id"])
        connection.execute(last.values(details=f"550 {CANARY}@example.org: no such user"))


def traces(crm):
    """Return where the canary still is: in the files of an SQLite database, or in the tables of PostgreSQL."""
    found = list(_traces_in_tables(crm))
    if crm.storage.is_sqlite:
        file = Path(crm.storage.url.database)
        beside = [file, file.with_name(f"{file.name}-wal")]
        found += [path.name for path in beside if path.exists() and CANARY.encode() in path.read_bytes()]
    folder = Path(crm.config.files.folder)
    return found + [path.name for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def _traces_in_tables(crm):
    with crm.storage.reading() as connection:
        for table in crm.schema.metadata.sorted_tables:
            for row in connection.execute(sa.select(*[sa.cast(c, sa.Text) for c in table.columns if _is_told(c)])):
                if any(CANARY.lower() in str(value).lower() for value in row):
                    yield table.name


def _is_told(column):
    return not isinstance(column.type, sa.LargeBinary | Id)
