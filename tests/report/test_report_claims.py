"""Verdicts on published claims follow their stated rules, and nothing unmeasured gets one."""

from __future__ import annotations

import pytest
from support.record_builders import make_ladder, make_record

from planbench.debate.claims import (
    UNKNOWN,
    UNMEASURED,
    bears_claims,
    best_general,
    claims_ladder,
    exponent_verdict,
    judge_claims,
)
from planbench.records.schema import AccuracyFacts
from planbench.report.ladders import find_ladders
from planbench.report.results import aggregate
from planbench.stats.growth import PowerLawFit

SIZES = (100, 300, 1000, 3000, 10000, 30000)


def fit(low, high, exponent=1.5, n_sizes=5):
    return PowerLawFit(
        exponent, low, high, 1e-5, 0.1, 0.95, n_sizes, 0, n_sizes, 100.0, 1e4, "too few sizes"
    )


def findings(rows):
    results = aggregate(rows)
    ladders = find_ladders(results)
    return {
        f.claim.split(",")[0]: f
        for f in judge_claims(rows, results, ladders[0] if ladders else None)
    }


@pytest.mark.parametrize(
    ("found", "predicted", "verdict"),
    [
        (fit(1.0, 1.3), (3.5, 3.5), "contradicted"),
        (fit(1.9, 2.2), (2.0, 2.0), "supported"),
        (fit(0.5, 4.0), (2.0, 2.0), UNKNOWN),
        (fit(1.1, 1.4), (1.0, 1.15), "supported"),
        (fit(1.2, 1.4), (1.0, 1.15), "contradicted"),
        (fit(0.2, 0.9), (1.0, 1.15), "contradicted"),
        (fit(None, None), (2.0, 2.0), UNKNOWN),
        (fit(None, None, None, 2), (2.0, 2.0), UNKNOWN),
        (fit(None, None, None, 0), (2.0, 2.0), UNMEASURED),
    ],
)
def test_exponents_are_judged_by_their_interval(found, predicted, verdict):
    assert exponent_verdict(found, *predicted) == verdict


def test_claims_on_growth_against_known_laws():
    rows = make_ladder(
        laws={"highs-hipdlp": (1.13, 0.05), "highs-ds": (2.0, 0.01)}, sizes=SIZES, limit=1e9
    )
    rows = [r.model_copy(update={"wall_s": r.wall_s * 100}) for r in rows]
    found = findings(rows)
    shalizi = found["The cost of interior-point methods"]
    assert shalizi.verdict == UNMEASURED, "neither is an interior-point method"
    assert "highs-hipdlp: n^1.1" in shalizi.measured
    assert "at 12 billion goods" in shalizi.measured
    assert found["Inputs per product are few"].verdict == "supported"
    quadratic = found["Ten thousand times more choices cost 100 million times more computation"]
    assert quadratic.verdict == "contradicted"


def test_interior_point_methods_are_judged_by_their_own_kind():
    """A first-order method that grows like n would refute what was never said of it."""
    laws = {"highs-hipdlp": (1.1, 0.01), "highs-ds": (2.0, 0.01), "highs-ipm": (3.5, 10.0)}
    rows = make_ladder(laws=laws, sizes=SIZES, limit=1e9)
    rows = [r.model_copy(update={"wall_s": r.wall_s * 1e4}) for r in rows]
    found = findings(rows)["The cost of interior-point methods"]
    assert found.verdict == "supported"
    assert found.measured.startswith("highs-ipm: n^3.4")
    assert "; any general method: highs-hipdlp: n^1.0" in found.measured


def test_one_way_to_plan_in_n_log_n_is_enough():
    """What can be done is judged by the best solver of all, what must be paid by general ones."""
    rows = make_ladder(
        laws={"two-level": (1.1, 0.01), "highs-ds": (2.0, 0.01)}, sizes=SIZES, limit=1e9
    )
    found = findings([r.model_copy(update={"wall_s": r.wall_s * 100}) for r in rows])
    assert found["Inputs per product are few"].verdict == "supported"
    assert "two-level" in found["Inputs per product are few"].measured
    quadratic = found["Ten thousand times more choices cost 100 million times more computation"]
    assert "highs-ds" in quadratic.measured


def test_without_ladders_nothing_is_said_of_growth():
    """A verdict without data would be invented."""
    found = findings([make_record(goods=None, recipe={})])
    verdicts = {f.verdict for f in found.values()}
    assert verdicts == {UNMEASURED}


def test_planners_do_not_stand_for_general_solvers(monkeypatch):
    from planbench.debate import claims

    monkeypatch.setattr(claims, "is_planner", lambda solver: solver == "swift")
    rows = make_ladder(laws={"swift": (1.0, 0.001), "highs-ipm": (2.0, 0.8)})
    (ladder,) = find_ladders(aggregate(rows))
    assert best_general(ladder) == "highs-ipm"


CLAIM = "A good enough approximation is far cheaper than the optimum"
#: A ladder that bears claims, by a solver that says nothing of them.
BASE = make_ladder(laws={"cbc": (1.0, 0.5)}, sizes=(100, 1000, 3000))
RUNGS = {"a": 1000, "b": 3000}


def rung(solver, instance, **fields):
    """Row on a rung of that ladder."""
    size = RUNGS[instance]
    recipe = {"goods": size, "structure": "uniform", "seed": 1}
    return make_record(
        solver, f"gen:goods={size},structure=uniform", goods=size, recipe=recipe,
        group="uniform", **fields,
    )  # fmt: skip


def driven(target, seconds, solver="pdlp", reached=True, instance="a"):
    return rung(
        solver,
        instance,
        key=f"{solver} {instance} {target}",
        wall_s=seconds,
        raw_gap=target / 2 if reached else 0.5,
        verdict="loose",
        options={"tolerance": target},
        accuracy=AccuracyFacts(
            targets=[target], charged_s=seconds, end="reached" if reached else "stalled"
        ),
    )


@pytest.mark.parametrize(
    ("slow", "verdict"), [(20.0, "supported"), (1.5, "contradicted"), (5.0, UNKNOWN)]
)
def test_good_enough_is_judged_by_charged_time(slow, verdict):
    rows = [driven(1e-2, 1.0), driven(1e-6, slow), driven(1e-6, 99.0, "glop")]
    assert findings(rows)[CLAIM].verdict == UNMEASURED, "one economy is no ladder"
    found = findings(BASE + rows)["A good enough approximation is far cheaper than the optimum"]
    assert found.verdict == verdict
    assert f"{slow:.1f} times as long" in found.measured


def test_targets_that_were_missed_give_no_ratio():
    rows = [driven(1e-2, 1.0), driven(1e-6, 20.0, reached=False)]
    found = findings(BASE + rows)["A good enough approximation is far cheaper than the optimum"]
    assert found.verdict == UNMEASURED


def stopped(target, seconds, solver="pdlp", instance="a"):
    row = driven(target, seconds, solver, reached=False, instance=instance)
    facts = row.accuracy.model_copy(update={"end": "timeout"})
    return row.model_copy(update={"ended": "timeout", "raw_gap": None, "accuracy": facts})


def test_tight_targets_that_ran_out_of_time_count_as_at_least():
    """Without them the easy instances alone would say that accuracy costs nothing."""
    easy = [*BASE, driven(1e-2, 1.0), driven(1e-6, 1.2)]
    assert findings(easy)[CLAIM].verdict == "contradicted"
    hard = [driven(1e-2, 1.0, instance="b"), stopped(1e-6, 2.0, instance="b")]
    found = findings(easy + hard)[CLAIM]
    assert found.verdict == UNKNOWN
    assert "at least 1.5 times as long" in found.measured
    far = [driven(1e-2, 1.0), stopped(1e-6, 20.0)]
    assert findings(BASE + far)[CLAIM].verdict == "supported"


def test_doing_nothing_is_no_good_enough_plan():
    rows = [driven(1e-2, 1e-4, "null"), driven(1e-2, 10.0), driven(1e-6, 11.0)]
    assert findings(BASE + rows)[CLAIM].verdict == "contradicted"


def test_prices_are_proven_or_not():
    claim = "What planning lacks is prices"
    assert findings(BASE)[claim].verdict == "contradicted"
    loose = [
        r.model_copy(update={"solver": s, "raw_gap": 0.3, "verdict": "loose", "key": s + r.key})
        for r in BASE
        for s in ("glop", "pdlp")
    ]
    assert findings(BASE + loose)[claim].verdict == UNKNOWN
    null = [make_record("null", raw_gap=1e-7)]
    assert findings(null)[claim].verdict == UNMEASURED


@pytest.mark.parametrize(
    ("sizes", "bears"),
    [((100, 1000), False), ((100, 200, 400), False), ((100, 300, 1000), True)],
)
def test_a_ladder_bears_claims_with_enough_sizes_far_enough_apart(sizes, bears):
    (ladder,) = find_ladders(aggregate(make_ladder(laws={"cbc": (1.0, 0.1)}, sizes=sizes)))
    assert bears_claims(ladder) is bears
    assert (claims_ladder([ladder]) is ladder) is bears
    found = findings(make_ladder(laws={"cbc": (1.0, 0.1)}, sizes=sizes))
    assert ({f.verdict for f in found.values()} == {UNMEASURED}) is not bears


def test_what_was_not_solved_is_no_rung_of_it():
    rows = make_ladder(laws={"cbc": (2.0, 1.0)}, sizes=(100, 1000, 100_000), limit=10.0)
    (ladder,) = find_ladders(aggregate(rows))
    assert not bears_claims(ladder)


def test_a_few_goods_do_not_tell_how_many_rounds_planning_takes():
    """A run of MPS files was told that 15 rounds are contradicted, at 5 goods."""
    handful = [
        make_record("highs-ds", "kantorovich-plywood", goods=5, matrix_passes=9000.0),
        make_record("highs-ds", "model.mps", goods=None, recipe={}, matrix_passes=9000.0),
    ]
    assert {f.verdict for f in findings(handful).values()} == {UNMEASURED}
    claim = "Four digits of the optimum take about 15 rounds over the matrix"
    assert "at 3,000 goods" in findings(BASE + handful)[claim].measured


def coupled(costs, solver="highs-ipm", top=None):
    rows = []
    for share, seconds in zip((0.0, 0.1, 0.5), costs, strict=True):
        changes = {} if share < 0.5 or top is None else top
        rows.append(
            make_record(
                solver,
                f"gen:goods=500,regions=4,cross_share={share}",
                goods=2000,
                group="coupling",
                suite="regions",
                variable="cross_share",
                value=share,
                key=f"{solver} {share}",
                wall_s=seconds,
                **changes,
            )
        )
    return rows


@pytest.mark.parametrize(
    ("costs", "top", "verdict"),
    [
        ((1.0, 3.0, 30.0), None, "supported"),
        ((1.0, 1.0, 1.5), None, "contradicted"),
        ((1.0, 2.0, 4.0), None, UNKNOWN),
        ((1.0, 1.0, 1.5), {"ended": "timeout", "time_limit_s": 1.5}, UNKNOWN),
        ((1.0, 1.0, 30.0), {"ended": "timeout", "time_limit_s": 30.0}, "supported"),
        ((1.0, 1.0, 1.5), {"ended": "crash"}, UNMEASURED),
    ],
)
def test_coupling_is_judged_between_the_ends_of_the_sweep(costs, top, verdict):
    """A run stopped at its limit took at least that long; a crash tells nothing of cost."""
    claim = "Parts that trade little can be planned in parallel; coupling destroys it"
    found = findings(coupled(costs, top=top))[claim]
    assert found.verdict == verdict
    assert bool(found.measured) == (verdict != UNMEASURED)


def test_coupling_is_not_judged_before_most_inputs_cross():
    """A run cut off at a tenth has not put the claim to the test."""
    claim = "Parts that trade little can be planned in parallel; coupling destroys it"
    rows = coupled((1.0, 1.0, 1.5))
    assert findings([r for r in rows if r.value < 0.5])[claim].verdict == UNMEASURED
    short = [r for r in coupled((1.0, 1.0, 99.0), "glop") if r.value < 0.5]
    found = findings(rows + short)[claim]
    assert found.measured.startswith("highs-ipm"), "glop was not run at the end"


def test_coupling_goes_by_the_fastest_general_solver():
    rows = coupled((1.0, 2.0, 20.0), "highs-ds") + coupled((1.0, 1.0, 1.2), "highs-ipm")
    rows += coupled((0.1, 0.1, 2.0), "two-level")
    found = findings(rows)[
        "Parts that trade little can be planned in parallel; coupling destroys it"
    ]
    assert found.measured.startswith("highs-ipm")
    assert found.verdict == "contradicted"
