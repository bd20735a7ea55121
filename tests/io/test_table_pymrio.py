"""What pymrio reads becomes a table: its own test system, saved, and read back."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.tables import ImportSettings, import_raw, import_table
from planbench.tables.arrays import FORMATS, from_pymrio, read_pymrio_folder

pytest.importorskip("pymrio")


@pytest.fixture(scope="module")
def system() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pymrio

        return pymrio.load_test().calc_all()


@pytest.fixture(scope="module")
def saved(system: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system.save_all(folder, table_format="txt")
    return folder


def test_flows_final_use_and_labels_are_those_of_the_system(system: Any) -> None:
    raw = from_pymrio(system, "test")
    assert raw.kind == "multi-region symmetric"
    assert len(raw.products) == 48
    assert raw.products[1] == "reg1 mining"
    assert raw.unit == "Mill USD"
    np.testing.assert_array_equal(raw.use.toarray(), system.Z.to_numpy())
    np.testing.assert_array_equal(raw.final_use, system.Y.to_numpy())
    assert raw.output is not None
    np.testing.assert_allclose(raw.output, system.x.to_numpy().ravel())
    assert raw.value_added is not None
    assert raw.value_added[0] == pytest.approx(111490.88)


def test_compensation_is_found_in_the_extension_of_factors(system: Any) -> None:
    """In EXIOBASE it has several rows, by skill, beside rows in hours and persons."""
    changed = system.copy()
    frame = changed.factor_inputs.F
    rows = {
        "Value Added": frame.iloc[0],
        "Compensation of employees; low-skilled": frame.iloc[0] * 0.2,
        "Compensation of employees; high-skilled": frame.iloc[0] * 0.3,
    }
    changed.factor_inputs.F = type(frame)(rows).T
    unit = changed.factor_inputs.unit
    changed.factor_inputs.unit = type(unit)({"unit": ["Mill USD"] * 3}, index=list(rows))
    raw = from_pymrio(changed, "test")
    assert raw.compensation is not None
    assert raw.value_added is not None
    np.testing.assert_allclose(raw.compensation, raw.value_added / 2)


def test_coefficients_alone_are_enough(system: Any) -> None:
    """GLORIA comes as A and Y."""
    bare = system.copy()
    bare.Z = None
    bare.x = None
    raw = from_pymrio(bare, "test")
    np.testing.assert_allclose(raw.use.toarray(), system.Z.to_numpy(), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("targets", "count"), [("one", 1), ("regions", 6), ("columns", 35)])
def test_the_observed_plan_holds_in_the_economy(system: Any, targets: str, count: int) -> None:
    raw = from_pymrio(system, "test")
    economy, report = import_raw(raw, ImportSettings(targets=targets))
    assert (economy.n_goods, economy.n_resources) == (48, 6)
    assert economy.n_targets == count
    assert report.observed.optimal


@pytest.mark.parametrize("form", ["pymrio", "exiobase3"])
def test_a_saved_folder_reads_as_the_system_itself(system: Any, saved: Path, form: str) -> None:
    """EXIOBASE 3 is published in pymrio's own form."""
    economy, _ = import_table(saved, form=form)
    again, _ = import_raw(from_pymrio(system, saved.name))
    # pymrio writes twelve digits.
    assert abs(economy.inputs - again.inputs).max() < 1e-11
    np.testing.assert_allclose(economy.endowment, again.endowment, rtol=1e-10)
    assert economy.goods == again.goods


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_of_something_else_is_one_line(tmp_path: Path, form: str) -> None:
    (tmp_path / "notes.txt").write_text("nothing here\n")
    with pytest.raises(InputError, match="check --format") as caught:
        read_pymrio_folder(tmp_path, form, "x", year=2000)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file or folder"):
        read_pymrio_folder(tmp_path / "missing", form, "x", year=2000)


def test_unknown_format_and_missing_year(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--format: is 'wod'"):
        import_table(tmp_path, form="wod")
    with pytest.raises(InputError, match="give --year"):
        import_table(tmp_path, form="gloria")
    with pytest.raises(InputError, match="one folder or archive"):
        import_table([tmp_path, tmp_path], form="wiod")


def test_extensions_alone_are_refused() -> None:
    class Nothing:
        Z = A = Y = None

    with pytest.raises(InputError, match="holds no Z or no Y"):
        from_pymrio(Nothing(), "nothing")


OECD = """V1,AAA_D01,AAA_D02,BBB_D01,BBB_D02,AAA_HFCE,AAA_GFCF,BBB_HFCE,BBB_GFCF,OUT
AAA_D01,1,2,0,1,5,0,1,0,10
AAA_D02,2,1,1,0,1,4,0,1,10
BBB_D01,0,1,2,1,1,0,4,1,10
BBB_D02,1,0,1,2,0,1,1,4,10
TLS,0,1,0,0,0,0,0,0,1
VA,6,5,6,6,0,0,0,0,23
OUT,10,10,10,10,7,5,6,6,64
"""


def test_a_local_copy_of_the_oecd_tables(tmp_path: Path) -> None:
    (tmp_path / "ICIO2021_2000.csv").write_text(OECD)
    economy, report = import_table(tmp_path, form="oecd", year=2000, targets="regions")
    assert economy.goods == ("AAA D01", "AAA D02", "BBB D01", "BBB D02")
    assert economy.resources == ("AAA value added", "BBB value added")
    np.testing.assert_allclose(economy.endowment, [12, 12])
    np.testing.assert_allclose(economy.assortment.sum(axis=0), [12, 12])
    assert report.observed.optimal


def test_a_local_copy_of_the_wiod_tables(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    sectors = [
        (code, name, region, short)
        for region in ("AUS", "USA")
        for code, name, short in (("AtB", "Agriculture", "c1"), ("P", "Households", "c35"))
    ]
    heads = [*sectors, ("F_HH", "Final", "AUS", "c37"), ("F_HH", "Final", "USA", "c37")]
    heads.append(("GO", "Total output", "TOT", "c99"))
    flows = [[1, 2, 0, 1, 6, 0], [2, 1, 1, 0, 5, 1], [0, 1, 2, 1, 1, 5], [1, 0, 1, 2, 1, 5]]
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Intercountry Input-Output Table for 1995"])
    sheet.append(["made up"])
    notes = ["(industry-by-industry)", "(millions of US$)", None, None]
    for level, note in enumerate(notes):
        sheet.append([note, None, None, None, *(head[level] for head in heads)])
    for labels, line in zip(sectors, flows, strict=True):
        sheet.append([*labels, *line, sum(line)])
    for code, name, line in (
        ("r60", "Total intermediate consumption", [4, 4, 4, 4, 13, 11]),
        ("r64", "Value added at basic prices", [6, 6, 6, 6, 0, 0]),
        ("r69", "Output at basic prices", [10, 10, 10, 10, 13, 11]),
    ):
        sheet.append([code, name, "TOT", code, *line, sum(line)])
    book.save(tmp_path / "wiot95_row_apr12.xlsx")
    economy, report = import_table(tmp_path, form="wiod", year=1995)
    assert economy.n_goods == 4
    np.testing.assert_allclose(economy.endowment, [12, 12])
    np.testing.assert_allclose(report.observed.plan.x, [10, 10, 10, 10])
    assert report.observed.optimal


def test_a_local_copy_of_the_eora_tables(tmp_path: Path) -> None:
    places = [("Aland", "ALA"), ("Bland", "BLA")]
    sectors = [(*place, "Industries", s) for place in places for s in ("Farms", "Mills")]
    finals = [(*place, "Final", "Households") for place in places]
    files = {
        "labels_T": sectors,
        "labels_FD": finals,
        "labels_VA": [
            ("Primary Inputs", "Compensation of employees D.1"),
            ("Primary Inputs", "Net operating surplus"),
        ],
        "labels_Q": [("Energy (TJ)", "coal")],
        "Eora26_2000_bp_T": [[1, 2, 0, 1], [2, 1, 1, 0], [0, 1, 2, 1], [1, 0, 1, 2]],
        "Eora26_2000_bp_FD": [[6, 0], [5, 1], [1, 5], [1, 5]],
        "Eora26_2000_bp_VA": [[4, 4, 4, 4], [2, 2, 2, 2]],
        "Eora26_2000_bp_Q": [[1, 1, 1, 1]],
        "Eora26_2000_bp_QY": [[0, 0]],
    }
    for name, rows in files.items():
        text = "\n".join("\t".join(map(str, row)) for row in rows)
        (tmp_path / f"{name}.txt").write_text(text + "\n")
    economy, report = import_table(tmp_path, form="eora26", year=2000)
    assert economy.n_goods == 4
    assert economy.resources == ("ALA labour", "BLA labour", "ALA capital", "BLA capital")
    np.testing.assert_allclose(economy.endowment, [8, 8, 4, 4])
    assert report.observed.optimal
