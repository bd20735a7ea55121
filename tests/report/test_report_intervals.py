"""Bars show what was measured more than once, bands what the fits bear out, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from support.record_builders import make_failure, make_ladder, make_record

from planbench.report.ladders import band_over, find_ladders, fit_ladder
from planbench.report.results import aggregate

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

from planbench.report.charts import WIDE, band_rows, bar_rows, interval_sentences, ladder_chart
from planbench.report.sections import ladder_caption

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


def test_one_measurement_or_equal_ones_have_no_bar():
    """A bar without length would only make the page heavier."""
    assert bar_rows(only(with_repeats()), "seconds") == []
    assert bar_rows(only(with_repeats(1.0)), "seconds") == []


def test_disturbed_repeats_lengthen_no_bar_where_there_are_others():
    """They do not count in the median either."""
    assert bar_rows(only(with_repeats(7.0, disturbed=True)), "seconds") == []
    all_of_them = [r.model_copy(update={"disturbed": True}) for r in with_repeats(7.0)]
    assert len(bar_rows(only(all_of_them), "seconds")) == 3


def test_seeds_share_a_bar_and_stopped_ones_stay_out_of_it():
    """The limit is no measurement of the time that a run would have taken."""
    rows = make_ladder(sizes=(100, 1000), laws=ONE, limit=1e9)
    facts = {"goods": 1000, "group": "uniform", "pass_s_before": 2e-5}
    for seed, seconds in ((2, 0.4), (3, 0.9)):
        recipe = {"goods": 1000, "structure": "uniform", "seed": seed}
        rows.append(
            make_record(
                "highs-ds", f"gen:{seed}", recipe=recipe, wall_s=seconds, key=f"{seed}", **facts
            )
        )
    recipe = {"goods": 1000, "structure": "uniform", "seed": 4}
    rows.append(make_failure("highs-ds", "timeout", "gen:4", recipe=recipe, key="4", **facts))
    (bar,) = bar_rows(only(rows), "seconds")
    assert (bar["goods"], bar["low"], bar["high"]) == (1000, 0.4, 0.9)


@pytest.mark.parametrize("measure", ["seconds", "passes", "bytes"])
def test_a_band_runs_about_the_fitted_law_over_the_sizes_it_was_fitted_to(measure):
    """A band beyond the measurements would be a prediction, and one beside them a blunder."""
    ladder = only(make_ladder(laws=ONE, limit=1e9))
    fit = fit_ladder(ladder, "highs-ds", measure)
    band = band_over(ladder, "highs-ds", measure, 5)
    assert band[0][0] == pytest.approx(fit.smallest)
    assert band[-1][0] == pytest.approx(fit.largest)
    for goods, low, high in band:
        assert low < fit.predict(goods) < high
    assert len(band_rows(ladder, measure)) > 0


@pytest.mark.parametrize("measure", ["seconds", "passes", "bytes"])
def test_the_fixed_cost_that_fits_are_without_is_in_the_band(measure):
    """Without it the band would lie below all that was measured."""
    rows = make_ladder(sizes=(1000, 3000, 10000, 30000), laws=ONE, limit=1e9, scatter=0.01)
    tiny = make_record("highs-ds", "tiny", goods=4, wall_s=0.3, peak_bytes=5_000_000)
    ladder = only([*rows, tiny])
    known = ladder.fixed["highs-ds"][measure == "bytes"].known
    assert known == (5_000_000 if measure == "bytes" else 0.3)
    fit = fit_ladder(ladder, "highs-ds", measure)
    for goods, low, high in band_over(ladder, "highs-ds", measure, 3):
        one_pass = 2e-8 * 1.01 * goods if measure == "passes" else 1.0
        assert low < fit.predict(goods) + known / one_pass < high
        assert low > known / one_pass


def test_bands_that_tell_nothing_are_left_out():
    """Three scattered sizes bear out next to nothing; their band would cover the chart."""
    rows = make_ladder(
        sizes=(100, 300, 1000, 3000), laws={"highs-ds": (2.5, 5.0)}, limit=1e9, scatter=0.8
    )
    ladder = only(rows)
    widest = max(high / low for _, low, high in band_over(ladder, "highs-ds", "seconds", 5))
    assert widest > WIDE
    assert band_rows(ladder, "seconds") == []


def test_captions_speak_of_what_is_drawn_only():
    both = interval_sentences(only(with_repeats(1.3)), "seconds")
    assert len(both) >= 1
    assert "lowest to highest" in both[0]
    assert interval_sentences(only(make_ladder(sizes=(100, 1000), laws=ONE)), "seconds") == []
    assert both[0] in ladder_caption(only(with_repeats(1.3)), "seconds")


def layers_of(chart):
    return {layer["name"]: layer for layer in chart.to_dict()["layer"] if "name" in layer}


def test_charts_hold_bars_and_bands_and_room_for_them():
    ladder = only(with_repeats(0.2, 1.6))
    chart = ladder_chart(ladder, "seconds")
    layers = layers_of(chart)
    assert {"bars", "names"} <= layers.keys()
    low, high = layers["bars"]["encoding"]["y"]["scale"]["domain"]
    ends = [e for b in bar_rows(ladder, "seconds") for e in (b["low"], b["high"])]
    assert low < min(ends)
    assert high > max(ends)
    steady = only(make_ladder(laws=ONE, limit=1e9))
    assert "bands" in layers_of(ladder_chart(steady, "seconds"))
    assert "bars" not in layers_of(ladder_chart(steady, "seconds"))


def test_charts_side_by_side_have_equal_axes():
    """Two pictures next to each other are compared by eye."""
    pair = only(make_ladder(laws=ONE)), only(make_ladder(sizes=(30, 90), laws=ONE))
    domains = []
    for ladder in pair:
        spec = ladder_chart(ladder, "seconds", same_axes=pair).to_dict()
        points = next(layer for layer in spec["layer"] if "fill" in layer["encoding"])
        domains.append([points["encoding"][axis]["scale"]["domain"] for axis in "xy"])
    assert np.allclose(domains[0], domains[1])
