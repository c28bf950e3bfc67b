import pytest


@pytest.fixture
def sales(crmkit, project):
    crmkit("user", "create", "Ben")
    return "core.team/" + crmkit("team", "create", "Sales", "--json").json["id"]


def test_records_are_shared_listed_and_taken_back(crmkit, sales):
    shared = crmkit("share", sales, "--user", "Ben", "--level", "write", "--until", "2999-12-31", "--json").json
    assert [(row["record"], row["user"], row["level"]) for row in shared] == [("Sales", "Ben", "write")]
    assert shared[0]["ends_at"].startswith("3000-01-01T00:00:00")
    crmkit("share", sales, "--team", "Sales")
    assert [row["team"] for row in crmkit("shares", sales, "--json").json] == [None, "Sales"]
    assert [row["user"] for row in crmkit("shares", sales, "--as", "Ben", "--json").json] == ["Ben"]

    assert crmkit("unshare", sales, "--user", "Ben", "--json").json == {"ended": 1}
    assert [row["user"] for row in crmkit("shares", sales, "--json").json] == [None]


def test_share_needs_one_holder_and_an_end_that_is_a_moment_to_come(crmkit, sales):
    crmkit("share", sales, code=2)
    crmkit("share", sales, "--user", "Ben", "--team", "Sales", code=2)
    for end, code in (("tomorrow", "no-moment"), ("2999-12-31T10:00", "no-moment"), ("2001-01-01", "validation")):
        assert crmkit("share", sales, "--user", "Ben", "--until", end, "--json", code=1).error["code"] == code


def test_whoever_may_not_share_shares_nothing(crmkit, sales):
    error = crmkit("share", sales, "--user", "Ben", "--as", "Ben", "--json", code=1).error
    assert error["code"] == "forbidden"
