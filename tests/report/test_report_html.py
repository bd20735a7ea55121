"""The page is one file, offline, escaped, and says in words what the records say."""

from __future__ import annotations

import importlib
import json
import re
import sys
from html.parser import HTMLParser

import pytest
from support.record_builders import make_failure, make_ladder, make_record, make_suite

from planbench.errors import InputError, SolverUnavailableError
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.report.headline import (
    census_words,
    find_findings,
    find_largest_solved,
    largest_solved_words,
)
from planbench.report.ladders import find_ladders
from planbench.report.results import aggregate

HOSTILE = "</script><script>document.documentElement.dataset.pwned=1</script>\"'><img src=x>&\u2028"


class Page(HTMLParser):
    """Elements, attributes and text of a page; script bodies apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data


@pytest.fixture(scope="module")
def render():
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    from planbench.debate.page import debate_sections
    from planbench.report.html import render_report

    def whole(records, **settings):
        """Render the page as the command writes it."""
        return render_report(records, extra=debate_sections(records), **settings)

    return whole


@pytest.fixture(scope="module")
def page(render):
    return Page(render(make_suite(), title="A title"))


def test_page_asks_the_network_for_nothing(render):
    """A report must open on a train and in ten years: no address anywhere but in the library."""
    text = render(make_suite(), title="A title")
    page = Page(text)
    for tag, attrs in page.tags:
        for name in ("src", "href", "action", "srcset", "data"):
            value = attrs.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    library = max(page.scripts, key=len)
    assert "vegaEmbed" in library
    rest = text.replace(library, "")
    assert "http://" not in rest
    assert "https://" not in rest
    assert "connect-src 'none'" in text
    assert "@import" not in rest
    assert "url(" not in rest


def test_every_record_can_be_taken_out_again(page):
    rows = json.loads(next(s for s in page.scripts if s.startswith('[{"schema_version"')))
    assert [Record(**row) for row in rows] == make_suite()


def test_page_shows_instances_machine_and_solvers(page):
    for word in ("A title", "kantorovich-excavators", "70.49327354", "Test CPU", "highspy 1.15.1"):
        assert word in page.text
    assert sum(tag == "figure" for tag, _ in page.tags) == 6
    data = [a for tag, a in page.tags if tag == "script" and a.get("type") == "application/json"]
    assert len(data) == 6 + 1  # of each chart, and all rows


def test_hostile_names_stay_text(render):
    """Solver, instance and group names are written by strangers."""
    rows = [
        r.model_copy(
            update={
                "solver": HOSTILE,
                "group": HOSTILE,
                "message": HOSTILE,
                "claim": HOSTILE,
                "reasons": [HOSTILE],
                "machine": {"cpu": HOSTILE, "kernel": HOSTILE},
                "packages": {HOSTILE: HOSTILE},
                "instance": r.instance.model_copy(update={"name": HOSTILE + r.instance.name}),
            }
        )
        for r in make_ladder(laws={"x": (1.0, 0.1)})
    ]
    left_out = [NotRun("s", "g", HOSTILE, HOSTILE, 0, HOSTILE)]
    page = Page(render(rows, title=HOSTILE, not_run=left_out))
    assert not any(tag == "img" for tag, _ in page.tags)
    plain = Page(render(make_ladder(laws={"x": (1.0, 0.1)}), title="t"))
    count = sum(tag == "script" for tag, _ in plain.tags)
    assert sum(tag == "script" for tag, _ in page.tags) == count
    known = {name for tag, attrs in plain.tags for name in attrs}
    assert {name for tag, attrs in page.tags for name in attrs} <= known


def test_one_solver_failures_and_nulls(render):
    rows = [
        make_failure("glop", "crash", "gen:a", goods=None, wall_s=None, message="SIGSEGV"),
        make_record(
            "x",
            goods=None,
            verdict="unproven",
            certificate=None,
            raw_gap=None,
            polished_gap=None,
            lower_bound=None,
            upper_bound=None,
            objective=None,
            matrix_passes=None,
            peak_bytes=None,
            wall_s=None,
            machine={},
            packages={},
            commit=None,
            disturbed=True,
        ),
    ]
    page = Page(render(rows, title="t"))
    assert "SIGSEGV" in page.text
    assert "unnamed machine" in page.text
    assert "nan" not in page.text.lower().replace("finance", "")
    Page(render(rows[:1], title="t"))


def order_of(page, *anchors):
    places = [page.index(f'<section id="{anchor}"') for anchor in anchors]
    return places == sorted(places)


def test_claims_stand_behind_what_the_run_was_about(render):
    page = render(make_suite(), title="x")
    assert order_of(page, "ladder-powerlaw", "overall", "claims", "instances")
    assert page.index('href="#ladder-powerlaw"') < page.index('href="#claims"')
    table = page.partition('<section id="claims"')[2].partition("</table>")[0]
    assert "not measured in this run" not in table, "what was not tested is a list below"
    assert "claims not measured in this run" in page


def test_the_report_alone_knows_nothing_of_the_debate():
    pytest.importorskip("altair")
    from planbench.report.html import render_report

    page = render_report(make_suite(), title="x")
    assert 'id="claims"' not in page
    assert 'href="#claims"' not in page


def test_a_run_of_linear_programs_is_about_solvers(render):
    """It was told that 15 rounds of planning are contradicted."""
    rows = [
        make_record(solver, f"model-{k}.mps", goods=None, wall_s=seconds * k, matrix_passes=4e3)
        for k in (1, 2, 3)
        for solver, seconds in (("highs-ds", 0.2), ("cbc", 0.9))
    ]
    page = render(rows)
    assert "How do solvers do on these linear programs?" in page
    assert 'id="claims"' not in page
    assert 'href="#claims"' not in page
    assert "rounds over the matrix" not in page
    assert "highs-ds did best: 3 of 3 solved" in page
    assert order_of(page, "overall", "instances")


def test_findings_come_first_and_red(render):
    rows = [
        make_record("highs-ds", objective=1.0),
        make_record("liar", objective=1.5, verdict="wrong", reasons=["no"], lower_bound=None,
                    upper_bound=None),
    ]  # fmt: skip
    text = render(rows, title="t")
    assert text.index('class="findings"') < text.index('id="overall"')
    assert "1 finding<" in text
    clean = render(rows[:1], title="t")
    assert 'class="findings"' not in clean


def test_no_records_is_one_line(render, tmp_path):
    from planbench.report.html import write_report

    with pytest.raises(InputError, match="no measurements"):
        write_report([], tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write it: (File exists|Not a directory)"):
        write_report([make_record()], tmp_path / "file" / "x.html")


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.delitem(sys.modules, "planbench.report.charts", raising=False)
    with pytest.raises(SolverUnavailableError, match=r"altair; pip install .planbench\[report\]"):
        importlib.import_module("planbench.report.charts")


def test_left_out_runs_are_listed(render):
    left_out = [NotRun("quick", "g", "gen:big", "glop", 0, "the budget was spent")]
    assert "the budget was spent" in render([make_record()], title="t", not_run=left_out)


def test_headline_says_who_got_furthest():
    rows = make_ladder(laws={"highs-ipm": (2.0, 0.8), "highs-hipdlp": (1.1, 0.06)})
    results = aggregate(rows)
    (ladder,) = find_ladders(results)
    largest = find_largest_solved(ladder)
    assert largest is not None
    assert (largest.result.series, largest.result.goods, largest.solvers) == (
        "highs-hipdlp",
        10000,
        1,
    )
    said = largest_solved_words(largest)
    assert said.startswith("10,000 goods (220,000 non-zeros): highs-hipdlp computed a plan in 7")
    assert "certified within 3e-5 of the optimum; no other solver got as far" in said
    assert re.search(r"n\^1\.\d\d \(95 % interval", said)
    census = census_words(results)
    assert census.startswith("2 solvers on 5 instances: 9 of 10 results certified")
    assert "1 stopped at the time limit" in census


def test_headline_without_any_plan():
    rows = [make_failure("x", "timeout", f"gen:goods={n}", goods=n, group="g") for n in (10, 100)]
    (ladder,) = find_ladders(aggregate(rows))
    assert find_largest_solved(ladder) is None


def test_findings_name_each_kind_once():
    rows = [
        make_record("a", objective=1.0),
        make_record("b", objective=2.0),
        make_record(
            "c", "other", verdict="wrong", reasons=["its plan is worth 3"], claim="unknown"
        ),
    ]
    found = find_findings(rows)
    assert any("bug of planbench" in line for line in found)
    assert sum("other: c its plan is worth 3" in line for line in found) == 1
    assert find_findings([r for r in make_suite() if r.ended == "ok"]) == []


def test_the_machine_section_counts_the_rows_of_each_commit(render):
    """A run carried on after a commit mixes two of them; nobody should have to count."""
    rows = [make_record(solver, commit=c) for solver, c in (("glop", "a" * 40), ("cbc", "a" * 40))]
    assert "<dd>aaaaaaaaaaaa</dd>" in render(rows, title="t")
    rows.append(make_record("pdlp", commit="b" * 40 + "-dirty"))
    assert "aaaaaaaaaaaa (2 rows), bbbbbbbbbbbb-dirty (1 row)" in render(rows, title="t")
