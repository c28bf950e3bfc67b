"""Tables that are no entities, a module for each subject."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core.storage.system_tables import (
    answering,
    automating,
    bookkeeping,
    changing,
    encrypting,
    erasing,
    jobs,
    ledger,
    offboarding,
    passing,
    records,
    searching,
    side_doors,
    signing_in,
)

__all__ = ["SystemTables"]


@attrs.frozen(eq=False)
class SystemTables:
    """The system tables of one CRM."""

    ledger: sa.Table
    ledger_payload: sa.Table
    ledger_head: sa.Table
    outbox: sa.Table
    stage_visit: sa.Table
    external_id: sa.Table
    match_key: sa.Table
    merge: sa.Table
    search_document: sa.Table
    sequence: sa.Table
    epoch: sa.Table
    checkpoint: sa.Table
    parked: sa.Table
    entity_owner: sa.Table
    job: sa.Table
    circuit: sa.Table
    occurrence: sa.Table
    worker: sa.Table
    offboarding: sa.Table
    erasure: sa.Table
    unwanted_content: sa.Table
    turn: sa.Table
    data_key: sa.Table
    side_door: sa.Table
    answer: sa.Table
    token_secret: sa.Table
    session_secret: sa.Table
    password: sa.Table
    ticket: sa.Table
    totp: sa.Table
    recovery_code: sa.Table
    passkey_key: sa.Table
    sign_in_wait: sa.Table
    passing_file: sa.Table

    @classmethod
    def build(cls, metadata: sa.MetaData) -> SystemTables:
        """Return the system tables, made in *metadata*."""
        return cls(
            ledger=ledger.ledger(metadata),
            ledger_payload=ledger.ledger_payload(metadata),
            ledger_head=ledger.ledger_head(metadata),
            outbox=ledger.outbox(metadata),
            stage_visit=records.stage_visit(metadata),
            external_id=records.external_id(metadata),
            match_key=records.match_key(metadata),
            merge=records.merge(metadata),
            search_document=searching.search_document(metadata),
            sequence=records.sequence(metadata),
            epoch=bookkeeping.epoch(metadata),
            checkpoint=bookkeeping.checkpoint(metadata),
            parked=changing.parked(metadata),
            entity_owner=changing.entity_owner(metadata),
            job=jobs.job(metadata),
            circuit=jobs.circuit(metadata),
            occurrence=jobs.occurrence(metadata),
            worker=jobs.worker(metadata),
            offboarding=offboarding.offboarding(metadata),
            erasure=erasing.erasure(metadata),
            unwanted_content=erasing.unwanted_content(metadata),
            turn=automating.turn(metadata),
            data_key=encrypting.data_key(metadata),
            side_door=side_doors.side_door(metadata),
            answer=answering.answer(metadata),
            token_secret=signing_in.token_secret(metadata),
            session_secret=signing_in.session_secret(metadata),
            password=signing_in.password(metadata),
            ticket=signing_in.ticket(metadata),
            totp=signing_in.totp(metadata),
            recovery_code=signing_in.recovery_code(metadata),
            passkey_key=signing_in.passkey_key(metadata),
            sign_in_wait=signing_in.sign_in_wait(metadata),
            passing_file=passing.passing_file(metadata),
        )
