"""Text on the command line: figures a person reads, and what is typed back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer

from planbench.cli import options
from planbench.cli.generate import read_recipe
from planbench.cli.plan_facts import largest
from planbench.errors import InputError
from planbench.formatting import amount, counts, percent, plural
from planbench.solvers.registry import available_solvers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (12.5, "12.5"),
        (1234567.891, "1,234,568"),
        (123.456789, "123.46"),
        (-0.25, "-0.25"),
        (100.0, "100"),
        (1200.0, "1,200"),
        (0.000123456, "0.00012346"),
        (1.23456e-9, "1.2346e-9"),
        (2.5e15, "2.5e15"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
        (None, "–"),
    ],
)
def test_amounts_keep_their_value_and_stay_short(value: float | None, text: str) -> None:
    assert amount(value) == text


def test_shares_counts_and_nouns_read_like_words() -> None:
    assert percent(0.5312) == "53.1 %"
    assert percent(0.0001) == "< 0.1 %"
    assert percent(0.0) == "0 %"
    assert percent(None) == "–"
    assert counts({"simplex": 1234, "crossover": 7}) == "1,234 simplex, 7 crossover"
    assert plural(1, "activity") == "1 activity"
    assert plural(2000, "activity") == "2,000 activities"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5 min", 90), ("2h", 7200), ("250ms", 0.25)]
)
def test_times_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert options.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 5 * 10**8), ("4GiB", 4 * 2**30), ("1e3", 1000)]
)
def test_sizes_are_read_with_their_unit(text: str, size: int) -> None:
    assert options.size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1e999", "5 parsecs", "1.2.3", "s"])
def test_what_is_no_time_or_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="give a time"):
        options.seconds(text)
    with pytest.raises(typer.BadParameter, match="give a size"):
        options.size(text)


def test_lists_of_solvers_keep_quoted_commands_whole() -> None:
    listed = "glop, cmd:'prog --a=1,2 {mps} {sol}',glop"
    assert options.Solvers(listed, ["highs-ds"]).names == [
        "glop",
        "cmd:'prog --a=1,2 {mps} {sol}'",
        "highs-ds",
    ]
    assert options.Solvers().names is None


def test_all_means_every_available_solver_but_no_external_command() -> None:
    chosen = available_solvers(["all"])
    assert "highs-ds" in chosen
    assert "cmd" not in chosen
    assert available_solvers(["highs-ds", "all"]).count("highs-ds") == 1


def test_settings_stay_text_for_the_adapter_and_refuse_doubles() -> None:
    assert options.SolverOptions(settings=["a=1", "b=x=y"]).solve_options().native == {
        "a": "1",
        "b": "x=y",
    }
    with pytest.raises(InputError, match="twice"):
        options.SolverOptions(settings=["a=1", "a=2"]).solve_options()


def test_options_change_a_recipe_and_leave_the_rest() -> None:
    recipe = read_recipe("gen:goods=1e3,inputs=2*log,seed=7", {"seed": "8", "planted": True})
    assert (recipe.goods, recipe.inputs, recipe.seed, recipe.planted) == (1000, "2*log", 8, True)
    for base in ("goods", "goods=10,,=", "gen:goods=10,goods=20"):
        with pytest.raises(InputError):
            read_recipe(base, {})


def test_a_recipe_file_can_be_changed_by_options(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('goods = 50\nstructure = "layered"\nseed = 3\n')
    recipe = read_recipe(str(path), {"goods": "80"})
    assert (recipe.goods, recipe.structure, recipe.seed) == (80, "layered", 3)


def test_the_largest_come_first_and_nan_comes_last() -> None:
    values = np.array([1.0, np.nan, 5.0, 3.0])
    assert largest(values, 2).tolist() == [2, 3]
    assert largest(values, 9).tolist() == [2, 3, 0, 1]
    assert largest(values, 0).size == 0
