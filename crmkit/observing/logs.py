"""Logs: one line for each thing that happened, for people or for machines, with nothing in it that may not stand there.

All code of crmkit, and every library, logs through the standard :mod:`logging`; what is set up here is where lines go
and what they look like. Without the extra ``obs`` they are plain, and just as careful.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from copy import copy
from importlib.util import find_spec
from typing import IO, Any

import msgspec

from crmkit.core.configuration.config import Log
from crmkit.core.errors import MissingExtraError
from crmkit.core.text import gettext as _
from crmkit.observing.log_context import log_context
from crmkit.observing.redacting import Redactor

__all__ = ["logs_set_up", "set_up_logs"]

# What tells at this level what nobody asked for.
_QUIETER = ("alembic", "asyncio", "httpx", "httpcore", "sqlalchemy", "watchfiles")


def set_up_logs(log: Log, *, personal: Collection[str] = (), stream: IO[str] | None = None) -> None:
    """Have everything that is logged from now on written to *stream*, or to standard error.

    *personal* are names of personal data, which are left out. Whatever was set up for the root logger before is ended.

    Raises:
        MissingExtraError: lines are to be JSON, and structlog is not installed.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(log, Redactor(personal), stream))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(log.level.upper())
    for name in _QUIETER:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Warnings name lines of code and are for whoever writes that; in a log they are lines like others.
    logging.captureWarnings(True)


@contextmanager
def logs_set_up(log: Log, *, personal: Collection[str] = (), stream: IO[str] | None = None) -> Iterator[None]:
    """Do as :func:`set_up_logs` does, for as long as the block lasts."""
    names = (None, *_QUIETER)
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    handlers = list(logging.getLogger().handlers)
    set_up_logs(log, personal=personal, stream=stream)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        logging.getLogger().handlers[:] = handlers
        for logger, level in before:
            logger.setLevel(level)


def _formatter(log: Log, redactor: Redactor, stream: IO[str]) -> logging.Formatter:
    as_json = log.format == "json" or (log.format == "auto" and not stream.isatty())
    if find_spec("structlog") is not None:
        return _structured(redactor, stream, as_json=as_json)
    if log.format == "json":
        raise MissingExtraError(_("A log as JSON"), "structlog", "obs")
    return _Plain(redactor)


class _Plain(logging.Formatter):
    """Lines for people, made of what every Python has."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        record = copy(_careful(record, self._redactor))
        record.msg, record.args = self._redactor.text(record.getMessage()), None
        facts = self._redactor.facts(log_context())
        return super().format(record) + "".join(f" {name}={value}" for name, value in facts.items())

    def formatException(self, ei: Any) -> str:
        return self._redactor.traceback(ei[1])


def _careful(record: logging.LogRecord, redactor: Redactor) -> logging.LogRecord:
    """Return *record*, or a copy whose arguments may be put into its message; numbers stay what ``%d`` wants."""
    if not record.args and record.exc_text is None:
        return record
    made = copy(record)
    # What another handler made of the traceback.
    made.exc_text = None
    if isinstance(record.args, tuple):
        made.args = tuple([redactor.value(each) for each in record.args])
    elif record.args:
        made.args = redactor.facts(record.args)
    return made


def _structured(redactor: Redactor, stream: IO[str], *, as_json: bool) -> logging.Formatter:
    import structlog

    def add_context(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, fact in log_context().items():
            event.setdefault(name, fact)
        return event

    def redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        kept = {name: event.pop(name) for name in ("_record", "_from_structlog", "exc_info") if name in event}
        return {**redactor.facts(event), **kept}

    def tell_errors(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        found = event.pop("exc_info", None)
        error = found[1] if isinstance(found, tuple) else found
        if isinstance(error, BaseException):
            event["exception"] = redactor.traceback(error)
        return event

    class Careful(structlog.stdlib.ProcessorFormatter):
        def format(self, record: logging.LogRecord) -> str:
            return super().format(_careful(record, redactor))

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        add_context,
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = structlog.processors.JSONRenderer(_json) if as_json else _console(stream)
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return Careful(foreign_pre_chain=shared, processors=[drop, tell_errors, last])


def _json(event: Any, default: Any) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=default).decode()
    except UnicodeEncodeError:
        # Half of a character, which JSON has an escape for.
        return json.dumps(event, default=default)


def _console(stream: IO[str]) -> Any:
    import structlog

    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
