"""The README's headline figures are those of the committed rows, and nobody's typing."""

from __future__ import annotations

from pathlib import Path

import pytest
from headline import BEGIN, END, headline_markdown, put_between_markers
from support.record_builders import make_ladder, make_record

from planbench.errors import InputError
from planbench.records.store import read_records
from planbench.report.charts import ladder_chart, ladder_points
from planbench.report.growth import growth_table, predict
from planbench.report.headline import find_largest_solved
from planbench.report.ladders import find_ladders
from planbench.report.markup import to_html
from planbench.report.results import aggregate

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_what_the_reference_run_measured():
    """A figure in the README that no row supports would be a claim without evidence."""
    text = (ROOT / "README.md").read_text()
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    records = read_records(ROOT / "results" / "reference" / "standard.jsonl")
    assert shown == headline_markdown(records).strip()


def test_markers_keep_what_is_around_them():
    """Writing the figures again must not eat the rest of the page."""
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_between_markers(text, "new", "x.md") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(InputError, match=r"x\.md.*markers"):
        put_between_markers("nothing", "new", "x.md")


def test_a_run_without_a_ladder_has_no_headline():
    """One line, no traceback, when somebody takes the wrong file."""
    with pytest.raises(InputError, match="no ladder"):
        headline_markdown([make_record()])


def with_seeds(*factors):
    """Make a ladder whose seed k takes `factors[k]` seconds at its top; None: stopped."""
    rows = []
    for seed, factor in enumerate(factors):
        for row in make_ladder(sizes=(100, 1000), laws={"highs-ds": (1.0, 1.0)}, scatter=0.0):
            facts = row.instance
            name = f"{facts.name},seed={seed}"
            changes = {
                "instance": facts.model_copy(update={"name": name, "sha256": name}),
                "key": name,
            }
            if facts.goods == 1000:
                changes |= (
                    {"ended": "timeout", "verdict": None, "raw_gap": None, "wall_s": 10.0}
                    if factor is None
                    else {"wall_s": factor}
                )
            rows.append(row.model_copy(update=changes))
    return rows


def summary(ladder):
    return to_html(growth_table(ladder, [predict(ladder, s) for s in ladder.series]))


def test_of_several_seeds_all_figures_are_those_of_the_middle_one():
    """The luckiest seed in the sentence, the slowest in the README and the first on the page."""
    rows = with_seeds(3.0, 1.0, 2.0)
    (ladder,) = find_ladders(aggregate(rows))
    assert find_largest_solved(ladder).result.seconds == 2.0
    assert "| `highs-ds` | 1,000 | 2.00 s |" in headline_markdown(rows)
    assert ">2.00 s<" in summary(ladder)
    points, _ = ladder_points(ladder, "seconds")
    assert len(points) == 6, "every run has its point"
    layers = ladder_chart(ladder, "seconds").to_dict()["layer"]
    (line,) = [layer for layer in layers if "strokeDash" in layer["encoding"]]
    assert line["encoding"]["y"]["aggregate"] == "median", "a line goes up once"


def test_a_size_that_most_seeds_did_not_solve_is_not_solved():
    (ladder,) = find_ladders(aggregate(with_seeds(1.0, None, None)))
    assert find_largest_solved(ladder).result.goods == 100
    assert "1,000 goods: time limit" in summary(ladder)


def test_results_of_an_older_certificate_are_marked():
    """The README's count must say by which rules its answers were certified."""
    rows = with_seeds(1.0)
    old = headline_markdown([r.model_copy(update={"certificate_version": 1}) for r in rows])
    assert "results certified † within" in old
    assert "†: verdict of certificate 1" in old
    assert "†" not in headline_markdown(rows)
