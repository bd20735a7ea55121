"""Years and regions on the command line: generate, solve, info, what is wrong in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import planbench


def test_a_plan_over_years_is_generated_saved_and_solved(tmp_path: Path) -> None:
    """The saved economy keeps its recipe and hash, and its answer is certified."""
    made = planbench(
        *("generate", "--goods", "30", "--years", "3", "--common-target", "--seed", "4"),
        *("--depreciation", "0.2", "--capital", "1.5", "-o", "plan.npz", "--json"),
        folder=tmp_path,
    )
    assert (made.code, made.err) == (0, "")
    facts = made.document
    # Thirty goods and three of them as capital, in three years; the capital at the end.
    assert facts["goods"] == 33 * 3 + 3
    assert facts["targets"] == 1
    assert facts["recipe"]["depreciation"] == 0.2
    solved = planbench("solve", "plan.npz", "-s", "highs-ds", "--json", folder=tmp_path)
    assert solved.code == 0
    assert solved.document["instance_facts"]["sha256"] == facts["sha256"]
    assert solved.document["raw_gap"] < 1e-4


def test_regions_are_an_instance_like_any_other() -> None:
    said = planbench("info", "gen:goods=40,regions=3,cross_share=0.2,seed=1", "--json")
    assert said.code == 0
    assert "cross_share" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--capital", "2"], "capital: belongs to years; add years=5"),
        (["--years", "3", "--tradable", "0.5"], "tradable: belongs to regions"),
        (["--years", "many"], "years:"),
        (["--regions", "2", "--planted"], "planted: goes with neither"),
    ],
)
def test_knobs_that_do_not_go_together_are_one_line(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    said = planbench("generate", "--goods", "10", *arguments, "-o", "e.npz", folder=tmp_path)
    assert said.code == 2
    assert words in " ".join(said.err.split())
    assert not (tmp_path / "e.npz").exists()
