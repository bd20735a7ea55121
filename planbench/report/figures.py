"""Figures as files, for papers: SVG, PNG and PDF of every chart of a page."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.io.files import replacing
from planbench.report.charts import vegalite_version

ENDINGS = (".svg", ".png", ".pdf")
#: Name and specification of each chart in a page, as ``templates/figure.html`` writes them.
_CHART = re.compile(
    r'data-name="planbench-([^"]*)".*?<script type="application/json">(.*?)</script>', re.DOTALL
)


def write_figures(page: str, folder: Path | str) -> list[Path]:
    """Write every chart of a page into `folder`, as SVG, PNG and PDF.

    Captions are left to the paper.

    Parameters
    ----------
    page : str
        HTML, as :func:`planbench.report.html.render_report` returns it.
    folder : path-like

    Returns
    -------
    list of Path
        The files, charts in the order of the page.

    Raises
    ------
    InputError
        When a file cannot be written.
    """
    written: list[Path] = []
    seen: Counter[str] = Counter()
    for name, text in _CHART.findall(page):
        chart = json.loads(text) | {"width": 560, "background": "white", "padding": 10}
        seen[name] += 1
        stem = name if seen[name] == 1 else f"{name}--{seen[name]}"
        for ending in ENDINGS:
            path = Path(folder) / f"{stem}{ending}"
            save_figure(chart, path)
            written.append(path)
    return written


def save_figure(chart: dict[str, Any], path: Path | str, *, scale: float = 2.0) -> None:
    """Write a Vega-Lite chart as SVG, PNG or PDF, by the ending of `path`; no browser needed.

    Raises
    ------
    InputError
        For another ending, or a file that cannot be written.
    """
    import vl_convert

    target = Path(path)
    spec, version = json.dumps(chart), vegalite_version()
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
