"""Errors as problems (RFC 9457): what was refused, where, and what would be accepted; and nothing beyond."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crmkit.auth import (
    NotSignedInError,
    ProviderError,
    SecondFactorNeededError,
    SignInRefusedError,
    TicketError,
    TooManyAttemptsError,
)
from crmkit.core.content.errors import ContentTooLargeError
from crmkit.core.errors import (
    ConfigurationError,
    ConflictError,
    CrmkitError,
    DatabaseFullError,
    DatabaseUnreachableError,
    DeclarationError,
    FieldProblem,
    ForbiddenError,
    HiddenProblem,
    MissingExtraError,
    NotFoundError,
    StaleError,
    StatementRefusedError,
    TryAgainError,
    UnknownEntityError,
    UnknownFieldError,
    ValidationError,
)
from crmkit.core.explaining.explain import UnknownVerbError
from crmkit.core.flow.periods import ReportError
from crmkit.core.hook_answers import HookAnswerError
from crmkit.core.hooks import HookFailedError
from crmkit.core.inbound.errors import SignatureError
from crmkit.core.migrating.errors import NotMigratedError, PluginParkedError, RevisionsMissingError
from crmkit.core.pipelines import Refusal
from crmkit.core.plugins import PluginError
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.reading.limits import LimitError
from crmkit.core.reading.measures import MeasureError
from crmkit.core.reading.ordering import CursorError, OrderError
from crmkit.core.rules.errors import RuleError
from crmkit.core.searching.asking import SearchTextError
from crmkit.core.side_doors import SideDoorError
from crmkit.core.text import Text, translate
from crmkit.core.writing.life import WriteRefusedError
from crmkit.core.writing.writer import WriterBrokenError
from crmkit.rest.errors import (
    BrokenError,
    MethodError,
    NothingHereError,
    OverloadedError,
    RefusedItemError,
    RequestError,
    TooManyRequestsError,
    UnavailableError,
)
from crmkit.rest.replies import PROBLEM, Reply, encoded

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["described", "is_refusal", "problem_of", "status_of"]

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())


_STATUS: Mapping[type[CrmkitError], int] = {
    UnknownFieldError: 400,
    RuleError: 400,
    OrderError: 400,
    CursorError: 400,
    LimitError: 400,
    SearchTextError: 400,
    MeasureError: 400,
    ReportError: 400,
    UnknownVerbError: 400,
    NotSignedInError: 401,
    SecondFactorNeededError: 401,
    SignInRefusedError: 401,
    InactiveUserError: 401,
    SignatureError: 401,
    ForbiddenError: 403,
    NothingHereError: 404,
    ConflictError: 409,
    TicketError: 410,
    StaleError: 412,
    ContentTooLargeError: 413,
    TooManyAttemptsError: 429,
    HookFailedError: 500,
    MissingExtraError: 501,
    ProviderError: 502,
    TryAgainError: 503,
    DatabaseFullError: 507,
}
# What is told in these words alone: the words of the error are for whoever runs the server.
_TOLD_AS: Mapping[type[Exception], Callable[[], CrmkitError]] = {
    NotFoundError: NothingHereError,
    UnknownEntityError: NothingHereError,
    DatabaseUnreachableError: UnavailableError,
    NotMigratedError: UnavailableError,
    RevisionsMissingError: UnavailableError,
    PluginParkedError: UnavailableError,
    **dict.fromkeys(
        (
            ConfigurationError,
            DeclarationError,
            HookAnswerError,
            PluginError,
            SideDoorError,
            StatementRefusedError,
            WriterBrokenError,
        ),
        BrokenError,
    ),
}
# What the rules of a company, of plugins and of fields do not accept.
_UNACCEPTABLE = 422
_PREFIX = "urn:crmkit:problem:"


def problem_of(call: Call | None, error: Exception) -> Reply:
    """Return the answer that tells of *error*, which the request *call* ended with."""
    told = _told(error)
    if isinstance(told, BrokenError):
        request = call.request_id if call else "-"
        _log.error("request %s: %s", request, type(error).__name__, exc_info=error)
    locale = (call.locale or call.crm.config.company.locale) if call else None
    body = described(told, locale)
    return Reply(body["status"], encoded(body), PROBLEM, _headers(told, body["status"]))


def described(error: CrmkitError, locale: str | None) -> dict[str, Any]:
    """Return the problem that tells of *error* in the language *locale*."""
    if isinstance(error, RefusedItemError):
        return {**described(error.error, locale), "index": error.index}
    told = _told(error)
    body: dict[str, Any] = {
        "type": f"{_PREFIX}{told.code}",
        "title": told.code.replace("-", " ").capitalize(),
        "status": status_of(told),
        "detail": told.localized(locale),
    }
    if errors := list(_errors(told, locale)):
        body["errors"] = errors
    return {**body, **_further(told, locale)}


def is_refusal(error: CrmkitError) -> bool:
    """Return whether whoever asks can mend *error*: it is neither the server's nor the database's."""
    return status_of(_told(error)) < 500


def status_of(error: CrmkitError) -> int:
    """Return the status of an answer that tells of *error*."""
    if isinstance(error, RequestError):
        return error.status
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), _UNACCEPTABLE)


def _told(error: Exception) -> CrmkitError:
    """Return what may be told of *error*: itself, or what stands for it."""
    for kind in type(error).__mro__:
        if kind in _TOLD_AS:
            return _TOLD_AS[kind]()
    return error if isinstance(error, CrmkitError) else BrokenError()


def _errors(error: CrmkitError, locale: str | None) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with each field, or with each record of a batch by its place."""
    if isinstance(error, ValidationError):
        batch = len(error.by_index) > 1 or error.index > 0
        for index, problems in error.by_index.items():
            for problem in problems:
                yield {**({"index": index} if batch else {}), **_field_error(problem, locale)}
    elif isinstance(error, WriteRefusedError):
        for _plugin, refused in error.problems:
            place = {"index": refused.index} if refused.index else {}
            yield {
                **place,
                "field": refused.field or "",
                "problem": "refused",
                "message": translate(refused.message, locale),
            }
    elif isinstance(error, UnknownFieldError):
        yield {"field": error.facts["field"], "problem": "unknown", "message": error.localized(locale)}


def _field_error(problem: FieldProblem, locale: str | None) -> dict[str, Any]:
    facts, message = problem.facts, problem.localized(locale)
    if not isinstance(problem, HiddenProblem):
        shown = {name: translate(fact, locale) if isinstance(fact, Text) else fact for name, fact in facts.items()}
        message = translate(facts["message"], locale).format_map(shown)
    return {"field": facts["field"], "problem": facts["problem"], "message": message}


def _further(error: CrmkitError, locale: str | None) -> dict[str, Any]:
    """Return what programs are told beside the sentence."""
    if isinstance(error, Refusal):
        facts = error.facts
        return {
            "stage": facts["target"],
            "allowed": facts["allowed"],
            "missing": facts["missing"],
            "guards": [translate(each, locale) for each in (*facts["guards"], *facts["problems"])],
            "approvals": [each.localized(locale) for each in facts["approvals"]],
        }
    if isinstance(error, RuleError) and error.line is not None:
        return {"line": error.line, "column": error.column}
    if isinstance(error, SecondFactorNeededError):
        return {"methods": error.facts["methods"]}
    return {}


def _headers(error: CrmkitError, status: int) -> dict[str, str]:
    if status == 401:
        return {"www-authenticate": "Bearer"}
    if isinstance(error, MethodError):
        return {"allow": error.allowed}
    if isinstance(error, TooManyRequestsError | TooManyAttemptsError | OverloadedError):
        return {"retry-after": str(error.seconds)}
    return {"retry-after": "1"} if status == 503 else {}
