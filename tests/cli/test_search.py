"""``crmkit search``: what is found is shown with where it stands, to people and to programs."""

import json

import pytest


@pytest.fixture
def users(crmkit, project):
    crmkit("shell", "-c", "with write() as db: db.create_many([User(name=n) for n in ('Ada Lovelace', 'Zoë Ada 王')])")


def test_hits_are_shown_best_first_with_the_text_in_which_words_stand(crmkit, users):
    shown = crmkit("search", "ada").stdout.splitlines()
    assert shown[0].startswith("core.user  Ada")
    assert [line.strip() for line in shown[1::2]] == ["Ada Lovelace", "Ada Winter", "Zoë Ada 王"]
    assert crmkit("search", "nosuch").stdout == ""


def test_programs_get_marks_and_the_cursor_of_the_next_page(crmkit, users):
    page = crmkit("search", "ada", "--entity", "core.user", "--limit", "2", "--json").json
    assert [(hit["title"], hit["rank"], hit["snippet"]["marks"]) for hit in page["hits"]] == [
        ("Ada Lovelace", 1, [[0, 3]]),
        ("Ada Winter", 1, [[0, 3]]),
    ]
    following = crmkit("search", "ada", "--entity", "core.user", "--after", page["next"], "--json").json
    assert [hit["title"] for hit in following["hits"]] == ["Zoë Ada 王"]
    assert following["next"] is None
    assert "--after" in crmkit("search", "ada", "--limit", "1").stdout


def test_what_words_are_found_by_is_made_anew(crmkit, users):
    assert crmkit("search", "--rebuild", "--json").json["records"] > 2
    assert crmkit("verify").exit_code == 0
    assert json.loads(crmkit("search", "王", "--json").stdout)["hits"][0]["title"] == "Zoë Ada 王"


@pytest.mark.parametrize("arguments", [(), ("ada", "--rebuild")])
def test_it_is_one_or_the_other(crmkit, project, arguments):
    crmkit("search", *arguments, code=2)


@pytest.mark.long
def test_a_misspelt_entity_is_refused(crmkit, project):
    assert "core.user" in crmkit("search", "ada", "--entity", "core.usr", code=1).stderr
