"""Calendars on the command line: out, and in again."""

from pathlib import Path

import pytest

FAIR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:fair@example.org
DTSTART;VALUE=DATE:20991204
SUMMARY:Fair
END:VEVENT
BEGIN:VEVENT
UID:hourly@example.org
DTSTART:20260504T080000Z
RRULE:FREQ=HOURLY
SUMMARY:Bell
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def ready(crmkit, enable):
    enable("workspace")
    crmkit("db", "apply")
    crmkit("user", "assign", "Ada Winter", "workspace.member")


@pytest.mark.long
def test_calendar_comes_in_and_goes_out(crmkit, ready):
    Path("fair.ics").write_text(FAIR)
    done = crmkit("workspace", "import-calendar", "fair.ics", "--json", code=1).json
    assert (done["made"], [each["title"] for each in done["refused"]]) == (1, ["Bell"])
    assert "Bell: " in crmkit("workspace", "import-calendar", "fair.ics", code=1).stdout

    period = ("--from", "2099-12-01", "--to", "2099-12-31")
    assert "1 events and 0 tasks" in crmkit("workspace", "export-calendar", "mine.ics", *period).stdout
    assert "DTSTART;VALUE=DATE:20991204" in Path("mine.ics").read_text()
    assert crmkit("workspace", "import-calendar", "mine.ics", "--json").json["unchanged"] == 1


def test_file_that_is_no_calendar_is_named_as_such(crmkit, ready):
    Path("no.ics").write_text("hello")
    assert "[calendar-file]" in crmkit("workspace", "import-calendar", "no.ics", code=1).stderr
