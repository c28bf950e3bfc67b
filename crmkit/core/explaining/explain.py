"""Why somebody may or may not do something: every grant, share, restriction and mask that has a say, each judged alone.

The answer itself comes from the wall's own predicate, so that an explanation cannot disagree with it.

Nobody learns from an explanation what they could not read. About oneself one may ask for any record that one sees;
about somebody else only who may read that user, all assignments and all roles. Rules on fields that the asker may not
read are not shown, hidden fields are not named, and what a rule found behind a reference is told to the system alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import CrmkitError, ForbiddenError, NotFoundError
from crmkit.core.explaining.changes import changes
from crmkit.core.explaining.explanation import Answer, Change, Explanation, Finding, Sentence
from crmkit.core.explaining.question import Question
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.people import Assignment, RoleRecord, User
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import VERBS
from crmkit.core.reading.reader import Reader
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["Asker", "UnknownVerbError", "explain"]


class UnknownVerbError(CrmkitError):
    """Somebody asked about a verb that does not exist; the list of verbs is closed."""

    code = "unknown-verb"
    template = _("There is no verb {verb!r}. The verbs are {verbs}.")

    def __init__(self, verb: str) -> None:
        """Name the *verb*."""
        super().__init__(verb=verb, verbs=", ".join(VERBS))


@attrs.frozen(eq=False)
class Asker:
    """Who wants to know: the reader through which they see, and what it takes to judge for others."""

    model: Model
    connection: Connection
    reader: Reader

    @property
    def knows_policy(self) -> bool:
        """Whether the asker may read which roles there are and who has them."""
        return all(self._reads_all(self.model.registry.entity(cls)) for cls in (Assignment, RoleRecord))

    def _reads_all(self, info: EntityInfo) -> bool:
        entity = self.reader.access.entity(info)
        return entity.scope("read").level == "all" and not entity.restrictions.get("read")

    def check_may_ask_about(self, principal: Principal) -> None:
        """Return if the asker may know what *principal* may do.

        Raises:
            NotFoundError: the asker does not see that user.
            ForbiddenError: the asker may not read assignments and roles.
        """
        mine = self.reader.access
        if mine.is_system or principal.user_id is None or mine.user_id == principal.user_id:
            return
        self.reader.get(User, principal.user_id)
        if not self.knows_policy:
            raise ForbiddenError(self.model.registry.entity(Assignment).id, "read", principal.name)

    def find(self, subject: Record | type[Record] | str) -> tuple[EntityInfo, Record | None]:
        """Return the entity that is asked about and the record as the asker sees it, from the bin if it is there.

        Raises:
            UnknownEntityError: there is no such entity.
            NotFoundError: the asker does not see the record.
        """
        if not isinstance(subject, Record):
            return self.model.registry.entity(subject), None
        info = self.model.registry.entity(type(subject))
        try:
            return info, self.reader.get(info.cls, subject.id)
        except NotFoundError:
            in_bin = self.reader.find(info.cls, info.cls.f.id == subject.id, deleted=True)
            if not in_bin:
                raise
            return info, in_bin[0]


def explain(asker: Asker, principal: Principal, verb: str, subject: Record | type[Record] | str) -> Explanation:
    """Return whether *principal* may *verb* the *subject*, and why; *subject* is a record or an entity.

    Raises:
        UnknownVerbError: there is no such verb.
        UnknownEntityError: there is no such entity.
        NotFoundError: the asker does not see the record, or the user.
        ForbiddenError: the asker may not know what others may do.
    """
    if verb not in VERBS:
        raise UnknownVerbError(verb)
    info, record = asker.find(subject)
    asker.check_may_ask_about(principal)
    try:
        access = asker.model.accesses.resolve(asker.connection, principal)
    except InactiveUserError:
        return _of_inactive(principal, verb, info, record)
    question = Question(asker, access, verb, info, record)
    if access.is_system:
        return _made(question, "yes", "system")
    findings = tuple(question.findings())
    answer, reason = question.verdict(findings)
    return attrs.evolve(
        _made(question, answer, reason),
        findings=findings,
        fields=tuple(question.fields()),
        changes=tuple(changes(question, answer, reason, findings)),
    )


def _made(question: Question, answer: Answer, reason: str) -> Explanation:
    access = question.access
    return _explanation(access.name, access, question.verb, question.info, question.record, answer, reason)


def _explanation(
    person: str,
    access: Access | Principal,
    verb: str,
    info: EntityInfo,
    record: Record | None,
    answer: Answer,
    reason: str,
) -> Explanation:
    return Explanation(
        person=person,
        person_id=access.user_id,
        verb=verb,
        entity=info.id,
        record=_name(info, record) if record is not None else None,
        record_id=record.id if record is not None else None,
        answer=answer,
        reason=reason,
    )


def _name(info: EntityInfo, record: Record) -> str:
    number: Any = getattr(record, info.number.name, None) if info.number else None
    return number or str(record.id)


def _of_inactive(principal: Principal, verb: str, info: EntityInfo, record: Record | None) -> Explanation:
    facts = {"person": principal.name}
    finding = Finding("user", verb, False, Sentence(_("{person} is no active user"), facts))
    change = Change("activate", verb, Sentence(_("{person} is made active again; then other things decide"), facts))
    made = _explanation(principal.name, principal, verb, info, record, "no", "inactive")
    return attrs.evolve(made, findings=(finding,), changes=(change,))
