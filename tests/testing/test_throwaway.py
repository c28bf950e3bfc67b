"""Plugins declared in a test's own body."""

import pytest

from crmkit import ForbiddenError, Grant, Problem, Record, Role, entity, field
from crmkit.core.hooks import HookFailedError
from crmkit.core.plugins import PluginError
from crmkit.core.text import Text
from crmkit.core.writing.life import WriteRefusedError
from crmkit.testing import plugin


@entity("zoo.animal", label=Text("Animal"))
class Animal(Record):
    name: str = field()


def test_plugin_without_roles_has_one_that_grants_everything(make_crm):
    crm = make_crm(plugin("zoo", entities=[Animal]))

    assert crm.registry.roles["zoo.everything"].grants == (
        Grant("zoo.animal", crm.registry.roles["zoo.everything"].grants[0].verbs, "all"),
    )


def test_plugin_has_exactly_the_roles_that_are_given(make_crm):
    crm = make_crm(
        plugin(
            "zoo", entities=[Animal], roles=[Role("zoo.guest", Text("Guest"), [Grant("zoo.animal", ["read"], "all")])]
        )
    )

    assert [role for role in crm.registry.roles if role.startswith("zoo.")] == ["zoo.guest"]


def test_plugin_answers_the_hooks_that_are_given(make_crm):
    def crmkit_before_write(writes):
        for write in writes:
            write.set("name", write.get("name").upper())

    def crmkit_check_write(writes):
        return [Problem("no lions", index) for index, write in enumerate(writes) if write.get("name") == "LION"]

    crm = make_crm(plugin("zoo", entities=[Animal], hooks=[crmkit_before_write, crmkit_check_write]))

    with crm.system("test") as db:
        assert db.create(Animal(name="bear")).name == "BEAR"
    with pytest.raises(WriteRefusedError, match="no lions"), crm.system("test") as db:
        db.create(Animal(name="lion"))


def test_hook_that_nobody_specified_does_not_load(make_crm):
    def crmkit_before_wriet(writes): ...

    with pytest.raises(PluginError, match="crmkit_before_wriet"):
        make_crm(plugin("zoo", hooks=[crmkit_before_wriet]))


def test_hook_that_fails_names_the_plugin(make_crm):
    def crmkit_check_write(writes):
        raise ZeroDivisionError("oops")

    crm = make_crm(plugin("zoo", entities=[Animal], hooks=[crmkit_check_write]))

    with pytest.raises(HookFailedError, match="'zoo' failed in crmkit_check_write"), crm.system("test") as db:
        db.create(Animal(name="bear"))


def test_plugins_of_two_tests_share_nothing(make_crm):
    def zoo():
        @entity("zoo.animal", label=Text("Animal"))
        class Animal(Record):
            name: str = field()

        return plugin("zoo", entities=[Animal]), Animal

    (first, one), (second, other) = zoo(), zoo()

    assert make_crm(first).registry.entity("zoo.animal").cls is one
    assert make_crm(second).registry.entity("zoo.animal").cls is other


def test_user_of_a_throwaway_plugin_is_held_by_its_wall(make_crm):
    from crmkit.testing import People

    crm = make_crm(
        plugin(
            "zoo", entities=[Animal], roles=[Role("zoo.guest", Text("Guest"), [Grant("zoo.animal", ["read"], "all")])]
        )
    )
    guest = People(crm).user("Guest", roles=["zoo.guest"])

    with pytest.raises(ForbiddenError), crm.write(guest) as db:
        db.create(Animal(name="bear"))
