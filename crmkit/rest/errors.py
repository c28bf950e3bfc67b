"""What is wrong with a request itself, before anybody is asked about records."""

from __future__ import annotations

from typing import Any, ClassVar

from crmkit.core.errors import CrmkitError, NotFoundError
from crmkit.core.text import Text, gettext as _

__all__ = [
    "BodyError",
    "BodyTooLargeError",
    "BrokenError",
    "HostError",
    "MediaTypeError",
    "MethodError",
    "NothingHereError",
    "OverloadedError",
    "PreconditionFailedError",
    "PreconditionMissingError",
    "QueryError",
    "RefusedItemError",
    "RequestError",
    "SiteError",
    "TooManyRequestsError",
    "UnavailableError",
]


class RequestError(CrmkitError):
    """What is wrong with a request; *status* is that of the answer."""

    status: ClassVar[int] = 400


class BodyError(RequestError):
    """The body of a request is no JSON, or not of the form that is expected."""

    code = "malformed-body"
    template = _("The body cannot be read: {reason}")

    def __init__(self, reason: Text, **facts: Any) -> None:
        """Give the *reason*."""
        super().__init__(reason=reason, **facts)


class BodyTooLargeError(RequestError):
    """The body of a request is larger than this server takes."""

    code = "body-too-large"
    status = 413
    template = _("The body is larger than {most} bytes.")

    def __init__(self, most: int) -> None:
        """Say how many bytes it may have."""
        super().__init__(most=most)


class MediaTypeError(RequestError):
    """The body of a request is of a media type that is not read here."""

    code = "media-type"
    status = 415
    template = _("A body of the type {given!r} is not read here; send {accepted}.")

    def __init__(self, given: str, accepted: str) -> None:
        """Say what is *accepted* in its place."""
        super().__init__(given=given, accepted=accepted)


class QueryError(RequestError):
    """A parameter of the query is unknown, or its value is not accepted."""

    code = "query"
    template = _("{parameter}: {reason}")

    def __init__(self, parameter: str, reason: Text, **facts: Any) -> None:
        """Name the *parameter* and the *reason*."""
        super().__init__(parameter=parameter, reason=reason, **facts)


class RefusedItemError(RequestError):
    """One item of a batch was refused, and with it all of them; it is told as the *error* it is, with its place."""

    code = "refused-item"
    template = _("Item {index}: {reason}")

    def __init__(self, index: int, error: CrmkitError) -> None:
        """Name the place, counted from 0, and the *error*."""
        super().__init__(index=index, reason=error)
        self.error = error


class HostError(RequestError):
    """The request was sent to a host that this server does not stand for."""

    code = "host"
    status = 421
    template = _("This server does not stand for the host that the request names.")


class NothingHereError(NotFoundError):
    """There is nothing at this address for whoever asks: it does not exist, or is not for them, in the same words."""

    template = _("There is nothing here, or nothing that you may see.")

    def __init__(self) -> None:
        """There is nothing to be named."""
        super().__init__("", "")


class MethodError(RequestError):
    """What stands at this address does not take the method."""

    code = "method-not-allowed"
    status = 405
    template = _("Accepted here: {allowed}.")

    def __init__(self, allowed: str) -> None:
        """Name the methods that are *allowed*."""
        super().__init__(allowed=allowed)


class SiteError(RequestError):
    """A session of a browser asked for a change without the secret that only pages of this site know."""

    code = "site"
    status = 403
    template = _("Send the token of your session in the header X-CSRF-Token.")


class PreconditionMissingError(RequestError):
    """A record is to be changed, and the request does not say which version of it was seen."""

    code = "precondition-required"
    status = 428
    template = _("Send the ETag of the record that you have seen in the header If-Match.")


class PreconditionFailedError(RequestError):
    """What If-Match or If-None-Match asks for does not hold; nothing was done."""

    code = "precondition-failed"
    status = 412
    template = _("What If-Match or If-None-Match asks for does not hold: {reason}.")

    def __init__(self, reason: Text) -> None:
        """Give the *reason*."""
        super().__init__(reason=reason)


class TooManyRequestsError(RequestError):
    """Somebody asks more often than the server lets anybody ask."""

    code = "too-many-requests"
    status = 429
    template = _("You have asked {most} times within a minute. Ask again in {seconds} seconds.")

    def __init__(self, most: int, seconds: int) -> None:
        """Say how often one may ask in a minute, and when again."""
        super().__init__(most=most, seconds=seconds)


class OverloadedError(RequestError):
    """More requests wait than the server can answer in time; this one was not begun."""

    code = "overloaded"
    status = 503
    template = _("The server has too much to do. Nothing was done; ask again in {seconds} seconds.")

    def __init__(self, seconds: int) -> None:
        """Say when to ask again."""
        super().__init__(seconds=seconds)


class BrokenError(RequestError):
    """Something in crmkit or a plugin is broken, or the server is not set up as it must be; the log says more."""

    code = "broken"
    status = 500
    template = _("Something is broken here. Whoever runs this server finds it in the log by the id of your request.")


class UnavailableError(RequestError):
    """What the server needs is not there at the moment."""

    code = "unavailable"
    status = 503
    template = _("The server cannot answer at the moment. Ask again in a while.")
