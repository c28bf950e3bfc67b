"""Faults in what no grant overrides."""

from __future__ import annotations

from crmkit.core.policy.access import Access
from tests.oracle.mutants.seeding import evolved, mutant


@mutant("allowed_ids", "create", "update")
def restrictions_bind_reading_alone():
    yield (
        Access,
        "_resolve",
        evolved(restrictions=lambda a, info, found: {v: r for v, r in found.restrictions.items() if v == "read"}),
    )


@mutant("allowed_ids", "update", steps=["wait"] * 4)
def restrictions_are_forgotten_for_updates():
    yield (
        Access,
        "_resolve",
        evolved(restrictions=lambda a, info, found: {v: r for v, r in found.restrictions.items() if v != "update"}),
    )


@mutant("everything", "allowed_ids")
def grant_of_everything_overrides_restrictions():
    yield (
        Access,
        "_resolve",
        evolved(restrictions=lambda a, info, found: {} if found.scope("read").level == "all" else found.restrictions),
    )


@mutant("create", "allowed_ids")
def one_restriction_is_enough():
    yield (
        Access,
        "_resolve",
        evolved(restrictions=lambda a, info, found: {v: r[:1] for v, r in found.restrictions.items()}),
    )


@mutant("everything", "move")
def exemptions_from_restrictions_are_forgotten():
    yield Access, "role_ids", property(lambda self: frozenset())
