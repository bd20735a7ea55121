"""Ladders of any recipe are found, and real ones are held against synthetic ones."""

from __future__ import annotations

import pytest
from support.record_builders import make_record

from planbench.report.growth import compare_real
from planbench.report.html import render_report
from planbench.report.ladders import find_ladders
from planbench.report.results import aggregate

SIZES = (1000, 3000, 10000, 30000, 100000)


def climb(group, text, slope, at_1000=0.5, solver="highs-hipdlp", sizes=SIZES, **changes):
    """Rungs of one ladder whose cost grows by a known power."""
    rows = []
    for number, size in enumerate(sizes):
        scatter = 1 + 0.01 * (number % 2)
        shared = {
            "goods": size,
            "recipe": {"anything": number},
            "group": group,
            "suite": "us-million",
            "variable": "goods",
            "value": size,
            "key": f"{solver} {group} {text} {size}",
            "wall_s": at_1000 * (size / 1000) ** slope * scatter,
        } | changes
        rows.append(make_record(solver, text.replace("{n}", str(size)), **shared))
    return rows


def ladders(rows):
    return {lad.name: lad for lad in find_ladders(aggregate(rows))}


REAL = "split:us-bea-71,goods={n},seed=1"
FITTED = "gen:profile=us-bea-2012,goods={n},seed=1"


@pytest.mark.parametrize("text", [REAL, FITTED, "gen:goods={n},years=3,seed=1"])
def test_recipes_of_any_maker_make_a_ladder(text):
    """Knobs filled in by size, unlike from rung to rung, must not tear a ladder apart."""
    found = ladders(climb("up", text, 1.1))
    assert list(found) == ["up"]
    assert found["up"].sizes == SIZES
    assert found["up"].real == ("years" not in text)


def test_seeds_and_sizes_only_may_differ():
    rows = climb("up", REAL, 1.1) + climb("up", "split:us-bea-15,goods={n},seed=1", 1.1)
    assert sorted(ladders(rows)) == ["up (of=us-bea-15)", "up (of=us-bea-71)"]
    assert ladders(climb("a", "split:us-bea-71,goods={n},seed=7", 1.1))["a"].real


def test_years_grow_the_economy():
    rows = []
    for years in (2, 5, 10):
        rows += climb(
            "dated",
            f"gen:goods=500,years={years},seed=1",
            1.0,
            sizes=(500 * years,),
            variable="years",
            value=years,
        )
    assert ladders(rows)["dated"].sizes == (1000, 2500, 5000)


def test_sweep_of_an_option_is_no_ladder():
    rows = []
    for threads in (1, 2):
        rows += climb(
            "t", REAL, 1.0, sizes=(1000,), variable="threads", value=threads,
            key=str(threads), options={"threads": threads},
        )  # fmt: skip
    assert ladders(rows) == {}


@pytest.mark.parametrize(("slope", "likeness"), [(1.12, "same"), (1.6, "differs")])
def test_verdict_on_known_slopes(slope, likeness):
    """A reader must see whether the synthetic ladder tells the truth."""
    plain = climb("synthetic", "gen:goods={n},seed=1", 1.1, at_1000=0.25)
    for number, row in enumerate(plain):
        plain[number] = row.model_copy(
            update={
                "instance": row.instance.model_copy(update={"recipe": {"goods": SIZES[number]}})
            }
        )
    rows = climb("us", REAL, slope) + plain
    (one,) = compare_real(find_ladders(aggregate(rows)))
    assert one.difference.likeness == likeness
    assert one.difference.value == pytest.approx(slope - 1.1, abs=0.02)
    assert one.goods == 100_000
    assert one.ratio == pytest.approx(2 * 100 ** (slope - 1.1), rel=0.02)
    page = render_report(rows, title="x")
    assert "Real and synthetic structure" in page


def test_nothing_is_compared_without_both():
    assert compare_real(find_ladders(aggregate(climb("us", REAL, 1.1)))) == []


def test_ladders_of_other_machines_are_not_compared():
    """Seconds of unequal machines say nothing of structure."""
    other = {"id": "other machine", "cpu": "x"}
    rows = climb("us", REAL, 1.1) + climb("plain", "gen:goods={n},years=1", 1.1, machine=other)
    assert compare_real(find_ladders(aggregate(rows))) == []
