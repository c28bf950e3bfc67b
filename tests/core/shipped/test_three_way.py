"""The three-way merge: nothing that was made here is lost, nothing that was removed here comes back."""

from hypothesis import given, strategies as st

from crmkit.core.policy.roles import SCOPES, VERBS, Grant, Mask, Role
from crmkit.core.shipped.pipeline_trees import definition_of, pipeline_tree
from crmkit.core.shipped.role_trees import merged_role, role_of, role_tree, role_waits
from crmkit.core.shipped.three_way import Forms, merge
from crmkit.core.shipped.trees import ABSENT, Order, at, leaves
from crmkit.core.shipped.weaving import woven
from crmkit.core.text import Text

KEYS = st.sampled_from("abcd")
MEMBERS = st.recursive(
    st.integers(0, 2), lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=6
)
TREES = st.dictionaries(KEYS, MEMBERS, max_size=4)
ORDERS = st.lists(KEYS, unique=True).map(Order)
GRANTS = st.builds(
    Grant,
    st.sampled_from(["shop.bid", "shop.item", "*"]),
    st.sets(st.sampled_from(VERBS[:3]), min_size=1),
    st.sampled_from([*SCOPES, "price > 1", "price > 2"]),
)
MASKS = st.builds(Mask, st.just("shop.bid"), st.just("price"), st.sampled_from(["hidden", "read_only"]))
ROLES = st.builds(
    Role,
    st.just("shop.seller"),
    st.sampled_from([Text("Seller"), Text("Dealer")]),
    st.lists(GRANTS, max_size=4),
    st.lists(MASKS, max_size=1),
)


def every_path(*trees):
    return {path for tree in trees for path, _value in leaves(tree)}


def covering(differences, path):
    return [difference for difference in differences if path[: len(difference.path)] == difference.path]


@given(TREES, TREES)
def test_what_nobody_edited_is_as_it_is_shipped(base, upstream):
    merged = merge(Forms(base, base), upstream)

    assert merged.tree == upstream
    assert merged.pending == ()


@given(TREES, TREES)
def test_what_the_plugin_did_not_change_is_as_it_was_made_here(base, local):
    merged = merge(Forms(base, local), base)

    assert merged.tree == local
    assert {difference.state for difference in merged.differences} <= {"edited"}


@given(TREES, TREES)
def test_what_both_made_alike_is_no_difference(base, both):
    assert merge(Forms(base, both), both) == merge(Forms(both, both), both)


@given(TREES, TREES, TREES)
def test_change_made_here_is_in_effect_or_a_conflict_that_keeps_it(base, local, upstream):
    merged = merge(Forms(base, local), upstream)

    for path in every_path(base, local):
        if at(local, path) != at(base, path) and not isinstance(at(local, path), dict):
            assert at(merged.tree, path) == at(local, path)


@given(TREES, TREES, TREES)
def test_what_was_removed_here_never_comes_back(base, local, upstream):
    merged = merge(Forms(base, local), upstream)

    for path in every_path(base):
        if at(local, path) is ABSENT:
            parents = [path[:length] for length in range(1, len(path) + 1)]
            gone = next(parent for parent in parents if at(local, parent) is ABSENT)
            assert at(merged.tree, gone) is ABSENT


@given(TREES, TREES, TREES)
def test_every_place_where_the_effect_is_not_what_is_shipped_is_told(base, local, upstream):
    merged = merge(Forms(base, local), upstream)

    for path in every_path(merged.tree, upstream):
        if at(merged.tree, path) != at(upstream, path):
            told = covering(merged.differences, path) or [d for d in merged.differences if d.path[: len(path)] == path]
            assert {difference.state for difference in told} & {"edited", "conflict"}


@given(TREES, TREES, TREES)
def test_sides_differ_only_in_conflicts(base, one, other):
    mine, yours = merge(Forms(base, one), other), merge(Forms(base, other), one)

    assert {d.path for d in mine.pending} == {d.path for d in yours.pending}
    conflicts = {difference.path for difference in mine.pending}
    for path in every_path(mine.tree, yours.tree):
        if not any(path[: len(conflict)] == conflict for conflict in conflicts):
            assert at(mine.tree, path) == at(yours.tree, path)


@given(TREES, TREES, TREES)
def test_merging_the_result_again_changes_nothing(base, local, upstream):
    merged = merge(Forms(base, local), upstream)

    again = merge(Forms(base, merged.tree), upstream)

    assert again.tree == merged.tree
    assert {d.path for d in again.pending} == {d.path for d in merged.pending}


@given(TREES, TREES, TREES, st.sampled_from(["ours", "theirs"]))
def test_what_is_decided_is_not_asked_again_and_nothing_else_changes(base, local, upstream, side):
    forms = Forms(base, local)
    before = merge(forms, upstream)

    after = merge(forms.decided(upstream, before.pending, side), upstream)

    assert after.pending == ()
    for path in every_path(before.tree, after.tree, upstream):
        wanted = upstream if side == "theirs" and covering(before.pending, path) else before.tree
        assert at(after.tree, path) == at(wanted, path)


@given(TREES, TREES, TREES, TREES)
def test_edit_is_in_effect_and_leaves_open_what_it_does_not_touch(base, local, upstream, wanted):
    forms = Forms(base, local)
    before = merge(forms, upstream)

    after = merge(forms.edited(upstream, before.tree, wanted), upstream)

    assert after.tree == wanted
    assert merge(forms.edited(upstream, before.tree, before.tree), upstream) == before


@given(ORDERS, ORDERS)
def test_woven_order_has_all_and_keeps_the_leading_one(leading, other):
    order = woven(leading, other)

    assert set(order) == {*leading, *other}
    assert len(order) == len(set(order))
    assert [key for key in order if key in leading] == list(leading)


@given(ORDERS, ORDERS)
def test_order_that_one_side_changed_is_as_that_side_has_it(base, changed):
    def order(base, local, upstream):
        return merge(Forms({"order": base}, {"order": local}), {"order": upstream}).tree["order"]

    assert order(base, base, changed) == order(base, changed, base) == order(base, changed, changed) == changed


def test_new_members_of_both_sides_find_their_place():
    base, local, upstream = Order("ac"), Order("abc"), Order("acd")

    merged = merge(Forms({"order": base}, {"order": local}), {"order": upstream})

    assert merged.tree["order"] == Order("abcd")
    assert merged.pending == ()


@given(ROLES, ROLES, ROLES)
def test_edited_role_may_no_more_than_it_was_made_to(base, local, upstream):
    trees = [role_tree(role) for role in (base, local, upstream)]

    effect = role_tree(merged_role(upstream, *trees[:2]))

    for key, scopes in effect["grants"].items():
        assert not role_waits(("grants", key), trees[1]["grants"].get(key, ABSENT), scopes)
    for key, access in trees[1]["masks"].items():
        assert not role_waits(("masks", key), access, effect["masks"].get(key, ABSENT))


@given(ROLES)
def test_role_is_read_as_it_was_written(role):
    assert role_tree(role_of(role, role_tree(role))) == role_tree(role)


def test_unreadable_edit_grants_nothing():
    shipped = Role("shop.seller", Text("Seller"), [Grant("shop.bid", VERBS, "all")])

    for unreadable in (None, [], "", {}, {"grants": 1, "masks": {}}, {"grants": {"shop.bid read": "all"}, "masks": {}}):
        assert merged_role(shipped, role_tree(shipped), unreadable).grants == ()
        assert merged_role(shipped, unreadable, {"grants": {}, "masks": {}}).grants == ()


def test_pipeline_is_read_as_it_was_written():
    stages = [
        {"slug": "new", "label": "New", "required": ["price", "name"]},
        {
            "slug": "lost",
            "label": "Lost",
            "kind": "lost",
            "reasons": {"field": "why", "options": [{"slug": "price", "label": "Price"}]},
        },
    ]
    moves = [{"source": "*", "target": "lost", "guards": [{"rule": "price > 1"}, {"guard": "shop.open"}]}]
    definition = {"id": "shop.home", "entity": "shop.bid", "label": "Home", "stages": stages, "moves": moves}

    tree = pipeline_tree(definition)

    assert pipeline_tree(definition_of(tree, definition)) == tree
    assert [stage["slug"] for stage in definition_of(tree, definition)["stages"]] == ["new", "lost"]
