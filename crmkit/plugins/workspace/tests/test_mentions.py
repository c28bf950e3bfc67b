from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from crmkit import Grant, Owned, User, entity, field, translator
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Comment

_ = translator("tests")


@entity("ranch.horse", label=_("Horse"))
class Horse(Owned):
    name: str = field()


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", plugin("ranch", entities=[Horse]), clock=clock, database=database)


@pytest.fixture
def user(people):
    def user(name, *roles, **more):
        return people.user(name, roles=["workspace.member", *(roles or ["ranch.everything"])], **more)

    return user


@pytest.fixture
def anna(user):
    return user("Anna")


@pytest.fixture
def horse(crm, anna):
    with crm.write(anna) as db:
        return db.create(Horse(name="Blaze"))


@pytest.fixture
def told(crm, worker):
    def told(principal):
        worker.run_until_idle()
        with crm.read(principal) as db:
            return [each.kind for each in services.unread(db)]

    return told


def found(db, text):
    return [(text[m.start : m.end], m.user and m.user.name) for m in services.mentions(db, text)]


@both_databases
@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("@Bo, please", [("@Bo", "Bo")]),
        ("(@bo)", [("@bo", "Bo")]),
        ("@Bo Berg knows", [("@Bo Berg", "Bo Berg")]),
        ("@Bo\nBerg", [("@Bo", "Bo")]),
        ("请@王芳看一下", [("@王芳", "王芳")]),
        ("@王芳@Bo", [("@王芳", "王芳"), ("@Bo", "Bo")]),
        ("@Bob", [("@Bob", None)]),
        ("@Bo看", [("@Bo", "Bo")]),
        (r"\@Bo and bo@Bo and a.b@Bo", []),
        ("@@Bo", []),
        ("@ Bo", []),
        ("@[nonsense]", [("@", None)]),
        ("@Ali", [("@Ali", None)]),
    ],
)
def test_mention_is_the_longest_name_that_stands_there(crm, anna, user, text, mentioned):
    for name in ("Bo", "Bo Berg", "王芳", "Ali", "ALI"):
        user(name)
    with crm.read(anna) as db:
        assert found(db, text) == mentioned


def test_name_of_several_is_ambiguous_and_an_id_is_not(crm, anna, user):
    one, _other = user("Bo"), user("Bo")
    text = f"@Bo, that is @[{one.user_id}]"
    with crm.read(anna) as db:
        first, second = services.mentions(db, text)

    assert (first.user, first.is_ambiguous) == (None, True)
    assert (second.user.id, second.is_ambiguous) == (one.user_id, False)


def test_hidden_user_answers_as_one_who_does_not_exist(crm, people, user):
    people.role("alone", [Grant("core.user", ["read"], "id == me()")])
    desk = people.user("Desk", roles=["alone", "workspace.member"], member=False)
    bo = user("Bo")
    with crm.read(desk) as db:
        assert found(db, f"@Bo @No @[{bo.user_id}]") == [("@Bo", None), ("@No", None), (f"@[{bo.user_id}]", None)]


def test_somebody_who_left_is_not_mentioned(crm, anna, user):
    bo = user("Bo")
    with crm.system("test") as db:
        db.update(db.get(User, bo.user_id), is_active=False)
    with crm.read(anna) as db:
        assert found(db, f"@Bo @[{bo.user_id}]") == [("@Bo", None), (f"@[{bo.user_id}]", None)]


@given(st.text(st.sampled_from("@Bo [](\\王-a1\n.\x00𝒳"), max_size=80))
def test_mentions_stand_where_they_say_and_never_overlap(text):
    class Nobody:
        def find(self, *_args, **_more):
            return []

        def get_many(self, *_args):
            return {}

    ends = 0
    for mention in services.mentions(Nobody(), text):
        assert text[mention.start] == "@"
        assert ends <= mention.start < mention.end <= len(text)
        ends = mention.end


@both_databases
def test_mention_is_told_once_for_each_comment_also_when_it_is_edited(crm, anna, user, horse, told):
    bo, mei = user("Bo"), user("梅")
    with crm.write(anna) as db:
        comment = services.comment(db, horse, "Ask @Bo and @Bo")
    assert (told(bo), told(mei), told(anna)) == (["mention"], [], [])

    with crm.write(bo) as db:
        db.delete_many(services.unread(db))
    with crm.write(anna) as db:
        db.update(db.get(Comment, comment.id), body="Ask @Bo, or @梅")
    assert (told(bo), told(mei)) == ([], ["mention"])
    with crm.write(anna) as db:
        services.comment(db, horse, "@Bo again")
    assert told(bo) == ["mention"]


def test_owner_who_is_mentioned_is_told_of_that_alone(crm, anna, user, horse, told):
    with crm.write(user("Bo")) as db:
        services.comment(db, horse, "Well done, @Anna")

    assert told(anna) == ["mention"]


@both_databases
def test_who_may_not_see_the_record_is_not_told_and_the_author_is_if_they_may_share_it(crm, anna, user, horse, told):
    eve = user("Eve", "workspace.viewer")
    with crm.write(anna) as db:
        services.comment(db, horse, "Ask @Eve")
    assert told(eve) == []
    assert told(anna) == ["mention_missed"]
    with crm.read(anna) as db:
        assert services.wording(db, services.unread(db)) == [
            "Eve was not told that you mentioned them: they may not see Horse “Blaze”."
        ]

    with crm.write(anna) as db:
        db.share(horse, user=eve.user_id)
    assert told(eve) == []


def test_author_who_may_not_share_the_record_is_not_told_who_may_not_see_it(crm, people, user, horse, told):
    people.role("groom", [Grant("ranch.horse", ["read"], "all")])
    groom, eve = user("Groom", "groom"), user("Eve", "workspace.viewer")
    with crm.write(groom) as db:
        services.comment(db, horse, "Ask @Eve")

    assert (told(eve), told(groom)) == ([], [])
