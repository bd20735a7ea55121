"""Every chart of a report as SVG, PNG and PDF."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.record_builders import make_ladder, make_record

from planbench.errors import InputError
from planbench.records.schema import AccuracyFacts
from planbench.records.store import to_line
from planbench.report.results import aggregate
from planbench.report.sweeps import find_sweeps
from planbench.stats.accuracy import time_to_accuracy

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

from planbench.report.charts import (
    effort_chart,
    largest_driven,
    sweep_chart,
)
from planbench.report.html import render_report, write_figures

DOCS = Path(__file__).parents[2] / "docs"


def test_docs_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = map(to_line, make_ladder(sizes=(100, 300)))
    Path("results").mkdir()
    Path("results/quick.jsonl").write_bytes(b"".join(lines))
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "report.md").read_text(), re.DOTALL)
    exec(example, {})
    assert Path("results/quick.html").exists()
    assert list(Path("figures").glob("*.svg"))


def driven():
    return [
        make_record(
            solver,
            "gen:goods=500",
            goods=500,
            key=f"{solver} {target}",
            wall_s=seconds,
            raw_gap=target / 2 if reached else 0.4,
            verdict="loose",
            options={"tolerance": target},
            accuracy=AccuracyFacts(
                targets=[target], charged_s=seconds, end="reached" if reached else "stalled"
            ),
        )
        for solver, target, seconds, reached in (
            ("pdlp", 1e-2, 0.1, True),
            ("pdlp", 1e-6, 3.0, True),
            ("null", 1e-2, 0.1, False),
            ("null", 1e-6, 0.1, False),
        )
    ]


def density():
    return [
        make_record(
            "pdlp",
            f"gen:goods=90,inputs={n}",
            recipe={"goods": 90, "inputs": str(n), "seed": 1},
            goods=90,
            wall_s=0.01 * n,
            variable="inputs",
            value=n,
            group="density",
            key=str(n),
        )
        for n in (5, 20, 80)
    ]


def test_all_charts_in_three_formats(tmp_path):
    rows = make_ladder(laws={"highs-ipm": (2.0, 0.8), "pdlp": (1.2, 0.2)}) + driven() + density()
    written = write_figures(render_report(rows), tmp_path)
    stems = {path.stem for path in written}
    assert stems == {
        "time-uniform", "memory-uniform",
        "inputs-density", "accuracy", "effort", "profile",
    }  # fmt: skip
    assert len(written) == 3 * len(stems)
    for path in written:
        head = path.read_bytes()[:5]
        assert head.startswith({".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}[path.suffix])
    text = "".join(ET.parse(tmp_path / "profile.svg").getroot().itertext())
    assert "highs-ipm" in text, "a figure on its own needs its legend"


def test_names_of_files_are_safe(tmp_path):
    rows = make_ladder("../../etc/x", laws={"pdlp": (1.2, 0.2)})
    written = write_figures(render_report(rows), tmp_path)
    assert written
    assert all(path.parent == tmp_path for path in written)


def test_figures_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write it: (File exists|Not a directory)"):
        write_figures(render_report(make_ladder(laws={"pdlp": (1.2, 0.2)})), tmp_path / "file")


def rows_of(chart, mark):
    spec = chart.to_dict()
    data = spec.get("datasets", {})
    return [
        row
        for layer in spec["layer"]
        if layer["mark"]["type"] == mark
        for row in layer["data"].get("values") or data.get(layer["data"].get("name"), [])
    ]


def test_targets_that_were_missed_are_crosses():
    """Leaving them out would make a solver that reaches nothing look cheap."""
    times = time_to_accuracy(driven())
    assert len(largest_driven(times)) == 4
    points = rows_of(effort_chart(times), "point")
    assert sorted(p["series"] for p in points if not p["solved"]) == ["null", "null"]
    assert effort_chart([]) is None


def test_sweep_chart_draws_the_knob():
    (sweep,) = find_sweeps(aggregate(density()))
    points = rows_of(sweep_chart(sweep), "point")
    assert sorted({p["x"] for p in points}) == [5, 20, 80]
