"""Sweeps over numbers and over words: one table and one chart each, nothing listed twice."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.record_builders import make_failure, make_record

from planbench.report.charts import sweep_chart
from planbench.report.instances import golden_table
from planbench.report.results import aggregate
from planbench.report.sweeps import find_sweeps, sweep_tables


def sweep(values, variable="structure", solvers=("highs-ds", "pdlp"), failed=None, seeds=(1,)):
    rows = []
    for solver in solvers:
        for place, value in enumerate(values):
            for seed in seeds:
                shared = {
                    "instance": f"gen:goods=50,{variable}={value},seed={seed}",
                    "goods": 50,
                    "recipe": {"goods": 50, variable: value, "seed": seed},
                    "variable": variable,
                    "value": value,
                    "group": f"by-{variable}",
                    "suite": "s",
                    "key": f"{solver} {value} {seed}",
                }
                if failed == (solver, value):
                    rows.append(make_failure(solver, "timeout", **shared))
                else:
                    rows.append(make_record(solver, wall_s=0.1 * (place + 1) * seed, **shared))
    return rows


def shown(tables, width=100):
    out = io.StringIO()
    for table in tables:
        Console(file=out, width=width).print(table)
    return out.getvalue()


def test_words_keep_the_order_of_the_suite():
    """A word must not be drawn at the number of non-zeros it came to."""
    (found,) = find_sweeps(aggregate(sweep(["uniform", "powerlaw", "layered"])))
    assert found.words == ("uniform", "powerlaw", "layered")
    assert [found.label(v) for v in found.values] == ["uniform", "powerlaw", "layered"]
    spec = sweep_chart(found).to_dict()
    assert all(layer["mark"]["type"] != "line" for layer in spec["layer"])
    assert spec["layer"][0]["encoding"]["x"]["type"] == "nominal"


def test_numbers_are_numbers_also_as_text():
    (found,) = find_sweeps(aggregate(sweep(["1", "10"], variable="resources")))
    assert found.words == ()
    assert found.values == (1.0, 10.0)


@pytest.mark.parametrize("width", [60, 100])
def test_table_holds_every_value_and_solver(width):
    rows = sweep(["uniform", "powerlaw"], failed=("pdlp", "powerlaw"))
    rows += sweep(["uniform"], solvers=("glop",))
    text = shown(sweep_tables(rows), width)
    assert max(map(len, text.splitlines())) <= width
    lines = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "100 ms" in lines["pdlp"]
    assert "> 10.0 s" in lines["pdlp"]
    assert "–" in lines["glop"], "glop was not run on the second value"
    assert "50 goods" in " ".join(text.split())


def test_an_option_that_is_swept_makes_no_other_solver():
    """With two threads highs-hipo is still highs-hipo: its line must go on."""
    rows = [
        row.model_copy(update={"options": {"threads": row.value}})
        for row in sweep([1, 2, 4], "threads", ("highs-hipo",))
    ]
    (found,) = find_sweeps(aggregate(rows))
    assert found.series == ("highs-hipo",)
    assert [found.at("highs-hipo", v) is not None for v in (1.0, 2.0, 4.0)] == [True] * 3


def test_instances_of_a_sweep_are_not_listed_again():
    """With several seeds only one stands for a value; the others are on the sweep as well."""
    rows = sweep([0.0, 0.5], variable="capacities", seeds=(1, 2, 3))
    assert golden_table(rows).rows == []
    alone = make_record("highs-ds", "us-bea-71", goods=71)
    assert len(golden_table([*rows, alone]).rows) == 1


def test_without_a_sweep_there_is_no_table():
    assert sweep_tables([make_record()]) == []
