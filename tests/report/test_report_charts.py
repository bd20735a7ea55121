"""Charts draw what the records say: failures at the limit, one look per solver."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from headline import headline_figure
from support.record_builders import LAWS, make_failure, make_ladder, make_record, make_suite

from planbench.errors import InputError
from planbench.report.ladders import find_ladders
from planbench.report.results import aggregate
from planbench.report.style import SERIES_STYLES, in_order, series_style

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

from planbench.report.charts import (
    accuracy_chart,
    ladder_chart,
    ladder_points,
    profile_chart,
    ticks,
)
from planbench.report.html import render_report, save_figure


def values_of(chart):
    """All rows of inline data in a chart."""
    spec = chart.to_dict()
    named = spec.get("datasets", {})
    rows = []
    for layer in spec["layer"]:
        data = layer.get("data", {})
        rows.append(data.get("values") or named.get(data.get("name"), []))
    return rows


def test_failures_are_drawn_at_the_limit_and_not_left_out():
    rows = make_ladder(laws={"highs-ds": (2.5, 0.6), "cbc": (2.6, 1.3)}, limit=10.0)
    (ladder,) = find_ladders(aggregate(rows))
    points, stops = ladder_points(ladder, "seconds")
    assert {p["series"] for p in stops} == {"highs-ds", "cbc"}
    assert all(p["cost"] == 10.0 for p in stops)
    assert len(points) + len(stops) == len(rows)


def test_failures_at_one_size_stand_side_by_side():
    """Crosses on top of each other would hide that several solvers failed."""
    rows = make_ladder(laws=dict.fromkeys(("highs-ds", "glop", "cbc"), (2.5, 0.6)), limit=10.0)
    (ladder,) = find_ladders(aggregate(rows))
    _, stops = ladder_points(ladder, "seconds")
    places = sorted(s["goods"] for s in stops)
    assert len(set(places)) == 3
    assert all(abs(math.log(p / 10000)) < 0.2 for p in places)
    assert {s["at"] for s in stops} == {"10,000"}, "the tooltip tells the true size"


def test_loose_answers_are_hollow():
    rows = make_ladder(laws={"pdlp": (1.2, 0.2)})
    rows[1] = rows[1].model_copy(update={"verdict": "loose", "raw_gap": 5e-3})
    (ladder,) = find_ladders(aggregate(rows))
    points, _ = ladder_points(ladder, "seconds")
    assert [p["solved"] for p in points] == [True, False, True, True, True]


def heuristic(gap=0.45):
    """Rows of a planner that is faster than all and proves next to nothing."""
    rows = make_ladder(laws={"harmony": (1.0, 1e-4)})
    verdict = "unproven" if gap is None else "loose"
    return [r.model_copy(update={"verdict": verdict, "raw_gap": gap}) for r in rows]


@pytest.mark.parametrize("gap", [0.45, None])
def test_who_proves_next_to_nothing_does_not_lead_the_chart(gap):
    """Planners with a gap of 45 % were the lowest lines of the chart of times."""
    rows = [*make_ladder(laws={"highs-ds": (1.5, 0.3)}), *heuristic(gap)]
    (ladder,) = find_ladders(aggregate(rows))
    for measure in ("seconds", "passes", "bytes"):
        points, stops = ladder_points(ladder, measure)
        assert {p["series"] for p in points} == {"highs-ds"}
        assert not stops
        assert "harmony" not in json.dumps(ladder_chart(ladder, measure).to_dict())
    page = render_report(rows)
    assert "Not drawn, as they prove no better than 1e-2: harmony (5 of 5)." in page
    without = render_report(make_ladder(laws={"highs-ds": (1.5, 0.3)}))
    assert "Not drawn" not in without


def test_a_ladder_of_heuristics_alone_still_makes_a_page():
    assert "Not drawn, as they prove no better than 1e-2" in render_report(heuristic())


def test_ticks_are_round_numbers_within_the_domain():
    assert ticks([0.02, 3000.0]) == [0.1, 1.0, 10.0, 100.0, 1000.0]
    assert ticks([80.0, 3000.0]) == [100, 200, 500, 1000, 2000]


def test_every_known_solver_has_its_own_look():
    colours = [look.colour for look in SERIES_STYLES.values()]
    assert len(set(colours)) == len(colours)
    assert series_style("highs-ds") == SERIES_STYLES["highs-ds"]
    assert series_style("highs-ds:stock").shape == SERIES_STYLES["highs-ds"].shape
    assert series_style("someone-elses") == series_style("someone-elses")
    assert in_order(["zzz", "pdlp", "aaa", "highs-ds"]) == ["highs-ds", "pdlp", "aaa", "zzz"]


@pytest.mark.parametrize("measure", ["seconds", "passes", "bytes"])
def test_ladder_chart_holds_every_solver(measure):
    (ladder, _) = find_ladders(aggregate(make_suite()))
    drawn = {row.get("series") for rows in values_of(ladder_chart(ladder, measure)) for row in rows}
    assert set(LAWS) <= drawn


def test_charts_without_anything_to_draw():
    rows = [make_failure("x", "crash", f"gen:goods={n}", goods=n, group="g") for n in (10, 100)]
    results = aggregate(rows)
    (ladder,) = find_ladders(results)
    assert ladder_chart(ladder, "seconds") is None
    assert accuracy_chart(results) is None
    assert profile_chart(results) is None
    assert profile_chart(aggregate([make_record()])) is None, (
        "one solver has nobody to compare with"
    )


def test_accuracy_chart_keeps_the_null_solver_and_zero_gaps():
    """Without the null solver nobody sees what no effort is worth."""
    rows = [make_record(raw_gap=0.0), make_record("null", verdict="loose", raw_gap=1.0)]
    points = values_of(accuracy_chart(aggregate(rows)))[-1]
    assert {p["series"]: p["y"] for p in points} == {"highs-ds": 1e-16, "null": 1.0}


def test_headline_figure_is_an_svg_with_every_name(tmp_path):
    path = tmp_path / "img" / "headline.svg"
    headline_figure(make_suite(), path)
    text = "".join(ET.parse(path).getroot().itertext())
    for name in LAWS:
        assert name in text
    assert "goods in the economy" in text
    assert "seconds to a plan" in text


def test_png_and_bad_endings(tmp_path):
    (ladder, _) = find_ladders(aggregate(make_suite()))
    chart = ladder_chart(ladder, "bytes").properties(width=300).to_dict()
    save_figure(chart, tmp_path / "x.png", scale=1)
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"\.svg, \.png or \.pdf"):
        save_figure(chart, tmp_path / "x.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write it: (File exists|Not a directory)"):
        save_figure(chart, tmp_path / "file" / "x.svg")


def test_headline_needs_a_ladder(tmp_path):
    with pytest.raises(InputError, match="no ladder"):
        headline_figure([make_record()], tmp_path / "x.svg")


def test_a_chart_does_not_depend_on_the_order_of_hashes():
    """A figure that changes by itself cannot be told from one whose figures changed."""
    script = (
        "import hashlib, json; from planbench.records.store import read_records as r;"
        "from planbench.report.ladders import find_ladders;"
        "from planbench.report.results import require_results;"
        "from planbench.report.charts import ladder_chart;"
        "l = find_ladders(require_results(r('results/reference/quick.jsonl')))[0];"
        "c = ladder_chart(l, 'seconds').to_dict();"
        "print(json.dumps(c, sort_keys=True))"
    )
    root = Path(__file__).resolve().parents[2]
    drawn = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(drawn) == 1
