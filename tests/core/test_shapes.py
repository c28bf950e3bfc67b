"""Shapes: whoever shares the number of somebody else's statements sees exactly as that one would."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

from crmkit import Role, translator
from crmkit.core.policy.access import Access

_ = translator("tests")
THREADS = 8


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
        return crm.shape_of(access)

    with ThreadPoolExecutor(len(accesses)) as pool:
        return list(pool.map(number, accesses))


def test_shapes_that_are_met_at_the_same_moment_get_different_numbers(crm):
    accesses = [access_with_role(crm, f"atelier.r{n}") for n in range(THREADS)]

    assert len(set(numbers_taken_together(crm, accesses))) == THREADS


def test_equal_shapes_that_are_met_at_the_same_moment_get_one_number(crm):
    accesses = [access_with_role(crm, "atelier.same") for _n in range(THREADS)]

    assert len(set(numbers_taken_together(crm, accesses))) == 1
