"""Loading: everything that does not fit is named before anything runs, and nothing is half-loaded."""

import pytest

from crmkit import (
    CRM,
    Config,
    Database,
    Grant,
    Integer,
    Owned,
    Plugin,
    PluginError,
    Record,
    Role,
    custom_field,
    entity,
    extension,
    field,
    ref,
)
from crmkit.core.plugins import as_loaded, load_order
from crmkit.testing import plugin

CONFIG = Config(database=Database("sqlite://"))


def load(*plugins):
    return CRM(CONFIG, plugins=plugins)


def refusal(*plugins):
    with pytest.raises(PluginError) as caught:
        load(*plugins)
    return str(caught.value)


@entity("zoo.animal", label="Animal")
class Animal(Record):
    name: str = field()


def test_plugins_load_after_those_they_require_and_then_by_name():
    names = [
        plugin("c", requires=["a"]),
        plugin("b"),
        plugin("a"),
        plugin("d", requires=["c"]),
    ]

    assert [p.name for p in load(*names).plugins] == ["a", "b", "c", "d"]


def test_a_missing_requirement_and_a_wrong_version_are_both_named():
    message = refusal(plugin("a", requires={"b": ">=2", "nosuch": ""}), plugin("b", version="1.0"))

    assert "requires the plugin 'nosuch'; enable it" in message
    assert "requires b >=2; 1.0 is installed" in message


def test_a_circle_of_requirements_is_shown():
    assert "a → b → a" in refusal(plugin("a", requires=["b"]), plugin("b", requires=["a"]))


def test_a_plugin_for_another_api_is_refused():
    module = plugin("a")
    module.PLUGIN = Plugin(name="a", version="1.0", label="A", crmkit=">=7")

    assert "was written for the plugin API >=7" in refusal(module)


def test_the_same_plugin_twice_is_refused():
    assert "enabled twice" in refusal(plugin("a"), plugin("a"))


def test_a_misspelt_hook_is_refused_by_name():
    def crmkit_befor_write(writes):
        """Is never called."""

    message = refusal(plugin("a", hooks=[crmkit_befor_write]))

    assert "a: " in message
    assert "crmkit_befor_write" in message


def test_a_hook_that_asks_for_what_it_does_not_get_is_refused():
    def crmkit_before_write(writes, session):
        """Asks for a session."""

    assert "session" in refusal(plugin("a", hooks=[crmkit_before_write]))


def test_a_register_hook_that_breaks_names_its_plugin():
    from crmkit.core.hooks import HookFailedError

    def crmkit_register_roles():
        raise RuntimeError("boom")

    with pytest.raises(HookFailedError, match="Plugin 'a' failed in crmkit_register_roles.*RuntimeError"):
        load(plugin("a", hooks=[crmkit_register_roles]))


def test_two_plugins_that_claim_one_entity_are_both_named():
    def crmkit_register_entities():
        return [Animal]

    thief = plugin("thief", hooks=[crmkit_register_entities])

    assert "declared by 'thief'; begin its id with that name" in refusal(plugin("zoo", entities=[Animal]), thief)


def test_a_role_declared_twice_is_refused():
    role = Role("a.boss", "Boss")

    assert "role a.boss: is claimed by 'a' and by 'a'" in refusal(plugin("a", roles=[role, role]))


def test_an_entity_that_no_role_mentions_refuses_to_boot():
    assert "zoo.animal: has no policy" in refusal(plugin("zoo", entities=[Animal], roles=[]))


def test_a_reference_to_a_plugin_that_is_not_required_is_refused():
    @entity("farm.cage", label="Cage")
    class Cage(Record):
        animal_id: object = ref("zoo.animal")

    zoo = plugin("zoo", entities=[Animal])

    assert "add 'zoo' to requires" in refusal(zoo, plugin("farm", entities=[Cage]))
    load(zoo, plugin("farm", entities=[Cage], requires=["zoo"]))


def test_a_reference_to_nothing_is_refused():
    @entity("farm.cage", label="Cage")
    class Cage(Record):
        animal_id: object = ref("zoo.animal")

    assert "there is no entity 'zoo.animal'" in refusal(plugin("farm", entities=[Cage]))


@pytest.mark.parametrize("scope", ["own", "team", "subtree"])
def test_a_scope_by_owner_needs_an_owner(scope):
    roles = [Role("zoo.keeper", "Keeper", [Grant("zoo.animal", ["read"], scope)])]

    assert f"scope '{scope}' on zoo.animal, which has no owner" in refusal(
        plugin("zoo", entities=[Animal], roles=roles)
    )


def test_an_extension_of_an_absent_entity_is_refused():
    @extension(of="zoo.animal")
    class Tag:
        colour: str | None = field(default=None)

    assert "extends 'zoo.animal', which no enabled plugin declares" in refusal(plugin("tags", entities=[Tag]))


def test_two_plugins_extend_one_entity_side_by_side():
    @extension(of="zoo.animal")
    class Tag:
        colour: str | None = field(default=None)

    @extension(of="zoo.animal")
    class Diet:
        colour: str | None = field(default=None)

    crm = load(
        plugin("zoo", entities=[Animal]),
        plugin("tags", entities=[Tag], requires=["zoo"]),
        plugin("food", entities=[Diet], requires=["zoo"]),
    )

    assert {"tags.colour", "food.colour"} <= set(crm.registry.fields("zoo.animal"))


def test_visibility_that_leads_back_to_itself_is_refused():
    @entity("a.chicken", label="Chicken")
    class Chicken(Owned):
        egg_id: object = ref("a.egg", follows=True)

    @entity("a.egg", label="Egg")
    class Egg(Owned):
        chicken_id: object = ref("a.chicken", follows=True)

    assert "follows references that lead back to it" in refusal(plugin("a", entities=[Chicken, Egg]))


def test_every_reason_is_given_at_once():
    message = refusal(plugin("a", requires=["x"]), plugin("b", requires=["y"]))

    assert "'x'" in message
    assert "'y'" in message


def test_a_refused_set_leaves_nothing_behind_for_the_next():
    refusal(plugin("zoo", entities=[Animal], roles=[]))

    assert load(plugin("zoo", entities=[Animal])).registry.entity(Animal).id == "zoo.animal"


def test_two_crms_with_different_plugins_live_side_by_side():
    both, one = load(plugin("zoo", entities=[Animal]), plugin("a")), load(plugin("a"))

    assert "zoo.animal" in both.registry.entities
    assert "zoo.animal" not in one.registry.entities
    assert both.schema.metadata is not one.schema.metadata


def test_a_module_without_a_manifest_is_no_plugin():
    import types

    with pytest.raises(Exception, match="has no manifest; set PLUGIN"):
        as_loaded(types.ModuleType("stranger"))


@pytest.mark.parametrize("name", ["core", "Sales", "a-b", "1st", ""])
def test_a_plugin_has_a_plain_name_that_is_not_cores(name):
    with pytest.raises(Exception, match="name is in lower case"):
        Plugin(name=name, version="1.0", label="X")


@pytest.mark.parametrize(("version", "requires"), [("one", {}), ("1.0", {"a": "=>2"})])
def test_versions_and_ranges_follow_pep_440(version, requires):
    with pytest.raises(Exception, match="Invalid"):
        Plugin(name="a", version=version, label="A", requires=requires)


def test_entity_that_was_made_at_run_time_keeps_its_id_and_fields_in_code():
    @entity("custom.animal", label="Animal")
    class Animal(Record):
        name: str = field()

    weight = custom_field("custom.animal", "weight", Integer(), label="Weight")
    role = Role("farm.keeper", "Keeper", [Grant("custom.animal", "read", "all")])
    crm = load(plugin("farm", entities=[Animal, weight], roles=[role]))
    info = crm.registry.entity("custom.animal")
    assert (info.plugin, info.table, info.custom["custom.weight"].owner) == ("farm", "custom_animal", "farm")

    second = refusal(plugin("farm", entities=[Animal], roles=[role]), plugin("park", entities=[Animal]))
    assert "claimed by 'farm' and by 'park'" in second
    twice = refusal(plugin("farm", entities=[Animal, weight, weight], roles=[role]))
    assert "custom.animal.custom.weight: is claimed by 'farm' and by 'farm'" in twice


def test_custom_fields_in_code_are_those_of_own_entities():
    weight = custom_field("core.team", "weight", Integer(), label="Weight")

    assert "which does not have this entity; declare an extension instead" in refusal(plugin("farm", entities=[weight]))


def test_no_plugin_at_all_is_a_crm_too():
    assert load().plugins == ()
    assert load_order([]) == []
