"""The page works in a real browser: charts drawn, no console errors, buttons do their job."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from support.full import full_only, full_param
from support.record_builders import make_ladder, make_suite

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium installed"),
]

#: Sorts the raw rows by time twice, filters them, starts the download, and writes down the result.
PROBE = """
<script>
window.addEventListener("load", () => setTimeout(async () => {
  const root = document.documentElement, table = document.getElementById("rows");
  const times = () => Array.from(table.tBodies[0].rows, (r) => r.cells[8].dataset.sort);
  const button = table.tHead.rows[0].cells[8].querySelector("button");
  button.click(); root.dataset.up = times().join(" ");
  button.click(); root.dataset.down = times().join(" ");
  const filter = document.getElementById("filter");
  filter.value = "glop timeout"; filter.dispatchEvent(new Event("input"));
  root.dataset.shown = document.getElementById("shown").textContent;
  let blob = null;
  URL.createObjectURL = (given) => { blob = given; return "#"; };
  document.getElementById("download").click();
  root.dataset.lines = String((await blob.text()).trim().split("\\n").length);
  const open = () => document.querySelectorAll("#claims details[open]").length;
  window.dispatchEvent(new Event("beforeprint")); root.dataset.printed = String(open());
  window.dispatchEvent(new Event("afterprint")); root.dataset.folded = String(open());
  root.dataset.wide = String(root.scrollWidth > root.clientWidth);
}, 1500));
</script>
"""


def add_probe(path):
    """Put the probe before the last end of the body; the chart library holds that text too."""
    head, end, tail = path.read_text().rpartition("</body>")
    path.write_text(head + PROBE + end + tail)


def open_page(path, tmp_path, width=1280):
    """DOM after the scripts ran, and what the console said."""
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},2000",
            "--virtual-time-budget=10000",
            "--enable-logging=stderr",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return done.stdout, console


@pytest.fixture(scope="module")
def write():
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    from planbench.debate.page import debate_sections
    from planbench.report.html import write_report

    def write(records, path, **settings):
        """Write the page as the command writes it."""
        write_report(records, path, extra=debate_sections(records), **settings)

    return write


def test_page_in_a_browser(write, tmp_path):
    """Charts hold marks, sorting, filter and download work, and the console stays silent."""
    path = tmp_path / "report.html"
    records = make_suite()
    write(records, path)
    add_probe(path)
    dom, console = open_page(path, tmp_path)
    assert console == []
    root = re.search(r"<html[^>]*>", dom).group(0)
    assert 'data-drawn="6"' in root
    charts = re.findall(r'<svg [^>]*class="marks".*?</svg>', dom, flags=re.DOTALL)
    assert len(charts) == 6
    for chart in charts:
        assert len(re.findall(r"<path ", chart)) > 12, "axes alone have no marks"
    assert ">highs-hipdlp<" in charts[0], "the legend names the lines"
    up = re.search(r'data-up="([^"]*)"', root).group(1).split(" ")
    down = re.search(r'data-down="([^"]*)"', root).group(1).split(" ")
    numbers = [float(t) for t in up if t]
    assert len(numbers) > 100
    assert numbers == sorted(numbers)
    assert [float(t) for t in down if t] == numbers[::-1]
    failed = sum(r.wall_s is None for r in records)
    assert up[len(numbers) :] == [""] * failed == down[len(numbers) :], "unknown stays last"
    hits = sum(r.solver == "glop" and r.ended == "timeout" for r in records)
    assert f'data-shown="{hits} of {len(records)} rows"' in root
    assert f'data-lines="{len(records)}"' in root
    assert 'data-wide="false"' in root, "the page scrolls sideways"
    # The list of claims not put to the test.
    assert 'data-printed="1"' in root, "paper cannot be unfolded"
    assert 'data-folded="0"' in root


@full_only
def test_page_in_a_narrow_browser(write, tmp_path):
    """On a phone only tables may scroll sideways."""
    path = tmp_path / "report.html"
    write(make_suite(), path)
    add_probe(path)
    dom, console = open_page(path, tmp_path, width=500)
    assert console == []
    charts = re.findall(r'<svg [^>]*class="marks".*?</svg>', dom, flags=re.DOTALL)
    assert len(charts) == 6
    assert ">highs-hipdlp<" in charts[0]
    assert 'data-wide="false"' in re.search(r"<html[^>]*>", dom).group(0)


def test_hostile_names_do_not_run(write, tmp_path):
    hostile = "</script><img src=x onerror=document.documentElement.dataset.pwned=1>"
    rows = [
        r.model_copy(update={"solver": hostile, "group": hostile})
        for r in make_ladder(laws={"x": (1.0, 0.1)})
    ]
    path = tmp_path / "report.html"
    write(rows, path, title=hostile)
    dom, console = open_page(path, tmp_path)
    assert console == []
    root = re.search(r"<html[^>]*>", dom).group(0)
    assert "data-drawn" in root
    assert "pwned" not in root


@pytest.mark.parametrize("width", [500, full_param(1280)])
def test_two_runs_side_by_side_in_a_browser(write, tmp_path, width):
    """Each ladder is drawn for both runs; scripts must not trip over sections that are absent."""
    from planbench.comparison.pages import render_side_by_side

    records = make_suite()
    slower = [r.model_copy(update={"wall_s": r.wall_s and 1.5 * r.wall_s}) for r in records]
    path = tmp_path / "pair.html"
    path.write_text(render_side_by_side(records, slower, names=("before", "after")))
    add_probe(path)
    dom, console = open_page(path, tmp_path, width=width)
    assert console == []
    root = re.search(r"<html[^>]*>", dom).group(0)
    assert 'data-drawn="8"' in root, "two ladders, time and memory, two runs"
    assert f'data-lines="{2 * len(records)}"' in root
    assert 'data-wide="false"' in root, "the page scrolls sideways"
    assert dom.count("1.50×") > 100
