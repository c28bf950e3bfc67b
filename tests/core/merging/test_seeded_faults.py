"""The rules of merging notice when they are broken: each fault makes the rule fail that forbids it."""

import inspect
from contextlib import nullcontext

import pytest

from crmkit import CrmkitError
from crmkit.core.merging import choosing, merge, preview, repointing, unmerge
from crmkit.core.reading.reader import Reader
from crmkit.core.storage.held import Held
from crmkit.core.writing import life, restoring
from tests.core.merging import test_merging as merging, test_unmerging as unmerging
from tests.core.merging.test_merging import deals  # noqa: F401


@pytest.fixture
def firms(request, crm, steward, rule):
    """Those of the module that the rule stands in."""
    module = inspect.getmodule(rule)
    return inspect.unwrap(module.firms._get_wrapped_function())(crm, steward)


def _merges_without_right(patch):
    for module in (merge, life):
        patch.setattr(module, "refuse_forbidden", lambda writer, writes: None)


def _shows_what_was_hidden(patch):
    patch.setattr(merge, "check_nothing_appears", lambda writer, entity, hidden: None)


def _takes_shares_along(patch):
    patch.setattr(repointing, "_references", lambda writer, entity: writer.model.registry.references_to(entity))


def _counts_what_is_hidden(patch):
    patch.setattr(preview, "_seen", lambda writer, writes: iter(writes))


def _tells_what_it_left_of_the_hidden(patch):
    patch.setattr(unmerge, "_is_told", lambda writer, left: True)


def _leaves_hidden_references_behind(patch):
    original = merge.followers

    def visible_alone(writer, winner, losers):
        found = original(writer, winner, losers)
        changes = list(preview._seen(writer, found.changes))
        return repointing.Followers(changes, found.folded)

    patch.setattr(merge, "followers", visible_alone)


def _takes_over_what_one_may_not_set(patch):
    original = merge.choose_values

    def everything(writer, winner, losers, choices):
        winner.trusted = True
        winner.values |= {
            name: losers[0].stored[name] for name, _field in choosing._mergeable(writer, winner)
            if winner.stored[name] is None
        }  # fmt: skip
        return original(writer, winner, losers, choices)

    patch.setattr(merge, "choose_values", everything)


def _lets_merged_records_be_restored(patch):
    patch.setattr(restoring, "_check_not_merged", lambda writer, writes: None)


def _tells_the_history_of_losers(patch):
    original = Reader.history

    def history(self, record):
        found = self.get(type(record), record.id)
        if found.id == record.id:
            return original(self, record)
        with self.model._storage.reading() as connection:
            trusted = Reader(self.model, Held(connection), self.model.system_access)
            trusted.get = lambda cls, id_: record
            return original(trusted, record)

    patch.setattr(Reader, "history", history)


def _folds_nothing(patch):
    patch.setattr(repointing, "_is_link", lambda info, group: False)


FAULTS = {
    _merges_without_right: merging.test_t11_a_merge_needs_sight_of_all_the_update_of_one_and_the_deletion_of_the_others,
    _shows_what_was_hidden: merging.test_nobody_merges_to_see_what_was_hidden,
    _takes_shares_along: merging.test_whoever_saw_a_loser_does_not_gain_the_winner,
    _counts_what_is_hidden: merging.test_hidden_references_follow_and_nothing_is_told_of_them,
    _leaves_hidden_references_behind: merging.test_hidden_references_follow_and_nothing_is_told_of_them,
    _takes_over_what_one_may_not_set: merging.test_fields_that_one_may_not_read_or_set_stay_the_winners,
    _lets_merged_records_be_restored: merging.test_a_merged_record_is_not_restored_but_unmerged,
    _tells_the_history_of_losers: merging.test_the_history_of_a_loser_is_not_told_to_those_who_see_the_winner_alone,
    _folds_nothing: merging.test_a_link_that_the_winner_has_already_is_folded,
    _tells_what_it_left_of_the_hidden: unmerging.test_what_one_may_not_see_is_not_told,
}


@pytest.mark.parametrize(("fault", "rule"), FAULTS.items(), ids=lambda each: each.__name__.lstrip("_"))
@pytest.mark.parametrize("is_seeded", [False, True], ids=["as it is", "seeded"])
def test_a_seeded_fault_breaks_its_rule(request, monkeypatch, fault, rule, is_seeded):
    given = {name: request.getfixturevalue(name) for name in inspect.signature(rule).parameters if name != "database"}
    if is_seeded:
        fault(monkeypatch)
    with pytest.raises((AssertionError, CrmkitError, pytest.fail.Exception)) if is_seeded else nullcontext():
        rule(**given)
