"""Pages of fifty by fields that were added at run time, beside statements on the same JSON and the same indexes."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.handwritten.reading import Hand
from benchmarks.rows.lists import AskedList, list_figure
from benchmarks.rows.viewers import viewers
from benchmarks.world.opening import World
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.indexing import bring_indexes_up_to_date

__all__ = ["figures"]

_SCORES, _DAYS = 10_007, 900


def figures(world: World) -> Iterator[Figure]:
    """Add two fields to the deals of *world*, fill them, and yield the figures of lists by them."""
    _define(world)
    hand = Hand(world)
    score, day = _columns(hand)
    for viewer in viewers(hand):
        if viewer.name == "manager":
            continue
        for sign, way in (("", "ASC"), ("-", "DESC")):
            yield list_figure(
                hand,
                viewer,
                AskedList(
                    f"order {sign}custom.score",
                    order_by=f"{sign}custom.score",
                    sorted_by=(f"{score} {way}, id {way}",),
                    nullable=score,
                ),
                "custom field",
            )
        rare, often = "custom.score == 4711", "custom.score >= 9000"
        for name, rule, sql in (("one score", rare, "= 4711"), ("many scores", often, ">= 9000")):
            yield list_figure(hand, viewer, AskedList(name, rule, (f"{score} {sql}",)), "custom field")
        yield list_figure(
            hand,
            viewer,
            AskedList(
                "many scores, order custom.renewed_on",
                often,
                (f"{score} >= 9000",),
                "custom.renewed_on",
                (f"{day} ASC, id ASC",),
                nullable=day,
            ),
            "custom field",
        )


def _columns(hand: Hand) -> tuple[str, str]:
    if hand.is_sqlite:
        return "json_extract(custom,'$.score')", "json_extract(custom,'$.renewed_on')"
    return "(custom->>'score')::bigint", "crm_day(custom->>'renewed_on')"


def _define(world: World) -> None:
    crm = world.crm
    with crm.system("benchmark") as db:
        for key, kind in (("score", "integer"), ("renewed_on", "date")):
            db.create(CustomField(entity="trade.deal", key=key, type=kind, label=key, indexed=True))
    made, filled = (
        ("json_object('score', {score}, 'renewed_on', date('2024-01-01', '+' || {day} || ' days'))", "random()")
        if crm.storage.is_sqlite
        else (
            "jsonb_build_object('score', {score}, 'renewed_on', to_char(date '2024-01-01' + {day}, 'YYYY-MM-DD'))",
            "hashtextextended(id::text, 7)",
        )
    )
    value = made.format(score=f"abs({filled} % {_SCORES})", day=f"CAST(abs({filled} % {_DAYS}) AS INTEGER)")
    with crm.storage.writing() as connection:
        # A tenth has no value.
        sql = f"UPDATE trade_deal SET custom = {value} WHERE amount_minor IS NULL OR amount_minor % 10 <> 0"
        connection.exec_driver_sql(sql if crm.storage.is_sqlite else sql.replace("%", "%%"))
    with crm.system("benchmark") as db:
        model = db.model
    bring_indexes_up_to_date(model)
