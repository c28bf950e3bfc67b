"""How much each field tells, learnt by Splink from the records themselves, with no labels.

The model is that of Fellegi and Sunter (1969), its parameters estimated by expectation maximisation: a field weighs the
logarithm to base 2 of how much likelier its agreement is among the same than among strangers. Splink and DuckDB run in
this process, in memory, and ask no network.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from crmkit import CrmkitError, MissingExtraError, translate, translator

from .. import matching

__all__ = ["NotEnoughToLearnError", "learned_matches"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

# Jaro-Winkler from which on two names are alike, and from which on somewhat; below they are different.
_ALIKE, _SOMEWHAT = 0.92, 0.8
# Likeness in percent by the level that Splink found, the lowest first.
_LIKENESS = {"name": (0, 80, 92, 100)}
# How many of the pairs that are the same have an equal e-mail address or tax number, or telephone and name.
_RECALL = 0.7
# What is trained by pairs that are equal in one field is all the others.
_TRAINED_BY = ("email", "name", "tax_number")
_SAMPLED, _SEED = 1_000_000, 1
# Fewer points than these are never shown.
_LEAST = 0.01


class NotEnoughToLearnError(CrmkitError):
    """Splink was asked to learn from records among which too few are alike."""

    code = "not-enough-to-learn"
    template = _("There is too little alike among {count} records to learn from. Use the method 'points'.")

    def __init__(self, count: int) -> None:
        """Tell how many records there are."""
        super().__init__(count=count)


def learned_matches(
    entity: str, values: Sequence[dict[str, Any]], keys: Sequence[set[str]]
) -> Iterator[matching.Found]:
    """Yield the pairs of *values* that share one of *keys*, with their probability in percent and the weights in bits.

    Raises:
        MissingExtraError: the extra ``match`` is not installed.
        NotEnoughToLearnError: too few records are alike.
    """
    try:
        import duckdb
        import pyarrow
        import splink
    except ImportError:
        raise MissingExtraError(translate(_("The method splink")), "splink", "match") from None
    columns = _columns(entity, values)
    fields = [name for name, column in columns.items() if any(column)]
    table = {name: columns[name] for name in fields} | {
        "unique_id": range(len(values)),
        "blocks": pyarrow.array([sorted(each) for each in keys], pyarrow.list_(pyarrow.string())),
    }
    with _quiet(), closing(duckdb.connect()) as database:
        known = splink.DuckDBAPI(connection=database).register(pyarrow.table(table))
        linker = splink.Linker(known, _settings(fields), log_level=None)
        _train(linker, fields, len(values))
        found = linker.inference.predict(threshold_match_probability=_LEAST).as_record_list()
    for row in found:
        one, other = sorted((row["unique_id_l"], row["unique_id_r"]))
        yield one, other, int(100 * row["match_probability"]), tuple(_weights(fields, row))


def _columns(entity: str, values: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    rows = [matching.facts(entity, each) for each in values]
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _settings(fields: Sequence[str]) -> Any:
    import splink.comparison_library as compare
    from splink import SettingsCreator, block_on

    def comparison(name: str) -> Any:
        if name == "name":
            kind = compare.JaroWinklerAtThresholds(name, [_ALIKE, _SOMEWHAT])
            return kind.configure(term_frequency_adjustments=True)
        return compare.ArrayIntersectAtSizes(name, [1]) if name == "phone" else compare.ExactMatch(name)

    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[comparison(name) for name in fields],
        blocking_rules_to_generate_predictions=[block_on("blocks", arrays_to_explode=["blocks"])],
        # Both: the level of each field stands beside its values alone.
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=True,
    )


def _train(linker: Any, fields: Sequence[str], count: int) -> None:
    """Learn how common the same are, how strangers agree by chance, and how the same agree.

    Raises:
        NotEnoughToLearnError: nobody is surely the same as another, or they are too few.
    """
    from splink import block_on
    from splink.internals.exceptions import EMTrainingException

    sure = [block_on(name) for name in ("email", "tax_number") if name in fields]
    if {"name", "phone"} <= set(fields):
        sure.append(block_on("name", "phone", arrays_to_explode=["phone"]))
    by = [name for name in _TRAINED_BY if name in fields]
    trained = 0
    try:
        linker.training.estimate_probability_two_random_records_match(sure, recall=_RECALL)
        linker.training.estimate_u_using_random_sampling(max_pairs=_SAMPLED, seed=_SEED)
    except (IndexError, ValueError) as error:
        raise NotEnoughToLearnError(count) from error
    for name in by:
        # No two are equal in it: what it would teach is learnt by another.
        with suppress(EMTrainingException):
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(name))
            trained += 1
    if not trained or not linker.misc.save_model_to_json()["probability_two_random_records_match"]:
        raise NotEnoughToLearnError(count)


def _weights(fields: Sequence[str], row: dict[str, Any]) -> Iterator[matching.Agreement]:
    """Yield what each field brings for and against; what one of the two does not say counts for nothing."""
    for name in fields:
        level = row[f"gamma_{name}"]
        bits = round(row[f"mw_{name}"] + (row.get(f"mw_tf_adj_{name}") or 0))
        if level >= 0 and bits:
            yield matching.Agreement(name, _LIKENESS.get(name, (0, 100))[level], bits)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what Splink tells of its work; that something failed is raised."""
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
