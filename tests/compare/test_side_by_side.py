"""Two runs are matched cell by cell, and unequal machines are never divided in seconds."""

from __future__ import annotations

import pytest
from support.record_builders import MACHINE, make_failure, make_record

from planbench.comparison.pages import match_runs, ratio_of
from planbench.errors import InputError

OTHER = {**MACHINE, "id": "fedcba987654", "cpu": "Other CPU"}


def run(factor=1.0, version="1.15.1", machine=None, **more):
    return [
        make_record(
            solver,
            name,
            wall_s=0.5 * factor,
            matrix_passes=1000.0 * factor,
            solver_version=version,
            machine=machine or MACHINE,
            **more,
        )
        for solver in ("glop", "pdlp")
        for name in ("a", "b", "c")
    ]


def test_versions_do_not_keep_runs_apart():
    """The point of the page is to compare versions."""
    pairs = match_runs(run(), run(1.2, "1.16.0"))
    assert len(pairs) == 6
    assert all(p.first and p.second for p in pairs)
    assert [ratio_of(p, "seconds") for p in pairs] == pytest.approx([1.2] * 6)


def test_options_keep_runs_apart():
    pairs = match_runs(run(), run(options={"tolerance": 1e-8}))
    assert len(pairs) == 12
    assert all(p.first is None or p.second is None for p in pairs)


def test_failures_have_no_ratio():
    second = run()
    second[0] = make_failure("glop", "timeout", "a")
    pairs = match_runs(run(), second)
    assert ratio_of(pairs[0], "seconds") is None


@pytest.fixture(scope="module")
def render():
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    from planbench.comparison.pages import render_side_by_side

    return render_side_by_side


def test_page_divides_seconds_of_one_machine_only(render):
    same = render(run(), run(1.25), names=("before", "after"))
    assert same.count("1.25×") == 3 + 6 * 2, "findings, and pairs in seconds and in passes"
    assert "Not comparable" not in same
    other = render(run(), run(1.25, machine=OTHER), names=("before", "after"))
    assert "Not comparable in seconds" in other
    assert other.count("1.25×") == 2 + 6, "in passes only"


def test_page_reddens_what_is_no_longer_solved(render):
    second = run()
    second[0] = make_failure("glop", "timeout", "a")
    page = render(run(), second, names=("x", "y"))
    assert 'bad">time limit<' in page
    assert 'bad">worse<' in page


def test_names_of_runs_stay_text(render):
    text = render(run(), run(), names=("<img src=x>", "<script>alert(1)</script>"))
    assert "<img src=x>" not in text
    assert "<script>alert" not in text


def test_nothing_in_common_is_an_error(render):
    with pytest.raises(InputError, match="nothing to compare"):
        render(run()[:3], run()[3:], names=("x", "y"))


def test_every_row_names_its_run(render):
    """Rows of both runs are in one table."""
    text = render(run(), run(), names=("before", "after"))
    rows = text[text.index('id="raw"') :]
    assert rows.count("<td>before</td>") == rows.count("<td>after</td>") == len(run())
