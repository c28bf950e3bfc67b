"""What the doors of signing in have in common: how they are declared, and what they tell of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.auth import factors_of, find_session
from crmkit.core.errors import NotFoundError
from crmkit.core.reading.lists import as_id
from crmkit.core.text import Text
from crmkit.rest.cookies import SESSION, set_cookie
from crmkit.rest.doors import Door, Method, Policy, Protection
from crmkit.rest.openapi.operations import Content, Follows, Operation
from crmkit.rest.origins import check_same_site
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.sign_in.forms import SecondFactor, Session

if TYPE_CHECKING:
    from crmkit.auth.sessions import Open
    from crmkit.rest.calls import Call

__all__ = ["described_session", "held", "id_in", "session_reply", "sign_in_door"]

_ROOT = "/api/v1/sign-in"


def sign_in_door(
    name: str,
    method: Method,
    path: str,
    policy: Policy,
    handler: Callable[[Call], Reply],
    *,
    summary: Text,
    answers: Mapping[int, Content],
    body: Content = None,
    is_kept: bool = False,
    follows: Sequence[Follows] = (),
) -> Door:
    """Return the door *name* at *path* below ``/api/v1/sign-in``; to a public one no other site sends anybody."""
    csrf: Protection = "safe" if method == "GET" else "exempt" if policy == "public" else "checked"

    def guarded(call: Call) -> Reply:
        if csrf == "exempt":
            check_same_site(call)
        return handler(call)

    return Door(
        name=f"sign-in.{name}",
        method=method,
        path=_ROOT + path,
        policy=policy,
        csrf=csrf,
        handler=guarded,
        operation=Operation(
            summary=summary, answers=answers, body=body, tag="sign-in", is_kept=is_kept, follows=follows
        ),
    )


def held(call: Call) -> Open:
    """Return the session with which *call* was sent; the door lets nobody in without one."""
    assert call.identity is not None
    assert call.identity.session is not None
    return call.identity.session


def id_in(call: Call, entity: str) -> UUID:
    """Return the id of a record of *entity* in the path of *call*.

    Raises:
        NotFoundError: it is none.
    """
    reference = call.parameters["record"]
    if (id_ := as_id(reference)) is None:
        raise NotFoundError(entity, reference)
    return id_


def session_reply(call: Call, secret: str, codes: Sequence[str] | None = None) -> Reply:
    """Return what is told of the session with this *secret*, which the cookie of the answer holds.

    *codes* are recovery codes that were made for its holder just now.
    """
    told = described_session(call, find_session(call.crm, secret))
    told.recovery_codes = list(codes) if codes else None
    return json_reply(told, headers={"cache-control": "no-store", **set_cookie(call.crm.config, SESSION, secret)})


def described_session(call: Call, session: Open) -> Session:
    """Return what is told of *session* to its holder."""
    factors = factors_of(call.crm, session.user_id)
    needed = factors.needed and session.assurance != "multiple"
    return Session(
        session_id=session.id,
        user_id=session.user_id,
        user_name=session.user_name,
        csrf_token=session.csrf_token,
        assurance=session.assurance,
        second_factor=SecondFactor(needed, list(factors.methods)),
    )
