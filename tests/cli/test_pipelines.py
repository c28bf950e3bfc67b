"""``crmkit pipeline`` and ``crmkit approval``: what administrators and approvers do with them."""

import json

import pytest


@pytest.fixture
def sales(crmkit, project, enable):
    enable("customers", "commerce", "sales")
    crmkit("db", "apply")
    return project


def edit(crmkit, change):
    definition = crmkit("pipeline", "show", "sales.default", "--json").json
    change(definition)
    return json.dumps(definition)


@pytest.mark.long
def test_pipelines_are_listed_and_shown(crmkit, sales):
    rows = crmkit("pipeline", "list", "--json").json
    assert [(row["pipeline"], row["version"]) for row in rows] == [("sales.default", 1), ("sales.leads", 1)]
    assert "Sales, version 1" in crmkit("pipeline", "show", "sales.default").stdout
    assert "sales.default, sales.leads" in crmkit("pipeline", "show", "sales.nosuch", code=1).stderr


def test_pipeline_is_drafted_checked_and_published(crmkit, sales):
    def rename(definition):
        definition["stages"][1]["label"] = "Talking"

    drafted = crmkit("pipeline", "draft", "-", "--note", "Plain words", "--json", input=edit(crmkit, rename)).json
    assert (drafted["version"], drafted["published_at"]) == (1000, None)
    assert crmkit("pipeline", "check", "sales.default", "--json").json["renamed"] == ["engaging"]
    assert "Renamed stages: engaging" in crmkit("pipeline", "check", "sales.default").stdout
    crmkit("pipeline", "publish", "sales.default")
    assert crmkit("pipeline", "list", "--json").json[0]["version"] == 1000
    assert [row["note"] for row in crmkit("pipeline", "versions", "sales.default", "--json").json] == ["Plain words"]
    assert crmkit("pipeline", "carry-over", "sales.default", "--all", "--now", "--json").json == {
        "moved": 0,
        "pinned": 0,
        "left": 0,
    }
    lanes = crmkit("pipeline", "funnel", "sales.default", "--amount", "amount", "--json").json
    assert (lanes["version"], lanes["stages"][1]["label"]) == (1000, "Talking")


@pytest.mark.long
def test_draft_that_cannot_be_is_refused_and_a_draft_can_be_discarded(crmkit, sales):
    def spoil(definition):
        definition["moves"][0]["guards"] = [{"rule": "amount >"}]

    message = "moves[0].guards[0]: Rule, column 9: it ends too early"
    assert message in crmkit("pipeline", "draft", "-", input=edit(crmkit, spoil), code=1).stderr
    assert "no JSON" in crmkit("pipeline", "draft", "-", input="{", code=2).stderr
    assert "'a' is no OLD=NEW" in crmkit("pipeline", "draft", "-", "--map", "a", input="{}", code=2).stderr
    crmkit("pipeline", "draft", "-", input=edit(crmkit, lambda definition: None))
    crmkit("pipeline", "discard", "sales.default")
    assert "there is no record 'sales.default'" in crmkit("pipeline", "publish", "sales.default", code=1).stderr


def test_flow_is_told_of_a_day(crmkit, sales):
    found = crmkit("pipeline", "funnel", "sales.default", "--at", "2026-03-01", "--json").json
    assert found["count"] == 0
    assert found["at"].startswith("2026-03-02T00:00:00")
    assert "neither a day" in crmkit("pipeline", "funnel", "sales.default", "--at", "soon", code=2).stderr
    assert crmkit("pipeline", "times", "sales.default", "--by", "owner", "--json").json == []
    assert len(crmkit("pipeline", "conversion", "sales.default", "--months", "3", "--json").json) == 3


def test_approvals_that_are_not_there_are_not_found(crmkit, sales):
    assert crmkit("approval", "list", "--json").json == []
    for verb in ("approve", "reject"):
        assert "there is no record 'x'" in crmkit("approval", verb, "x", code=1).stderr
