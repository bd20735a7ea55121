"""planbench calibrate, generate --profile and disaggregate, the way a person runs them."""

from pathlib import Path

import pytest

from planbench.generators.profile import find_profile, read_profile
from tests.support.command_line import planbench


def test_help_of_the_commands_ends_with_examples() -> None:
    for command in ("calibrate", "disaggregate"):
        said = planbench(command, "--help")
        assert said.code == 0
        assert f"planbench {command} us-bea-71" in said.out
    assert "--profile" in planbench("generate", "--help").out
    assert "published, log, 20, 100" in " ".join(planbench("generate", "--help").out.split())


def test_calibrate_writes_the_profile_that_ships(tmp_path: Path) -> None:
    """The committed profile is what the command makes of the committed table."""
    pytest.importorskip("sknetwork")
    said = planbench(
        "calibrate", "us-bea-15", "-o", "us-bea-15.toml", "--title", "mine",
        folder=tmp_path, process=True,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "bound" in said.out
    made, shipped = read_profile(tmp_path / "us-bea-15.toml"), find_profile("us-bea-15")
    assert made.title == "mine"
    assert made.inputs.mean == pytest.approx(shipped.inputs.mean)
    assert made.coefficients.sigma == pytest.approx(shipped.coefficients.sigma, rel=1e-3)
    assert made.suppliers.links == pytest.approx(shipped.suppliers.links, rel=0.1)


def test_calibrate_reads_the_files_of_a_table(tmp_path: Path) -> None:
    """Use and make tables as published, here written from the shipped one."""
    pytest.importorskip("sknetwork")
    said = planbench("export", "us-bea-15", "-o", "folder", folder=tmp_path)
    assert said.code == 0, said.err
    said = planbench("calibrate", "folder", "-o", "mine.toml", "--json", folder=tmp_path)
    assert said.code == 0, said.err
    document = said.document
    assert document["profile"]["name"] == "mine"
    assert {figure["name"] for figure in document["checked"]} >= {"inputs", "sigma", "upstream"}
    again = planbench(
        "generate", "--profile", "mine.toml", "--goods", "50", "-o", "e.npz", "--json",
        folder=tmp_path,
    )  # fmt: skip
    assert again.code == 0, again.err
    assert again.document["recipe"]["profile"] == "mine.toml"


def test_generate_with_a_profile_is_the_inline_recipe(tmp_path: Path) -> None:
    given = ("--profile", "us-bea-71", "--goods", "200", "--regime", "20", "--seed", "3")
    one = planbench("generate", *given, "-o", "a.npz", "--json", folder=tmp_path).document
    inline = "gen:profile=us-bea-71,goods=200,regime=20,seed=3"
    assert planbench("info", inline, "--json").document["sha256"] == one["sha256"]
    assert planbench("info", "a.npz", "--json", folder=tmp_path).document["sha256"] == one["sha256"]


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
    from planbench.cli.main import run
    from planbench.generators import disaggregate

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disaggregate, "aggregation_error", lambda table, economy: 1e-6)
    assert run(["disaggregate", "us-bea-15", "--goods", "60", "-o", "s.npz"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("calibrate", "us-bea-15", "-o", "p.txt"), "p.txt: must end in .toml"),
        (("calibrate", "us-bea-7", "-o", "p.toml"), "no instance 'us-bea-7'"),
        (("calibrate", "no.csv", "also.csv", "-o", "p.toml"), "no.csv"),
        (("calibrate", "kantorovich-plywood", "-o", "p.toml"), "no inputs"),
        (("disaggregate", "us-bea-15", "--goods", "3", "-o", "s.npz"), "fewer than"),
        (("disaggregate", "us-bea-15", "--goods", "x", "-o", "s.npz"), "goods:"),
        (("disaggregate", "us-bea-15", "--goods", "50", "-o", "s.doc"), "of no known format"),
        (("generate", "--profile", "us", "--goods", "50", "-o", "e.npz"), "no profile 'us'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    pytest.importorskip("sknetwork")
    said = planbench(*arguments, folder=tmp_path)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert message in said.err
    assert list(tmp_path.iterdir()) == []
