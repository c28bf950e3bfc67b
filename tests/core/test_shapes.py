"""Shapes: whoever shares the number of somebody else's statements sees exactly as that one would."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

from crmkit import Grant, Mask, Role, translator
from crmkit.core.policy.access import Access
from crmkit.core.policy.shapes import Shapes
from crmkit.core.storage.statements import StatementCache
from tests.core.atelier import Commission

_ = translator("tests")
THREADS = 8
NAMES = ("title", "hours", "price", "due_on", "artist_id", "number")


class SlowName(str):
    """A name that gives way to other threads whenever it is looked up."""

    __slots__ = ()

    def __hash__(self):
        time.sleep(0.005)
        return super().__hash__()


def access_with_role(crm, name):
    return Access(crm.registry, 0, uuid4(), "Ada", roles=(Role(SlowName(name), _("Role")),))


def numbers_taken_together(crm, accesses):
    begin = Barrier(len(accesses))

    def number(access):
        begin.wait()
        return crm.model.shape_of(access)

    with ThreadPoolExecutor(len(accesses)) as pool:
        return list(pool.map(number, accesses))


def test_shapes_that_are_met_at_the_same_moment_get_different_numbers(crm):
    accesses = [access_with_role(crm, f"atelier.r{n}") for n in range(THREADS)]

    assert len(set(numbers_taken_together(crm, accesses))) == THREADS


def test_equal_shapes_that_are_met_at_the_same_moment_get_one_number(crm):
    accesses = [access_with_role(crm, "atelier.same") for _n in range(THREADS)]

    assert len(set(numbers_taken_together(crm, accesses))) == 1


def test_shapes_are_forgotten_but_no_number_is_given_twice():
    shapes = Shapes(limit=3)
    numbers = [shapes.number(shape) for shape in range(10)]

    assert len(set(numbers)) == 10
    assert shapes.number(9) == numbers[9]
    assert shapes.number(0) not in numbers
    assert len(shapes) == 3


def test_what_is_kept_for_roles_does_not_grow_with_every_change_of_them(crm, people):
    many, kept, seen = 40, 8, set()
    crm.model.loaders = StatementCache(limit=kept)
    who = people.user("Ada", team="Studio", roles=["atelier.painter"])
    for number in range(many):
        masked = [name for place, name in enumerate(NAMES) if number >> place & 1]
        people.role(f"r{number}", [Grant("atelier.commission", ["read"], "all")], [Mask("atelier.commission", masked)])
        other = people.user(f"U{number}", roles=[f"r{number}"])
        with crm.read(other) as db:
            seen.add(frozenset(db.readable_fields(Commission)))
            db.find(Commission)
    assert len(seen) > kept >= len(crm.model.loaders)
    with crm.read(who) as db:
        assert db.find(Commission) == []
