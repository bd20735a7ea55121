"""Fixed costs, chains of tries and sweeps are read as what they are; predictions in words."""

from __future__ import annotations

import pytest
from support.record_builders import make_failure, make_ladder, make_record

import planbench.formatting as fmt
from planbench.records.schema import AccuracyFacts
from planbench.report.charts import sweep_chart
from planbench.report.growth import estimate_words, predict, warnings
from planbench.report.ladders import find_ladders, fit_ladder, fixed_cost
from planbench.report.results import aggregate, chains_as_results
from planbench.report.sweeps import find_sweeps
from planbench.stats.growth import Estimate

SIZES = (100, 300, 1000, 3000, 10000, 30000)


def test_fixed_cost_shown_by_tiny_instances_is_taken_off():
    """Else a solver that takes long to start seems to grow slowly."""
    rows = make_ladder(laws={"glop": (1.6, 0.5)}, sizes=SIZES, limit=1e9, scatter=0.01)
    rows = [r.model_copy(update={"wall_s": r.wall_s + 0.5}) for r in rows]
    (alone,) = find_ladders(aggregate(rows))
    tiny = make_record("glop", "tiny", goods=3, wall_s=0.5)
    (known,) = find_ladders(aggregate([*rows, tiny]))
    assert known.fixed["glop"][0].known == 0.5
    assert alone.fixed["glop"][0].known == 0.0
    fit = fit_ladder(known, "glop", "seconds")
    assert fit.exponent == pytest.approx(1.6, abs=0.06)
    other = fit_ladder(alone, "glop", "seconds")
    assert abs(fit.exponent - 1.6) < abs(other.exponent - 1.6)
    assert fit.high - fit.low < other.high - other.low


def test_fixed_cost_rules():
    assert fixed_cost(0.01, 0.2, 0.1).known == 0.2
    assert fixed_cost(0.01, 0.2, 0.1).floor == pytest.approx(0.4)
    assert fixed_cost(0.01, 0.2, 0.1, 0.5).floor == pytest.approx(0.1)
    assert fixed_cost(0.01, None, 0.1).floor == pytest.approx(0.4)
    assert fixed_cost(0.01, None, None).floor == 0.01
    assert fixed_cost(0.01, 0.0, 0.0).floor == 0.01


def test_predictions_and_their_warnings():
    rows = make_ladder(laws={"highs-ipm": (2.0, 8.0), "glop": (2.0, 800.0)}, sizes=SIZES, limit=1e4)
    (ladder,) = find_ladders(aggregate(rows))
    seen = {s: predict(ladder, s) for s in ladder.series}
    ipm = seen["highs-ipm"]
    assert ipm.reach[0].value == pytest.approx(1000 * (1 / 8) ** 0.5, rel=0.1)
    assert ipm.costs["seconds"][0].value == pytest.approx(8 * 12000**2, rel=0.3)
    assert ipm.costs["seconds"][0].extrapolates
    assert ipm.costs["bytes"][0].value > 1e9
    said = " ".join(warnings(list(seen.values())))
    assert "more than 10 times the largest economy" in said
    assert "no change of regime" in said
    assert "indistinguishable" not in said


def test_vague_intervals_are_not_printed():
    """A figure between a second and an age would still be quoted."""
    assert estimate_words(Estimate(3.0, 1.0, 1e7, 0.0), fmt.seconds) == ("too uncertain", "")
    assert estimate_words(Estimate(3.0, None, 9.0, 0.0), fmt.seconds) == ("too uncertain", "")
    assert estimate_words(Estimate(60.0, 1.0, 7200.0, 2.0), fmt.seconds) == ("too uncertain", "")
    assert estimate_words(None, fmt.seconds) == ("–", "")
    value, spread = estimate_words(Estimate(3.0, 1.0, 9.0, 2.0), fmt.seconds)
    assert (value, spread) == ("3.00 s!", "1.00 s to 9.00 s")


def tries(solver="pdlp", machine="m"):
    def one(attempt, gap, seconds, charged, end, **more):
        return make_record(
            solver,
            "gen:goods=1000",
            key=f"{solver}{attempt}{charged}",
            raw_gap=gap,
            verdict="loose",
            wall_s=seconds,
            options={"tolerance": 10.0 ** -(attempt + 2)},
            accuracy=AccuracyFacts(
                targets=more.pop("targets", [1e-4]), attempt=attempt, charged_s=charged, end=end
            ),
            **more,
        )

    return [
        one(0, 5e-3, 1.0, 1.0, "reached", targets=[1e-2]),
        one(0, 5e-2, 1.0, 1.0, ""),
        one(1, 5e-3, 2.0, 3.0, ""),
        one(2, 5e-5, 4.0, 7.0, "reached"),
    ]


def test_a_chain_of_tries_is_one_result_with_all_charged():
    """Tries as results of their own would count a solver four times and its time once."""
    (result,) = aggregate(tries())
    assert result.series == "pdlp"
    assert result.seconds == 7.0
    assert result.raw_gap == 5e-5
    assert result.solved
    plain = make_record("pdlp")
    assert chains_as_results([plain]) == [plain]


def test_chains_of_other_versions_and_options_are_results_of_their_own():
    """A file carried on with a newer solver would otherwise lose the older one without a word."""
    newer = [r.model_copy(update={"solver_version": "2.0"}) for r in tries()]
    threaded = [
        r.model_copy(update={"options": {**r.options, "threads": 2}, "wall_s": 9.0})
        for r in tries()
    ]
    found = {c.series for c in aggregate([*tries(), *newer, *threaded])}
    assert found == {"pdlp 1.15.1", "pdlp 2.0", "pdlp threads=2 1.15.1"}


def test_a_chain_is_disturbed_by_any_of_its_tries():
    """Its seconds are charged, so a disturbed try that failed disturbs the whole."""
    first, *rest = tries()[1:]
    disturbed = first.model_copy(update={"disturbed": True, "wall_s": 3.0})
    (result,) = aggregate([disturbed, *rest])
    assert result.disturbed
    (result,) = aggregate([first, *rest, disturbed, *rest])
    assert not result.disturbed, "a calm chain is not replaced by a disturbed one"
    (result,) = aggregate([disturbed, *rest, first, *rest])
    assert not result.disturbed, "nor is the disturbed one kept where there is a calm one"


def test_a_chain_is_charged_the_passes_and_the_peak_of_all_its_tries():
    """Exponents in passes and in seconds would otherwise be of different work."""
    one, two, three = tries()[1:]
    big = one.model_copy(update={"matrix_passes": 100.0, "peak_bytes": 50_000_000})
    (result,) = aggregate([big, two, three])
    assert result.passes == 100.0 + 2 * 1234.0
    assert result.peak_bytes == 50_000_000
    unknown = one.model_copy(update={"matrix_passes": None})
    (result,) = aggregate([unknown, two, three])
    assert result.passes is None


def test_a_chain_that_ran_out_of_time_is_stopped_at_all_it_was_given():
    rows = tries()[:3]
    last = make_failure(
        "pdlp",
        "timeout",
        "gen:goods=1000",
        time_limit_s=2.0,
        options={"tolerance": 1e-4},
        accuracy=AccuracyFacts(targets=[1e-4], attempt=2, charged_s=5.0, end="timeout"),
    )
    (result,) = aggregate([*rows, last])
    assert result.status == "timeout"
    assert result.seconds == 5.0


def test_sweeps_over_numbers_and_laws():
    declared = [
        make_record(
            "pdlp",
            f"gen:goods=50,threads={n}",
            recipe={"goods": 50, "k": n},
            goods=50,
            variable="threads",
            value=n,
            group="threads",
            key=str(n),
        )
        for n in (1, 2, 4)
    ]
    laws = [
        make_record(
            "pdlp",
            f"gen:goods=90,inputs={law}",
            recipe={"goods": 90, "inputs": law, "seed": 1},
            goods=90,
            variable="inputs",
            value=law,
            group="density",
            key=law,
        )
        for law in ("5", "20", "2*log")
    ]
    threads, density = find_sweeps(aggregate([*declared, *laws]))
    assert [v for v, _ in threads.points] == [1, 2, 4]
    assert threads.title == "threads"
    assert (density.knob, density.name, density.goods) == ("inputs", "density", 90)
    assert density.points[0][0] == 5
    assert find_sweeps(aggregate(make_ladder())) == [], "sizes differ, not inputs"


def test_sweep_from_zero_keeps_its_first_point():
    """A knob turned to 0 has no place on a logarithmic axis, and must not be lost for that."""
    rows = [
        make_record("pdlp", f"gen:goods=50,unit_spread={v}", recipe={"goods": 50, "u": v}, goods=50,
                    variable="unit_spread", value=v, group="units", key=str(v))
        for v in (0, 6, 12)
    ]  # fmt: skip
    (sweep,) = find_sweeps(aggregate(rows))
    assert [v for v, _ in sweep.points] == [0, 6, 12]
    scale = str(sweep_chart(sweep).to_dict()["layer"][0]["encoding"]["x"]["scale"])
    assert "log" not in scale


def test_seeds_of_one_value_are_one_point():
    """Else the line of a sweep would run up and down at each value."""
    rows = [
        make_record("pdlp", f"gen:goods=50,seed={s}", recipe={"goods": 50, "s": s, "v": v},
                    goods=50, variable="cross_share", value=v, group="c", key=f"{v} {s}",
                    wall_s=float(s + 10 * v))
        for v in (0.0, 0.1) for s in (1, 2, 3)
    ]  # fmt: skip
    (sweep,) = find_sweeps(aggregate(rows))
    assert [(v, c.seconds) for v, c in sweep.points] == [(0.0, 2.0), (0.1, 3.0)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (84.4, "84"), (12345, "12,300"), (999_400, "999,000"), (1.234e6, "1.2 million"),
     (12e9, "12 billion"), (4.4e13, "44 trillion"), (1e17, "10^17")],
)  # fmt: skip
def test_sizes_in_words(value, text):
    assert fmt.size(value) == text


def test_huge_figures_in_words():
    assert fmt.long_seconds(3e10) == "951 years"
    assert fmt.long_seconds(3e20) == "10^13 years"
    assert fmt.large_bytes(2.5e12) == "2.50 TB"
    assert fmt.large_bytes(2.5e9) == "2.50 GB"
    assert fmt.large_bytes(3e25) == "10^10 PB"
    assert fmt.large_bytes(None) == "–"


def test_sizes_are_called_exact_and_other_runs_bounds():
    """Runs that finished below a solver's fixed cost were left out of "finished" sizes."""
    from planbench.report.growth import growth_table

    rows = make_ladder(laws={"highs-ds": (1.2, 0.5)}, sizes=(100, 1000, 3000, 10000))
    (ladder,) = find_ladders(aggregate(rows))
    found = predict(ladder, "highs-ds")
    table = growth_table(ladder, [found], "seconds")
    (row,) = table.entries("terminal")
    told = {column.heading.split("\n")[0]: f"{entry.text} {entry.note}" for column, entry in row}
    assert ladder.sizes[0] == 100
    assert told["goods,"] == f"{found.growths['seconds'].fit.smallest:,.0f} to 10,000"
    assert found.growths["seconds"].fit.smallest == 1000, "at 100 goods it finished too"
    assert told["runs,"].split(", ")[1] >= "1", "that run is among the bounds"
