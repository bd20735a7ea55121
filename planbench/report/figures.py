"""Figures as files, for papers: SVG, PNG and PDF of every chart of a report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.io.files import replacing
from planbench.records.schema import Record
from planbench.report.charts import (
    Canvas,
    accuracy_chart,
    effort_chart,
    ladder_chart,
    profile_chart,
    sweep_chart,
    vegalite_version,
)
from planbench.report.ladders import find_ladders
from planbench.report.results import require_results
from planbench.report.sweeps import find_sweeps
from planbench.stats.accuracy import time_to_accuracy

ENDINGS = (".svg", ".png", ".pdf")
_WIDTH = 560


def write_figures(records: Sequence[Record], folder: Path | str) -> list[Path]:
    """Write every chart that `records` allow into `folder`, as SVG, PNG and PDF.

    Captions are left to the paper; :func:`planbench.report.sections.ladder_caption` has the page's.

    Returns
    -------
    list of Path
        The files, charts in the order of the report.

    Raises
    ------
    InputError
        Without any record, or when a file cannot be written.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    written = []
    for name, chart in _charts(records):
        for ending in ENDINGS:
            path = Path(folder) / f"{name}{ending}"
            save_figure(chart, path)
            written.append(path)
    return written


def _charts(records: Sequence[Record]) -> Iterator[tuple[str, Any]]:
    results = require_results(records)
    canvas = Canvas(width=_WIDTH, background="white")
    with_legend = replace(canvas, legend=True)
    made: list[tuple[str, Any]] = []
    for ladder in sorted(find_ladders(results), key=lambda lad: lad.name):
        made.append((f"time-{ladder.name}", ladder_chart(ladder, "seconds", canvas)))
        made.append((f"passes-{ladder.name}", ladder_chart(ladder, "passes", canvas)))
        made.append((f"memory-{ladder.name}", ladder_chart(ladder, "bytes", canvas)))
    for sweep in find_sweeps(results):
        made.append((f"{sweep.knob}-{sweep.name}", sweep_chart(sweep, with_legend)))
    made.append(("accuracy", accuracy_chart(results, with_legend)))
    made.append(("effort", effort_chart(time_to_accuracy(records), with_legend)))
    made.append(("profile", profile_chart(results, with_legend)))
    seen: set[str] = set()
    for name, chart in made:
        if chart is None:
            continue
        safe = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "figure"
        unique, number = safe, 1
        while unique in seen:
            number += 1
            unique = f"{safe}-{number}"
        seen.add(unique)
        yield unique, chart.properties(padding=10)


def save_figure(chart: Any, path: Path | str, *, scale: float = 2.0) -> None:
    """Write a chart as SVG, PNG or PDF, by the ending of `path`; no browser needed.

    Raises
    ------
    InputError
        For another ending, or a file that cannot be written.
    """
    import vl_convert

    target = Path(path)
    spec = json.dumps(chart.to_dict())
    version = vegalite_version()
    if target.suffix == ".svg":
        content = vl_convert.vegalite_to_svg(spec, vl_version=version).encode()
    elif target.suffix == ".png":
        content = vl_convert.vegalite_to_png(spec, vl_version=version, scale=scale)
    elif target.suffix == ".pdf":
        content = vl_convert.vegalite_to_pdf(spec, vl_version=version)
    else:
        raise InputError(
            f"ends in {target.suffix or 'nothing'}; use .svg, .png or .pdf", where=str(path)
        )
    with replacing(target, make_folder=True) as file:
        file.write(content)
