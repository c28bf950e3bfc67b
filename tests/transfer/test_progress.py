from __future__ import annotations

from crmkit.core.progress import Meter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_shows_rate_and_time_left():
    clock, seen = Clock(), []
    meter = Meter(seen.append, "deals", total=1000, clock=clock)

    clock.now = 2.0
    meter.advance(250)

    (state,) = seen
    assert (state.rows, state.fraction, state.rate, state.left) == (250, 0.25, 125.0, 6.0)


def test_without_a_total_the_fraction_of_the_file_counts():
    clock, seen = Clock(), []
    meter = Meter(seen.append, "deals", clock=clock)

    clock.now = 1.0
    meter.advance(10)
    clock.now = 2.0
    meter.advance(10, fraction=0.5)

    assert [(state.total, state.left) for state in seen] == [(None, None), (None, 2.0)]


def test_progress_is_shown_a_few_times_a_second_and_at_the_end():
    clock, seen = Clock(), []
    meter = Meter(seen.append, "deals", clock=clock)

    for _row in range(100):
        clock.now += 0.01
        meter.advance(1)
    last = meter.finish()

    assert len(seen) <= 12
    assert (last.rows, last.total, last.fraction, last.left, last.done) == (100, 100, 1.0, 0.0, True)


def test_nobody_needs_to_watch():
    meter = Meter(None, "deals")
    meter.advance(1)

    assert meter.finish().rows == 1
