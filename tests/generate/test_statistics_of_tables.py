"""Statistics of real tables: figures computed from the same tables elsewhere must come out.

The first tests read tables that do not ship with the package and are skipped without them.
Coefficients there are all industries × commodities after use ÷ industry output; negative
entries count as none.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from support.coefficients import study_inputs

from planbench.catalogue.resolve import load_instance
from planbench.generators.statistics import EconomyStatistics, explain, study_economy

TABLES = Path(
    os.environ.get("PLANBENCH_TABLES")
    or Path(__file__).resolve().parents[2] / ".." / "shared" / "tables"
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


def _table(name: str) -> dict[str, np.ndarray]:
    path = TABLES / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"{name}.npz is not here (set PLANBENCH_TABLES)")
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _coefficients(use: np.ndarray, output: np.ndarray) -> np.ndarray:
    return np.divide(np.maximum(use, 0), output, out=np.zeros_like(use), where=output > 0)


def _near(found: EconomyStatistics, **wanted: tuple[float, float]) -> None:
    for name, (value, bound) in wanted.items():
        assert found[name] == pytest.approx(value, abs=bound), name


def test_us_summary_2017() -> None:
    table = _table("us-bea-2017-73")
    found = study_inputs(
        _coefficients(table["use"], table["industry_output"]),
        main=table["make"].argmax(axis=1),
        output=table["industry_output"],
    )
    assert (found["goods"], found["activities"]) == (73, 71)
    _near(
        found,
        inputs_mean=(53.8, 0.1),
        inputs_above_1e_4=(45.8, 0.1),
        inputs_above_1e_3=(32.5, 0.1),
        inputs_above_1e_2=(10.0, 0.1),
        column_sum_mean=(0.47, 0.005),
        spectral_radius=(0.49, 0.015),
    )


def _us_detail() -> dict[str, np.ndarray]:
    table = _table("us-bea-2012-405")
    place = {code: i for i, code in enumerate(table["commodity"])}
    table["main"] = np.array([place.get(code, -1) for code in table["industry"]])
    table["coefficients"] = _coefficients(table["use"], table["industry_output"])
    return table


def test_us_detail_2012() -> None:
    table = _us_detail()
    found = study_inputs(table["coefficients"], main=table["main"], output=table["industry_output"])
    _near(
        found,
        inputs_mean=(122.6, 0.1),
        inputs_above_1e_4=(101.5, 0.1),
        inputs_above_1e_3=(54.1, 0.1),
        inputs_above_1e_2=(10.7, 0.1),
        column_sum_mean=(0.54, 0.005),
        column_sum_deviation=(0.19, 0.01),
        column_sum_largest=(1.8, 0.01),  # one industry's inputs exceed its output
        log_deviation=(2.0, 0.03),
        log_ks=(0.014, 0.004),
        in_degree_cv=(0.25, 0.015),
        out_degree_cv=(1.2, 0.05),
        out_tail_exponent=(1.55, 0.02),
        top_supplier_share=(0.37, 0.01),
        universal_share=(0.10, 0.02),
        triangularity=(0.92, 0.015),
        # With industries set beside the commodities of the same code. Beside those of the
        # same position, which differ from the 55th on, it is 0.48.
        spectral_radius=(0.522, 0.001),
    )
    assert 360 <= (found["strong_component"] or 0) <= 375


def test_us_detail_2012_by_position_has_the_figures_that_were_published_for_it() -> None:
    """Where .48 and 372 of 402 come from: rows and columns matched by position."""
    found = study_inputs(_us_detail()["coefficients"])
    _near(found, spectral_radius=(0.48, 0.005), triangularity=(0.92, 0.01))
    assert found["strong_component"] == pytest.approx(372, abs=4)


def test_world_1995() -> None:
    table = _table("wiod-1995-1435")
    found = study_inputs(_coefficients(table["Z"], table["x"]))
    _near(
        found,
        inputs_mean=(190, 0.5),
        inputs_above_1e_4=(102.5, 0.1),
        inputs_above_1e_3=(39.5, 0.1),
        inputs_above_1e_2=(10.5, 0.1),
        column_sum_mean=(0.49, 0.005),
        spectral_radius=(0.56, 0.005),
    )


def test_us_sectors() -> None:
    path = TABLES / "use_15.csv"
    if not path.is_file():
        pytest.skip("use_15.csv is not here (set PLANBENCH_TABLES)")
    with path.open(newline="") as file:
        lines = {line[0]: line[1:16] for line in csv.reader(file)}
    names = list(lines)[1:16]
    numbers = {
        name: [float(cell) if cell.strip(" -") else 0.0 for cell in lines[name]]
        for name in [*names, "Total industry output (basic prices)"]
    }
    output = np.array(numbers.pop("Total industry output (basic prices)"))
    found = study_inputs(_coefficients(np.array(list(numbers.values())), output))
    _near(
        found,
        inputs_mean=(13.9, 0.05),
        inputs_above_1e_4=(12.8, 0.05),
        inputs_above_1e_3=(11.0, 0.05),
        inputs_above_1e_2=(6.1, 0.05),
        column_sum_mean=(0.46, 0.01),
        spectral_radius=(0.51, 0.005),
    )


def test_tables_that_ship_with_the_package() -> None:
    """At basic prices, margins bought as goods of their own, two goods more than industries."""
    sectors = load_instance("us-bea-15").economy
    summary = load_instance("us-bea-71").economy
    assert sectors is not None
    assert summary is not None
    _near(
        study_economy(sectors),
        inputs_mean=(16.53, 0.01),
        inputs_above_1e_2=(8.20, 0.01),
        column_sum_mean=(0.449, 0.001),
        spectral_radius=(0.4487, 0.0001),
        strong_component=(15, 0),
        byproduct_share=(0.0631, 0.0001),
    )
    _near(
        study_economy(summary),
        inputs_mean=(55.2, 0.1),
        inputs_above_1e_2=(10.03, 0.01),
        column_sum_mean=(0.4624, 0.0001),
        log_deviation=(2.23, 0.01),
        spectral_radius=(0.4784, 0.0001),
        strong_component=(63, 0),
        triangularity=(0.868, 0.005),
        byproduct_share=(0.0768, 0.0001),
    )


def test_the_page_on_statistics_names_every_figure() -> None:
    for name in explain():
        assert f"`{name}`" in PAGE.read_text(encoding="utf-8"), name


def test_the_page_on_statistics_tells_what_comes_out() -> None:
    table = _us_detail()
    found = study_inputs(table["coefficients"], main=table["main"], output=table["industry_output"])
    lines = PAGE.read_text(encoding="utf-8").split("## Real tables")[1].splitlines()
    told = {
        cells[1]: cells[4]
        for cells in ([cell.strip() for cell in line.split("|")] for line in lines if "|" in line)
        if len(cells) == 7
    }
    assert told["figure"] == "US detail 2012"
    assert told["inputs"] == f"{found['inputs_mean']:.1f}"
    assert told["> 1 %"] == f"{found['inputs_above_1e_2']:.1f}"
    assert told["k50, k90, k99"] == f"{found['k50']:.1f}, {found['k90']:.1f}, {found['k99']:.1f}"
    assert told["KS"] == f"{found['log_ks']:.3f}"
    assert told["tail exponent"] == f"{found['out_tail_exponent']:.2f}"
    assert told["spectral radius"] == f"{found['spectral_radius']:.2f}"
    assert told["strong component"] == f"{found['strong_component']:,}"
    assert told["fill-in, LU density"].startswith(f"{found['fill_in']:.1f},")
