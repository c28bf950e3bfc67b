"""Logs: what stands in a line, what never does, and that both hold for every way in which somebody may log."""

import io
import json
import logging
import subprocess
import sys
from contextlib import ExitStack

import pytest
import structlog

from crmkit import NotFoundError, Record, entity, field, translator
from crmkit.core.configuration.config import Log
from crmkit.core.errors import DatabaseUnreachableError, MissingExtraError
from crmkit.observing import logs
from crmkit.observing.log_context import TraceParent, logging_about
from crmkit.observing.redacting import Redactor, personal_names
from crmkit.testing import plugin

_ = translator("tests")
_log = logging.getLogger("acme.calls")
# Not where the code that fails can be quoted.
SURNAME = "".join(["Snel", "ling"])


@entity("acme.caller", label=_("Caller"))
class Caller(Record):
    surname: str = field(personal=True, purpose=_("Calling back"))
    city: str | None = field(default=None)


@pytest.fixture
def write():
    """Have the block log into a stream, and return that."""
    with ExitStack() as stack:

        def write(*log, personal=()):
            stream = io.StringIO()
            stack.enter_context(logs.logs_set_up(Log(*log), personal=personal, stream=stream))
            return stream

        yield write
        structlog.reset_defaults()


@pytest.fixture
def written(write):
    """Return the lines that are written as JSON from now on."""
    stream = write("json", personal={"surname", "email"})
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_says_when_where_how_bad_and_what(written):
    _log.warning("%d calls were missed", 3)

    (line,) = written()

    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "warning", "logger": "acme.calls", "event": "3 calls were missed"}


def test_line_has_the_facts_of_what_it_belongs_to(written):
    with logging_about(request_id="r1", trace_id=None), logging_about(job="acme.count"):
        _log.info("one", extra={"calls": 3})
        structlog.get_logger("acme").info("two", calls=4)
    _log.info("three")

    one, two, three = written()

    assert (one["request_id"], one["job"], one["calls"]) == ("r1", "acme.count", 3)
    assert (two["request_id"], two["job"], two["calls"], two["logger"]) == ("r1", "acme.count", 4, "acme")
    assert "trace_id" not in one
    assert "request_id" not in three


SECRETS = [
    "password=hunter2hunter2",
    'the body was {"password": "hunter2hunter2"}',
    "Authorization: Bearer hunter2hunter2",
    "bearer hunter2hunter2",
    "postgresql://crm:hunter2hunter2@localhost/crm",
    "whsec_hunter2hunter2hunter2",
    "crmkit_hunter2hunter2hunter2",
    "eyJhbGciOi.hunter2hunter2.c2lnbmF0dXJl",
    "client_secret: hunter2hunter2",
    "cookie=session-hunter2hunter2; other=1",
    "x-api-key=hunter2hunter2",
    "wrote to hunter2@hunter2.example",
    "wrote to 张.hunter2@例子.example",
    "called +49 (170) hunter2".replace("hunter2", "123 45 67"),
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_addresses_and_numbers_are_in_no_line(written, text):
    _log.info(text)
    _log.info("it was %s", text)
    _log.info("told", extra={"said": text, "more": {"deep": [text]}})
    structlog.get_logger("acme").info("told", said=text)
    try:
        raise ValueError(text)
    except ValueError:
        _log.exception("failed")

    shown = json.dumps(written(), ensure_ascii=False)

    assert "hunter2" not in shown
    assert "123 45 67" not in shown


@pytest.mark.parametrize(
    "name", ["password", "new_password", "api_key", "Authorization", "csrf_token", "surname", "acme.surname"]
)
def test_what_is_called_like_a_secret_or_personal_data_is_left_out_whatever_it_is(written, name):
    structlog.get_logger("acme").info("told", **{name: SURNAME})
    _log.info("told", extra={name: SURNAME, "values": {name: SURNAME}})

    assert SURNAME not in json.dumps(written())


def test_harmless_words_stay(written):
    text = (
        "the compass points north: 12 tokens, 3@ each, at 2026-11-26T10:00:00+00:00, of sales.deal 01a21a4f-a6ca-72d6"
    )
    _log.info(text)

    assert written()[0]["event"] == text


def test_record_is_named_by_its_id_alone(written):
    caller = Caller(surname=SURNAME, city="Delft")
    _log.info("called by %s", caller)
    structlog.get_logger("acme").info("called", caller=caller)

    one, two = written()

    assert one["event"] == f"called by Caller {caller.id}"
    assert two["caller"] == f"Caller {caller.id}"


def test_error_says_what_failed_and_not_which_value(written):
    try:
        try:
            int(SURNAME)
        except ValueError as error:
            raise NotFoundError("acme.caller", SURNAME) from error
    except NotFoundError:
        _log.exception("failed")

    (line,) = written()

    assert SURNAME not in json.dumps(line)
    assert "NotFoundError (not-found): acme.caller: there is no record …." in line["exception"]
    assert "ValueError: invalid literal for int() with base 10: '…'" in line["exception"]
    assert "test_error_says_what_failed" in line["exception"]


def test_what_runs_wrong_outside_is_told_to_who_has_to_mend_it(written):
    _log.error("%s", DatabaseUnreachableError("connection to localhost refused, password=hunter2"))

    assert "connection to localhost refused, password=[redacted]" in written()[0]["event"]


def test_values_in_a_failed_statement_are_not_told(written, make_crm):
    crm = make_crm(plugin("acme", entities=[Caller]))
    try:
        with crm.storage.writing() as connection:
            connection.exec_driver_sql("INSERT INTO acme_caller (id, surname) VALUES (?, ?)", (b"1", SURNAME))
    except Exception:
        _log.exception("failed")

    line = written()[-1]

    assert "IntegrityError" in line["exception"]
    assert SURNAME not in json.dumps(line)


def test_personal_names_are_those_that_plugins_declare(make_crm):
    names = personal_names(make_crm(plugin("acme", entities=[Caller])).registry)

    assert {"surname", "email"} <= names
    assert "city" not in names


def test_lines_for_people_are_as_careful(write):
    stream = write("console", personal={"surname"})
    with logging_about(request_id="r1"):
        _log.warning("wrote to anna@example.com", extra={"surname": SURNAME})

    shown = stream.getvalue()

    assert "wrote to [e-mail]" in shown
    assert "request_id=r1" in shown
    assert SURNAME not in shown
    assert not shown.startswith("{")


def test_without_structlog_lines_are_plain_and_as_careful(write, monkeypatch):
    monkeypatch.setattr(logs, "find_spec", lambda name: None)
    stream = write("auto")
    with logging_about(request_id="r1"):
        _log.warning("%d letters to %s", 2, "anna@example.com")
        try:
            int(SURNAME)
        except ValueError:
            _log.exception("failed")

    shown = stream.getvalue()

    assert "WARNING  acme.calls: 2 letters to [e-mail] request_id=r1" in shown
    assert "ValueError: invalid literal" in shown
    assert SURNAME not in shown
    with pytest.raises(MissingExtraError):
        write("json")


def test_what_was_set_up_before_is_again_there_afterwards():
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with logs.logs_set_up(Log("json", "debug"), stream=io.StringIO()):
        assert (list(root.handlers), root.level) != before
    assert (list(root.handlers), root.level) == before


def test_level_says_what_is_logged(write):
    stream = write("json", "warning")
    _log.info("unheard")
    _log.warning("heard")

    assert "unheard" not in stream.getvalue()
    assert "heard" in stream.getvalue()


def test_redacting_twice_changes_nothing():
    redactor = Redactor()
    for text in SECRETS:
        once = redactor.text(text)
        assert redactor.text(once) == once


def test_trace_is_taken_over_from_what_w3c_allows():
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

    assert TraceParent.parse(f"00-{trace}-{span}-01") == TraceParent(trace, span, True)
    assert TraceParent.parse(f"cc-{trace}-{span}-00-what") == TraceParent(trace, span, False)
    for header in (
        None,
        "",
        f"ff-{trace}-{span}-01",
        f"00-{trace}-{span}-01-more",
        f"00-{'0' * 32}-{span}-01",
        f"00-{trace}-{'0' * 16}-01",
        f"00-{trace.upper()}-{span}-01",
        f"00-{trace}-{span}",
    ):
        assert TraceParent.parse(header) is None


def test_nothing_of_it_is_loaded_before_it_is_asked_for():
    heavy = "{'structlog', 'prometheus_client', 'opentelemetry'}"
    asked = f"import crmkit, crmkit.cli, sys; print({heavy} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "set()\n"
