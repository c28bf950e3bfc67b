"""One request, as the handler of a door sees it: without a web framework, in a thread of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec

from crmkit.auth import NotSignedInError
from crmkit.core.crm import CRM
from crmkit.core.errors import TryAgainError
from crmkit.core.policy.principal import Principal
from crmkit.core.reading.reader import Reader
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.errors import BodyError, MediaTypeError, QueryError
from crmkit.rest.idempotency import Once

if TYPE_CHECKING:
    from crmkit.rest.doors import Door
    from crmkit.rest.forms import Form
    from crmkit.rest.identities import Identity
    from crmkit.rest.replies import Reply
    from crmkit.rest.surface import Surface

__all__ = ["Call"]

S = TypeVar("S", bound=msgspec.Struct)
D = TypeVar("D", bound=Reader)
_CAUSE = "rest"
_MOST_PARAMETERS = 200
# How often a change that collided with others is made anew before the client is told to do so.
_TRIES = 12


@attrs.define(eq=False)
class Call:
    """One request.

    *parameters* are those of the path, names of *headers* stand in lower case. The *identity* is known by the time the
    handler is called, unless the door is public. *locale* is the language in which the sender is told what is wrong.
    Where the door takes a *file*, or a *form* was sent, the body is its SHA-256. *admission* has the headers
    that tell how much the sender may still ask, once they are let in. If it *is_use*, a session idles no more.
    """

    surface: Surface
    door: Door
    path: str
    parameters: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str
    request_id: str
    identity: Identity | None = None
    #: The number that the policy had when the identity was found, if that was at an earlier request.
    recalled_at: int | None = None
    locale: str | None = None
    is_use: bool = True
    file: IO[bytes] | None = None
    form: Form | None = None
    admission: Mapping[str, str] | None = None

    @property
    def crm(self) -> CRM:
        """The CRM that is asked."""
        return self.surface.crm

    @property
    def principal(self) -> Principal:
        """Who asks.

        Raises:
            NotSignedInError: the door is public, so that this is not known.
        """
        if self.recalled_at is not None:
            self._identify_anew()
        return self._sender

    @property
    def _sender(self) -> Principal:
        """Who asks, perhaps as they are remembered."""
        if self.identity is None:
            raise NotSignedInError
        return self.identity.principal

    def _identify_anew(self) -> None:
        self.recalled_at = None
        self.identity = self.surface.identify(self)

    @contextmanager
    def _opened(self, opening: Callable[[Principal], AbstractContextManager[D]]) -> Iterator[D]:
        """Give a reader or writer of whoever asks: of what is remembered of them only while the policy is the same."""
        with ExitStack() as stack:
            db = stack.enter_context(opening(self._sender))
            if self.recalled_at not in (None, db.access.epoch):
                stack.close()
                self._identify_anew()
                db = stack.enter_context(opening(self._sender))
            self.locale = db.access.locale
            yield db

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Give a reader for the principal."""
        with self._opened(self.crm.read) as db:
            yield db

    def write(self, work: Callable[[Writer], Reply]) -> Reply:
        """Return the answer that *work* gives; it is done in one transaction, and once for an ``Idempotency-Key``.

        After a collision with others it is done anew from the beginning.

        Raises:
            KeyReusedError, KeyInUseError: the key belongs to another request, or the same is being answered.
            TryAgainError: it collided again and again.
        """
        key, user = self.headers.get("idempotency-key"), self._sender.user_id
        if key is None or user is None:
            return self._written(work)
        once = Once(self, user, key)
        with once.alone():
            return self._written(lambda db: once.answer(db, work))

    def _written(self, work: Callable[[Writer], Reply]) -> Reply:
        writing = partial(self.crm.write, cause=_CAUSE, request_id=self.request_id)
        for tried in range(1, _TRIES + 1):
            try:
                with self._opened(writing) as db:
                    return work(db)
            except TryAgainError:
                if tried == _TRIES:
                    raise
                time.sleep(random.uniform(0, min(0.5, 0.002 * 2**tried)))
        raise AssertionError("the last try returns or raises")

    @cached_property
    def arguments(self) -> list[tuple[str, str]]:
        """The parameters of the query, in their order.

        Raises:
            QueryError: it cannot be decoded.
        """
        try:
            return parse_qsl(self.query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
        except ValueError:
            raise QueryError("?", _("the query cannot be decoded")) from None

    def json(self, *media_types: str) -> Any:
        """Return the body as JSON; it may be of the type ``application/json`` or of one of *media_types*.

        Raises:
            MediaTypeError: it is said to be of another type.
            BodyError: it is no JSON.
        """
        accepted = ("application/json", *media_types)
        given = self.headers.get("content-type", accepted[0]).partition(";")[0].strip().lower()
        if given not in accepted:
            raise MediaTypeError(given, ", ".join(accepted))
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BodyError(_("it is no JSON ({said})"), said=str(error)[:200]) from None

    def read(self, form: type[S]) -> S:
        """Return the body as an instance of *form*.

        Raises:
            MediaTypeError: it is said to be no JSON.
            BodyError: it is no JSON, or not of this form.
        """
        try:
            return msgspec.convert(self.json(), form)
        except msgspec.ValidationError as error:
            raise BodyError(_("{said}"), said=str(error)[:400]) from None

    def read_query(self, form: type[S]) -> S:
        """Return the query as an instance of *form*.

        Raises:
            QueryError: a parameter is unknown, missing or given twice, or its value is not accepted.
        """
        given = dict(self.arguments)
        if len(given) < len(self.arguments):
            raise QueryError("?", _("a parameter is given twice"))
        try:
            asked = msgspec.convert(given, form, strict=False)
        except msgspec.ValidationError as error:
            raise QueryError("?", _("{said}"), said=str(error)[:400]) from None
        # Without being strict, msgspec takes the word null for no value.
        if empty := next((name for name in given if getattr(asked, name) is None), None):
            raise QueryError(empty, _("leave it out where there is no value"))
        return asked
