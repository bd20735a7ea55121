"""A disturbed row says what disturbed it, by the rule that marked it."""

from __future__ import annotations

import pytest
from support.record_builders import make_record

from planbench.report.html import raw_rows
from planbench.report.instances import disturbance_words, instance_consensus, instance_notes
from planbench.report.markup import to_html
from planbench.report.results import aggregate


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"disturbed": False, "wait_s": 0.4}, ""),
        ({"wait_s": 0.2}, "waited 40 % of the time for a processor"),
        (
            {"wait_s": 0.01, "pass_s_after": 2e-4},
            "a matrix pass took 2 times as long after the solve",
        ),
        (
            {"wait_s": 0.2, "pass_s_after": 5e-5},
            "waited 40 % of the time for a processor; "
            "a matrix pass took 2 times as long before the solve",
        ),
        ({"wait_s": None, "pass_s_after": None}, "marked when it was measured"),
    ],
)
def test_reason(changes, said):
    """A reader must see whether a burst or a steady load spoilt a row."""
    row = make_record(**({"disturbed": True, "pass_s_before": 1e-4} | changes))
    assert disturbance_words(row) == said


def test_tables_carry_the_reason():
    rows = [make_record(disturbed=True, wait_s=0.2)]
    assert "waited 40 % of the time" in to_html(raw_rows(rows))
    results = aggregate(rows)
    assert "waited 40 % of the time" in " ".join(
        instance_notes(results, instance_consensus(results))
    )
