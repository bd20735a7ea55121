"""Bars show what was measured more than once, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from support.record_builders import make_failure, make_ladder, make_record

from planbench.report.ladders import find_ladders
from planbench.report.results import aggregate

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

from planbench.report.charts import ladder_chart, repeat_rows

ONE = {"highs-ds": (1.5, 0.5)}


def with_repeats(*factors, **changes):
    """Make a ladder of one solver, measured `factors` times as slow in further repeats."""
    rows = make_ladder(sizes=(100, 1000, 10000), laws=ONE, limit=1e9)
    return rows + [
        row.model_copy(
            update={
                "repeat": number,
                "wall_s": row.wall_s * factor,
                "matrix_passes": row.matrix_passes * factor,
                "peak_bytes": int(row.peak_bytes * factor),
                **changes,
            }
        )
        for number, factor in enumerate(factors, start=1)
        for row in rows
    ]


def bar_rows(ladder, measure):
    """Give the ends of the bars, as Vega-Lite takes them of the rows behind them."""
    places = {}
    for row in repeat_rows(ladder, measure):
        places.setdefault((row["series"], row["goods"]), []).append(row["cost"])
    return [
        {"goods": goods, "low": min(costs), "high": max(costs)}
        for (_, goods), costs in places.items()
    ]


def only(rows):
    (ladder,) = find_ladders(aggregate(rows))
    return ladder


@pytest.mark.parametrize("measure", ["seconds", "passes", "bytes"])
def test_a_bar_goes_from_the_lowest_to_the_highest_repeat(measure):
    """A median alone hides how far apart the runs lie."""
    bars = bar_rows(only(with_repeats(0.8, 1.5)), measure)
    assert [b["goods"] for b in bars] == [100, 1000, 10000]
    for bar in bars:
        assert bar["high"] / bar["low"] == pytest.approx(1.5 / 0.8, rel=1e-3)


def test_one_measurement_has_no_bar():
    """A bar without length would only make the page heavier."""
    assert bar_rows(only(with_repeats()), "seconds") == []


def test_disturbed_repeats_lengthen_no_bar_where_there_are_others():
    """They do not count in the median either."""
    assert bar_rows(only(with_repeats(7.0, disturbed=True)), "seconds") == []
    all_of_them = [r.model_copy(update={"disturbed": True}) for r in with_repeats(7.0)]
    assert len(bar_rows(only(all_of_them), "seconds")) == 3


def test_seeds_share_a_bar_and_stopped_ones_stay_out_of_it():
    """The limit is no measurement of the time that a run would have taken."""
    rows = make_ladder(sizes=(100, 1000), laws=ONE, limit=1e9)
    facts = {"goods": 1000, "group": "uniform", "pass_s_before": 2e-5}
    name = "gen:goods=1000,structure=uniform,seed={}"
    for seed, seconds in ((2, 0.4), (3, 0.9)):
        rows.append(
            make_record("highs-ds", name.format(seed), wall_s=seconds, key=f"{seed}", **facts)
        )
    rows.append(make_failure("highs-ds", "timeout", name.format(4), key="4", **facts))
    (bar,) = bar_rows(only(rows), "seconds")
    assert (bar["goods"], bar["low"], bar["high"]) == (1000, 0.4, 0.9)


def test_charts_have_room_for_bars():
    ladder = only(with_repeats(0.2, 1.6))
    layers = ladder_chart(ladder, "seconds").to_dict()["layer"]
    (bar,) = [layer for layer in layers if layer["encoding"].get("y", {}).get("aggregate") == "min"]
    assert bar["encoding"]["y2"]["aggregate"] == "max"
    low, high = bar["encoding"]["y"]["scale"]["domain"]
    ends = [e for b in bar_rows(ladder, "seconds") for e in (b["low"], b["high"])]
    assert low < min(ends)
    assert high > max(ends)


def test_charts_side_by_side_have_equal_axes():
    """Two pictures next to each other are compared by eye."""
    pair = only(make_ladder(laws=ONE)), only(make_ladder(sizes=(30, 90), laws=ONE))
    domains = []
    for ladder in pair:
        spec = ladder_chart(ladder, "seconds", same_axes=pair).to_dict()
        points = next(layer for layer in spec["layer"] if "fill" in layer["encoding"])
        domains.append([points["encoding"][axis]["scale"]["domain"] for axis in "xy"])
    assert np.allclose(domains[0], domains[1])
