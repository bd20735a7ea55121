"""``planbench info`` shows the statistics of an economy, as a shell sees it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from support.command_line import planbench

from planbench.catalogue.resolve import load_instance
from planbench.cli.info import statistics_parts
from planbench.generators.statistics import CHEAP_GROUPS, FIGURES, explain, study_economy


@pytest.mark.parametrize("columns", [80, 100])
def test_a_small_economy_shows_all_statistics_unasked(columns: int) -> None:
    said = planbench("info", "us-bea-15", columns=columns)
    assert (said.code, said.err) == (0, "")
    for title in ("Inputs per activity", "Eigenvalues", "Sparse LU of I − A"):
        assert title in said.out
    assert "Values: prices the economy carries." in said.out
    assert "≈ triangularity: best order found" in said.out
    assert max(map(len, said.out.splitlines())) <= columns


def test_json_has_every_figure_and_one_line_on_each() -> None:
    found = planbench("info", "us-bea-71", "--json").document["statistics"]
    economy = load_instance("us-bea-71").economy
    assert economy is not None
    truth = study_economy(economy).as_dict()
    assert found["explained"] == explain()
    for name in explain():
        assert found[name] == truth[name], name
    assert found["estimates"].keys() >= {"triangularity"}


def test_a_larger_economy_shows_the_cheap_ones_and_says_how_to_get_the_others() -> None:
    spec = "gen:goods=2500,inputs=5,techniques=1,seed=1"
    found = planbench("info", spec, "--json").document["statistics"]
    for figure in FIGURES:
        if figure.group in CHEAP_GROUPS:
            assert found[figure.name] is not None, figure.name
        else:
            assert found[figure.name] is None
            assert "--statistics" in found["missing"][figure.name]
    assert "--statistics" in planbench("info", spec).out
    asked = planbench("info", spec, "--statistics", "--json").document["statistics"]
    assert asked["spectral_radius"] == pytest.approx(0.53, abs=0.03)
    assert list(asked["missing"]) == ["second_eigenvalue"]


def test_a_linear_program_has_no_statistics(tmp_path: Path) -> None:
    path = tmp_path / "small.lp"
    path.write_text("Maximize\n z: x\nSubject To\n c: x <= 4\nEnd\n")
    assert planbench("info", str(path), "--json").document["statistics"] is None
    said = planbench("info", str(path), "--statistics")
    assert said.code == 2
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "drop --statistics" in said.err


def test_estimates_are_marked_and_what_is_missing_has_its_reason() -> None:
    economy = load_instance("gen:goods=60,inputs=4,seed=2").economy
    assert economy is not None
    found = study_economy(economy)
    found = replace(
        found, figures={**found.figures, "fill_in": None}, missing={"fill_in": "too dear: 60 goods"}
    )
    console = Console(width=100, record=True, file=io.StringIO())
    for part in statistics_parts(found):
        console.print(part)
    text = console.export_text()
    assert "– fill-in: too dear: 60 goods." in text
    line = next(line for line in text.splitlines() if line.strip().startswith("triangularity"))
    assert "≈" in line
