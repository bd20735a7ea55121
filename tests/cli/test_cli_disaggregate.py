"""planbench disaggregate, the way a person runs it."""

from pathlib import Path

import pytest

from tests.support.command_line import planbench


def test_help_ends_with_examples() -> None:
    said = planbench("disaggregate", "--help")
    assert said.code == 0
    assert "planbench disaggregate us-bea-71" in said.out


def test_disaggregate_adds_up_and_is_solved_at_the_tables_optimum(tmp_path: Path) -> None:
    said = planbench(
        "disaggregate", "us-bea-15", "--goods", "120", "--seed", "1", "-o", "s.npz", "--json",
        folder=tmp_path, process=True,
    )  # fmt: skip
    assert said.code == 0, said.err
    facts = said.document
    assert facts["aggregation_error"] < 1e-12
    assert facts["goods"] == 120
    for spec in ("split:us-bea-15,goods=120,seed=1", "s.npz"):
        solved = planbench("solve", spec, "-s", "highs-ds", "--json", folder=tmp_path)
        assert solved.code == 0, solved.err
        row = solved.document
        assert row["verdict"] == "certified"
        assert row["lower_bound"] == pytest.approx(facts["optimum"], rel=1e-6)
        assert row["upper_bound"] == pytest.approx(facts["optimum"], rel=1e-6)
    shown = planbench(
        "disaggregate", "us-bea-15", "--goods", "60", "--techniques", "2", "-o", "folder",
        folder=tmp_path,
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "added up again" in shown.out
    assert (tmp_path / "folder").is_dir()


def test_goods_that_do_not_add_up_are_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is run on what was made: were it off, the exit code would be 1."""
    from planbench.cli import generate
    from planbench.cli.main import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(generate, "aggregation_error", lambda table, economy: 1e-6)
    assert run(["disaggregate", "us-bea-15", "--goods", "60", "-o", "s.npz"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("disaggregate", "us-bea-15", "--goods", "3", "-o", "s.npz"), "fewer than"),
        (("disaggregate", "us-bea-15", "--goods", "x", "-o", "s.npz"), "goods:"),
        (("disaggregate", "us-bea-15", "--goods", "50", "-o", "s.doc"), "of no known format"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    said = planbench(*arguments, folder=tmp_path)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert message in said.err
    assert list(tmp_path.iterdir()) == []
