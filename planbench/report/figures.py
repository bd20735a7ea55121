"""Figures as files, for papers: SVG, PNG and PDF of every chart of a report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import planbench.formatting as fmt
from planbench.errors import InputError
from planbench.io.files import replacing
from planbench.records.schema import Record
from planbench.report.charts import (
    Canvas,
    accuracy_chart,
    alt,
    effort_chart,
    exponent_chart,
    interval_sentences,
    ladder_chart,
    profile_chart,
    sweep_chart,
    vegalite_version,
)
from planbench.report.ladders import find_ladders, headline_ladder
from planbench.report.results import TARGET_GAP, require_results
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
        made.append((f"exponents-{ladder.name}", exponent_chart(ladder, canvas)))
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


def headline_figure(records: Sequence[Record], path: Path | str) -> None:
    """Write the chart of the README: time against goods on the highest ladder.

    Raises
    ------
    InputError
        Where the records hold no ladder.
    """
    ladders = find_ladders(require_results(records))
    if not ladders:
        raise InputError("hold no ladder of generated economies", where="records")
    ladder = headline_ladder(ladders)
    chart = ladder_chart(ladder, "seconds", Canvas(640, 400, "white"))
    if chart is None:
        raise InputError("hold no ladder with a time to draw", where="records")
    title = alt.TitleParams(
        text="How long does it take to compute an optimal plan?",
        subtitle=[
            f"Generated economies, ladder {ladder.name}. Filled points: certified within "
            f"{fmt.gap(TARGET_GAP)} of the optimum;",
            "hollow: finished, less certain. Crosses: stopped. Grey: slopes n, n², n³.",
            *interval_sentences(ladder, "seconds"),
        ],
        anchor="start",
        fontSize=17,
        subtitleColor="#555",
        subtitleFontSize=12,
        subtitlePadding=6,
        offset=14,
    )
    save_figure(chart.properties(title=title, padding=14), path)
