"""The bench's statistics, against values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.summary import BenchError, Summary, cost, joined, percentile, rate, spread, times


def test_percentiles_are_samples_by_nearest_rank() -> None:
    samples = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(samples, 0.5) == 3.0
    assert percentile(samples, 0.0) == 1.0
    assert percentile(samples, 1.0) == 5.0
    assert percentile(samples, 0.81) == 5.0
    assert percentile([1.0, 2.0], 0.5) == 1.0
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 99.0


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0, 1))
def test_a_percentile_bounds_its_share_of_the_samples(samples: list[float], share: float) -> None:
    found = percentile(samples, share)
    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples) - 1e-6


def test_nothing_is_told_of_no_samples() -> None:
    with pytest.raises(BenchError, match="no samples"):
        percentile([], 0.5)
    with pytest.raises(BenchError, match="no samples"):
        Summary.of([])


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_of_one_is_refused(share: float) -> None:
    with pytest.raises(BenchError, match="share"):
        percentile([1.0], share)


def test_a_summary_counts_and_ranks() -> None:
    assert Summary.of([float(number) for number in range(200)]) == Summary(200, 99.0, 197.0)


def test_a_rate_needs_time() -> None:
    assert rate(300, 1.5) == 200
    with pytest.raises(BenchError, match="no time"):
        rate(1, 0)


def test_the_spread_is_told_of_several_runs_only() -> None:
    assert spread([3.0]) == ""
    assert spread([2000.0, 1500.0, 1800.0]) == "3 runs 1,500 to 2,000"


def test_each_call_is_timed() -> None:
    calls: list[int] = []
    assert all(taken >= 0 for taken in times(lambda: calls.append(1), 7))
    assert len(calls) == 7


def test_empty_parts_of_a_note_are_left_out() -> None:
    assert joined("one", "", "two") == "one; two"
    assert joined("", "") == ""


def test_the_cost_of_a_call_is_the_median_over_batches() -> None:
    ticks = iter(range(10_000))
    # Each batch takes one tick of this clock, whatever the machine does.
    assert cost(lambda: None, clock=lambda: float(next(ticks)), runs=3) == 1 / 50
