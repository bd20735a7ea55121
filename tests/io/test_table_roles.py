"""What each row and column of a sheet is: confirmed by adding up, or refused; never believed."""

from __future__ import annotations

import csv
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.tables import (
    RawTable,
    ReadOptions,
    grid,
    import_raw,
    import_table,
    read_raw_table,
)
from planbench.tables.roles import near_pair

OECD = """V1,A01,C10,HFCE,GFCF,OUT
A01,10,20,55,15,100
C10,5,30,68,25,128
TLS,5,12,3,2,
VA,80,66,,,
OUT,100,128,,,
"""


def read(folder: Path, text: str, name: str = "table.csv", **options: object) -> RawTable:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_raw_table([path], ReadOptions(**options))  # type: ignore[arg-type]


def roles(raw: RawTable) -> dict[tuple[str, str], str]:
    return {(role.axis, role.label): role.role for role in raw.roles}


@pytest.mark.parametrize(
    ("name", "called"),
    [*((name, True) for name in ("OUT", "GO", "TOT", "Summe", "Insgesamt")),
     *((name, False) for name in ("X", "Production", "Gesamt 2020", "x"))],
)  # fmt: skip
def test_a_total_with_a_row_and_a_column_is_no_industry(
    tmp_path: Path, name: str, called: bool
) -> None:
    """As the largest industry it would halve every coefficient. A total must be called so."""
    text = OECD.replace("OUT", name)
    if not called:
        with pytest.raises(InputError, match=f"'{name}' may be a total, .*--total or --industry"):
            read(tmp_path, text)
    raw = read(tmp_path, text, total=() if called else (name,))
    assert raw.industries == ("A01", "C10")
    assert roles(raw)["column", name] == "total"
    assert roles(raw)["row", name] == "output"
    assert raw.output is not None
    assert raw.output.tolist() == [100, 128]
    assert raw.value_added is not None
    assert raw.value_added.tolist() == [85, 78]


def test_a_total_by_name_that_is_no_sum_is_refused_with_both_readings(tmp_path: Path) -> None:
    wrong = OECD.replace("55,15,100", "55,15,120")
    with pytest.raises(InputError, match=r"'OUT' .*(give --industry .*--total|--gross-outputs)"):
        read(tmp_path, wrong)
    row = wrong.replace("OUT,100,128,,,\n", "")
    with pytest.raises(InputError, match=r"'OUT' is called a total and does not add up: 120 at"):
        read(tmp_path, row)


def test_a_sum_on_one_axis_only_may_be_an_industry(tmp_path: Path) -> None:
    """C is bought as much as A and B together; only the caller knows whether it is their sum."""
    text = ",A,B,C,D\nA,10,20,30,5\nB,40,15,55,7\nC,9,8,16,60\nD,21,32,53,2\n"
    with pytest.raises(InputError, match=r"'C' may be a total, .*give --total or --industry"):
        read(tmp_path, text)
    kept = read(tmp_path, text, industry=("C",))
    assert kept.industries == ("A", "B", "C", "D")
    assert read(tmp_path, text, total=("C",)).industries == ("A", "B", "D")


def test_a_final_use_that_happens_to_be_a_sum_is_refused(tmp_path: Path) -> None:
    """Households buy as much as the industries: a total without a name, or a use."""
    text = ",A,B,Households\nA,100,200,300\nB,400,150,550\n"
    with pytest.raises(InputError, match=r"'Households' is the sum of all .*--total or --final"):
        read(tmp_path, text)
    raw = read(tmp_path, text, final=("Households",))
    assert raw.final_use.ravel().tolist() == [300, 550]


SUBTOTALS = {
    "exports": """,farm,mill,households,exports,exports to A,exports to B
farm,1000,2000,5000,300,100,200
mill,4000,1000,2500,700,600,100
""",
    "compensation": """,farm,mill,households
farm,1000,2000,5000
mill,4000,1000,2500
wages of men,1000,900,
wages of women,700,1100,
wages,1700,2000,
""",
}
SUBTOTALS["imports"] = SUBTOTALS["exports"].replace("exports", "imports")
SUBTOTALS["resource"] = (
    SUBTOTALS["compensation"].replace("farm", "farm (t)").replace("mill", "mill (t)")
)


@pytest.mark.parametrize("role", SUBTOTALS)
def test_a_sum_whose_name_gives_it_another_role_is_not_counted_twice(
    tmp_path: Path, role: str
) -> None:
    text = SUBTOTALS[role]
    line = role if role in ("exports", "imports") else "wages"
    with pytest.raises(InputError, match=f"'{line}' is the sum of .*give --total or --{role}"):
        read(tmp_path, text)
    assert "total" in roles(read(tmp_path, text, total=(line,))).values()
    stated: dict[str, object] = {role: (line,)}
    path = tmp_path / "table.csv"
    apart = read_raw_table([path], ReadOptions(**stated))  # type: ignore[arg-type]
    assert "total" not in roles(apart).values()


def test_a_total_that_coarse_figures_allow_with_or_without_a_line_says_nothing(
    tmp_path: Path,
) -> None:
    """Six whole numbers may miss their sum by 3.5, and the stock is 3."""
    head = ",A,B,C,one,two,stock,total\n"
    text = head + "A,20,35,5,2,1,3,63\nB,30,12,44,1,2,3,89\nC,7,28,9,2,1,3,47\n"
    with pytest.raises(InputError, match=r"'stock' is the sum of .*give --total or --final"):
        read(tmp_path, text)
    assert read(tmp_path, text, total=("stock",)).final_use.sum() == 9
    text = head + "A,20,35,5,30,10,40,140\nB,30,12,44,20,20,40,166\nC,7,28,9,30,10,40,124\n"
    assert read(tmp_path, text).final_use.sum() == 240


def test_a_subtotal_of_one_figure_is_not_counted_twice(tmp_path: Path) -> None:
    """Dwellings are bought of one industry only."""
    text = ",A,B,food,dwellings of firms,of others,dwellings\n"
    text += "A,100,200,5000,0,0,0\nB,400,100,0,2500,700,3200\n"
    with pytest.raises(InputError, match=r"'dwellings' is the sum of .*give --total or --final"):
        read(tmp_path, text)
    assert read(tmp_path, text, total=("dwellings",)).final_use.sum() == 8200
    # The same figure again is no sum: of two columns one is empty.
    text = text.replace(",2500,700,3200", ",2500,0,2500")
    assert read(tmp_path, text).final_use.sum() == 10000


def test_a_product_that_is_called_a_total_is_not_left_out(tmp_path: Path) -> None:
    """Nobody uses grand pianos but households, and they take no inputs: both lines look empty."""
    text = ",farm,mill,grand pianos,households\nfarm,10,20,0,50\nmill,40,10,0,25\n"
    text += "grand pianos,0,0,0,70\nwages,30,45,70,\n"
    asked = "'grand pianos' has a row and a column, is called a total .*--industry"
    for outputs in ("auto", "uses"):
        with pytest.raises(InputError, match=asked):
            read(tmp_path, text, gross_outputs=outputs)
    assert "grand pianos" in read(tmp_path, text, industry=("grand pianos",)).products
    used = text.replace("40,10,0,25", "40,10,7,18").replace("30,45,70", "30,45,63")
    with pytest.raises(InputError, match=asked):
        read(tmp_path, used)


def test_figures_without_a_label_are_not_left_out(tmp_path: Path) -> None:
    text = OECD.replace("TLS", ",0,0,40,\nTLS")
    with pytest.raises(InputError, match="row 3 of the figures has no label"):
        read(tmp_path, text)
    assert read(tmp_path, text.replace("40", "")).industries == ("A01", "C10")


def test_rounding_of_each_summand_is_allowed_and_no_more(tmp_path: Path) -> None:
    """Three figures of one decimal and their sum may be off by 4 half units, 0.2."""
    text = ",A,B,Final,{}\nA,10.1,20.1,30.1,{}\nB,41.2,15.3,55.4,111.9\nwages,9.0,76.5,,\n"
    assert read(tmp_path, text.format("Total", "60.5")).final_uses == ("Final",)
    with pytest.raises(InputError, match="'Sigma' is the sum of all columns before"):
        read(tmp_path, text.format("Sigma", "60.5"))
    assert read(tmp_path, text.format("Sigma", "60.6")).final_uses == ("Final", "Sigma")


BEA_USE = """Code,Commodity,11,31G,54,T001,F010,F030,F040,F050,T004,T007
,,Agriculture,Manufacturing,Services,Intermediate,PCE,Inventories,Exports,Imports,Final,Output
11,Agriculture,10,40,5,55,60,-3,20,-5,72,127
31G,Manufacturing,15,120,60,195,190,4,110,-30,274,469
54,Services,8,70,90,168,290,---,25,-6,309,477
T005,Total Intermediate,33,230,155,,,,,,,
V001,Compensation of employees,53,133,175,,,,,,,
V002,Taxes on production,5,12,16,,,,,,,
V003,Gross operating surplus,38,96,127,,,,,,,
T006,Total Value Added,96,241,318,,,,,,,
T008,Total Industry Output,129,471,473,,,,,,,
"""
BEA_MAKE = """Code,Industry,11,31G,54,T008
,,Agriculture,Manufacturing,Services,Total Industry Output
11,Agriculture,124,5,---,129
31G,Manufacturing,3,456,12,471
54,Services,---,8,465,473
T007,Total Commodity Output,127,469,477,1073
"""


def swapped_heads(text: str) -> str:
    """Names above codes: the second header row first, its empty cells kept."""
    lines = text.splitlines(keepends=True)
    return "".join([lines[1], lines[0], *lines[2:]])


@pytest.mark.parametrize("names_above", [False, True])
def test_bea_tables_with_t008_on_both(tmp_path: Path, names_above: bool) -> None:
    """T008 is a row of the use table and a column of the make table: it became a product."""
    use, make = (swapped_heads(t) if names_above else t for t in (BEA_USE, BEA_MAKE))
    (tmp_path / "use.csv").write_text(use)
    (tmp_path / "make.csv").write_text(make)
    raw = read_raw_table([tmp_path / "use.csv", tmp_path / "make.csv"])
    assert raw.products == raw.industries == ("11", "31G", "54")
    assert raw.make is not None
    # Rows of the make table are industries: only the stated outputs tell.
    assert raw.make.toarray().tolist() == [[124, 3, 0], [5, 456, 8], [0, 12, 465]]
    assert raw.use.toarray().tolist() == [[10, 40, 5], [15, 120, 60], [8, 70, 90]]
    assert raw.final_use.tolist() == [[60, -3], [190, 4], [290, 0]]
    assert raw.imports is not None
    assert raw.imports.tolist() == [5, 30, 6]
    assert raw.output is not None
    assert raw.output.tolist() == [129, 471, 473]


LABELS = """Product,Agriculture,{},Services,Households,Exports,Total output
Agriculture,10,40,5,60,20,135
Manufacturing,15,120,60,200,110,505
Services,8,70,90,300,25,493
Value added,102,275,338,,,
Total input,135,505,493,,,
"""


@pytest.mark.parametrize(
    "other", ["Manufactring", "MANUFACTURING", " Manu-facturing", "Manufacturing."]
)
def test_labels_that_differ_by_a_slip_are_refused_as_a_pair(tmp_path: Path, other: str) -> None:
    """The row would become value added and the column final use."""
    with pytest.raises(InputError, match=r"'Manufacturing' and column '.*' differ a little"):
        read(tmp_path, LABELS.format(other))


def test_axes_that_differ_by_case_alone_are_refused_as_a_pair(tmp_path: Path) -> None:
    """Not as a table without any industry, which asks for another kind of file."""
    head, rest = LABELS.format("Manufacturing").split("\n", 1)
    text = f"{head.upper()}\n{rest}"
    with pytest.raises(InputError, match="row 'Agriculture' and column 'AGRICULTURE' differ"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("exports", "imports"),
    [("Ausfuhr", "Einfuhr"), ("Exportations", "Importations"), ("Exporte", "Importe")],
)
def test_trade_by_its_german_or_french_name_is_no_final_use(
    tmp_path: Path, exports: str, imports: str
) -> None:
    """Negative imports would lower the target, and no good could be had from abroad."""
    text = f"""Sector,Farm,Mill,Home,{exports},{imports},Total
Farm,10,20,60,15,-5,100
Mill,30,40,50,80,0,200
Wages,60,140,,,,
Total,100,200,,,,
"""
    found = roles(read(tmp_path, text))
    assert found["column", exports] == "exports"
    assert found["column", imports] == "imports"


def test_labels_that_differ_more_are_refused_by_their_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column 'Industry' is among the industries"):
        read(tmp_path, LABELS.format("Industry"))
    last = LABELS.format("Manufacturing").replace("Services,Households", "Tertiary,Households")
    with pytest.raises(InputError, match="column 'Tertiary' pays wages"):
        read(tmp_path, last)


def test_codes_and_years_that_differ_in_a_digit_are_no_slip() -> None:
    assert near_pair(["CPA_A01", "Output 2019"], ["CPA_A02", "Output 2020"]) is None
    assert near_pair(["Value added"], ["Households", "Exports"]) is None


@pytest.mark.parametrize("gap", [" ", "\u00a0", "\u202f", "'", "\u2019"])
def test_blanks_and_apostrophes_between_thousands(tmp_path: Path, gap: str) -> None:
    text = LABELS.format("Manufacturing")
    lines = [line.split(",") for line in text.splitlines()]
    spaced = "\n".join(
        ",".join(f"{cell}{gap}000" if cell.isdigit() else cell for cell in line) for line in lines
    )
    raw = read(tmp_path, spaced)
    assert raw.use.toarray().tolist()[1] == [15000, 120000, 60000]
    assert raw.final_use.ravel().tolist() == [60000, 200000, 300000]
    assert any(f"{'8' + gap + '000'!r}" in line or "read as" in line for line in raw.remarks)


COEFFICIENTS = """,corn,coal,steel
corn,0.1,0,0.2
coal,0.05,0.05,1.2
steel,0.01,0.02,0.05
labour,3,2,4
"""


def test_small_figures_that_nothing_explains_may_be_coefficients(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"per unit of output.* --entries money or"):
        read(tmp_path, COEFFICIENTS)


def test_final_use_in_a_row_is_refused(tmp_path: Path) -> None:
    text = ",A,B,wages\nA,10,30,60\nB,20,40,40\nfinal demand,70,30,\ntotal,100,100,\n"
    with pytest.raises(InputError, match=r"row 'final demand' holds final use .*transpose"):
        read(tmp_path, text)


def test_columns_that_add_up_to_one_may_be_coefficients(tmp_path: Path) -> None:
    text = ",A,B,final\nA,0.2,0.3,50\nB,0.1,0.4,70\nwages,0.4,0.2,\nprofit,0.3,0.1,\ntotal,1,1,\n"
    with pytest.raises(InputError, match=r"per unit of output.* --entries money or"):
        read(tmp_path, text)


PHYSICAL = """,corn (t),steel (t),machines,final demand,total
corn (t),10,0,80,10,100
steel (t),1,10,90,99,200
machines,2,10,10,78,100
labour hours,300,800,600,,
"""


def test_products_in_units_of_their_own_have_no_value_added(tmp_path: Path) -> None:
    """Tonnes less machines are nothing: labour is the resource, and prices come from it."""
    (tmp_path / "t.csv").write_text(PHYSICAL)
    economy, report = import_table(tmp_path / "t.csv")
    assert report.kind == "symmetric in quantities"
    assert economy.resources == ("labour hours",)
    assert economy.endowment.tolist() == [1700]
    np.testing.assert_allclose(economy.resource_use.toarray(), [[3, 4, 6]])
    assert not report.moved
    assert report.observed.optimal
    assert report.observed.value == pytest.approx(1, rel=1e-12)
    # Prices are the labour that a unit takes in all: p = l (I - A)^-1, as shares of 1,700 hours.
    a = np.array([[10, 0, 80], [1, 10, 90], [2, 10, 10]]) / [100, 200, 100]
    wanted = np.linalg.solve((np.eye(3) - a).T, [3, 4, 6]) / 1700
    assert report.observed.plan.p is not None
    np.testing.assert_allclose(report.observed.plan.p, wanted, rtol=1e-12)
    plain, _ = import_table(tmp_path / "t.csv", entries="quantities", targets="columns")
    assert plain.weights == pytest.approx([1])


def test_quantities_without_a_unit_are_not_summed_in_silence(tmp_path: Path) -> None:
    text = PHYSICAL.replace(" (t)", "").replace("labour hours", "labour")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match="give --entries quantities"):
        import_table(tmp_path / "t.csv")
    _, report = import_table(tmp_path / "t.csv", entries="quantities")
    assert report.observed.optimal


def test_quantities_with_trade_ask_for_net_trade(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(PHYSICAL.replace("final demand", "exports"))
    with pytest.raises(InputError, match="exports and imports have no prices; give --trade net"):
        import_table(tmp_path / "t.csv")
    _, report = import_table(tmp_path / "t.csv", trade="net")
    assert report.observed.optimal


def test_hours_beside_money_are_a_resource_and_no_value_added(tmp_path: Path) -> None:
    text = OECD.replace("TLS", "Employment (thousand persons),900,450,,,\nTLS")
    (tmp_path / "t.csv").write_text(text)
    economy, report = import_table(tmp_path / "t.csv")
    assert economy.resources == ("value added", "Employment (thousand persons)")
    np.testing.assert_allclose(economy.endowment, [163, 1350])
    assert report.observed.value == 163
    assert report.observed.optimal


STATED = ",Agri,Steel,Final demand{}\nAgri,20,10,70{}\nSteel,5,10,30{}\nWages,60,20,{}\nTotal,{},\n"


def test_stated_outputs_that_are_not_what_is_used_are_refused(tmp_path: Path) -> None:
    text = STATED.format(",Total output", ",120", ",45", ",", "120,45,")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(
        InputError, match=r"120 at 'Agri', where the others make 100; .*--gross-outp"
    ):
        import_table(tmp_path / "t.csv")
    _, report = import_table(tmp_path / "t.csv", gross_outputs="stated")
    assert [str(m) for m in report.moved] == ["discrepancy: Agri: 20; final use"]
    assert report.observed.plan.x.tolist() == [120, 45]
    _, report = import_table(tmp_path / "t.csv", gross_outputs="uses")
    assert report.observed.plan.x.tolist() == [100, 45]


def test_a_row_of_outputs_alone_is_compared_with_the_uses(tmp_path: Path) -> None:
    """Inputs, wages and profit add up to 120, and the uses to 100."""
    text = STATED.format("", "", "", "\nProfit,35,5,", "120,45")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match="output of 'Agri' is 120, and its uses add up to 100"):
        import_table(tmp_path / "t.csv")


def test_stated_value_added_beyond_what_output_leaves_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(",A,B,final\nA,10,20,70\nB,30,40,30\nvalue added,60,55,\n")
    with pytest.raises(InputError, match=r"'B' has 40 left of its output .* states 55"):
        import_table(tmp_path / "t.csv")


def test_a_row_that_nothing_explains_is_refused(tmp_path: Path) -> None:
    text = ",A,B,final\nA,10,20,70\nB,30,40,30\nwages,20,30,\nwater,7,9,\n"
    with pytest.raises(InputError, match=r"row 'water' is no product, .*--value-added, --resource"):
        read(tmp_path, text)
    raw = read(tmp_path, text, resource=("water",))
    assert raw.resources == ("water",)


def test_a_row_that_a_total_counts_in_is_value_added(tmp_path: Path) -> None:
    text = ",A,B,final\nA,10,20,70\nB,30,40,30\nGewinn,60,40,\nSumme,100,100,\n"
    assert roles(read(tmp_path, text))["row", "Gewinn"] == "value added"


def test_titles_and_notes_are_listed(tmp_path: Path) -> None:
    raw = read(tmp_path, f"A title\n\n{OECD}\nSource: made up\n")
    told = [role.label for role in raw.roles if role.axis == "sheet"]
    assert told == ["title 'A title'", "note 'Source: made up'"]


def test_every_line_of_a_table_has_a_role(tmp_path: Path) -> None:
    raw = read(tmp_path, OECD)
    assert [r.label for r in raw.roles if r.axis == "column"] == OECD.split("\n")[0].split(",")[1:]
    assert [r.label for r in raw.roles if r.axis == "row"] == ["A01", "C10", "TLS", "VA", "OUT"]
    assert all(role.why for role in raw.roles)


def book(path: Path, sheets: dict[str, str]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    out = openpyxl.Workbook()
    out.remove(out.active)
    for name, text in sheets.items():
        sheet = out.create_sheet(name)
        for line in csv.reader(text.splitlines()):
            sheet.append([float(c) if c.lstrip("-").isdigit() else c or None for c in line])
    out.save(path)
    return path


def test_a_workbook_with_two_tables_asks_for_the_sheet(tmp_path: Path) -> None:
    """The first year would be taken for the one that is meant."""
    path = book(tmp_path / "b.xlsx", {"2018": OECD, "2019": OECD, "Notes": "a\nb\n"})
    with pytest.raises(InputError, match=r"3 sheets \(2018, 2019, Notes\).*--sheet"):
        read_raw_table([path])
    assert read_raw_table([path], ReadOptions(sheet="2019")).industries == ("A01", "C10")
    both = book(tmp_path / "c.xlsx", {"Use 1": BEA_USE, "Use 2": BEA_USE, "Make": BEA_MAKE})
    with pytest.raises(InputError, match="sheets 'Use 1', 'Use 2'; name one with --use"):
        read_raw_table([both])


def test_a_sheet_of_too_many_cells_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book(tmp_path / "b.xlsx", {"2018": OECD})
    monkeypatch.setattr(grid, "MOST_CELLS", 20)
    with pytest.raises(InputError, match="more than 20 cells in sheet '2018'"):
        read_raw_table([path])


def test_a_workbook_that_unpacks_to_far_more_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the sizes in its directory: 6 MB of zeros are 6 kB in the file."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 6_000_000)
    assert grid.MOST_UNPACKED <= 1e9
    monkeypatch.setattr(grid, "MOST_UNPACKED", 5_000_000)
    with pytest.raises(InputError, match=r"unpacks to 6.00 MB, more than 5.00 MB; save the sheet"):
        read_raw_table([path])


def test_options_for_sheets_are_refused_where_arrays_have_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", Z=np.ones((2, 2)), x=np.array([5.0, 5.0]), extra=np.ones(2))
    raw = read_raw_table([tmp_path / "t.npz"])
    assert roles(raw)["array", "extra"] == "left out"
    assert roles(raw)["array", "Z"] == "intermediate use"
    with pytest.raises(InputError, match="option --entries is for CSV and xlsx files"):
        read_raw_table([tmp_path / "t.npz"], ReadOptions(entries="money"))


NAMES = ("Agriculture", "Coal", "Steel", "Machines", "Bread", "Cars", "Banks", "Hotels")
TOTALS = ("OUT", "GO", "X", "Production", "Summe", "Insgesamt", "Total output", "x_i")
#: Totals that are not called so, which the caller must state.
UNNAMED = ("X", "Production", "x_i", "Vorleistungen")


def made_up(random: np.random.Generator, path: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Write a balanced table in a random layout, each figure rounded; return what it holds."""
    n, digits = int(random.integers(3, 9)), int(random.integers(0, 3))
    scale = 10.0 ** random.integers(2, 5)
    flows = random.random((n, n)) * scale * (random.random((n, n)) < random.choice([0.4, 0.8, 1]))
    final = random.random((n, int(random.integers(1, 4)))) * 3 * scale
    exports = random.random(n) * scale
    imports = 0.3 * random.random(n) * scale
    has_exports, has_imports = random.random() < 0.5, random.random() < 0.5
    output = flows.sum(1) + final.sum(1) + has_exports * exports - has_imports * imports
    added = np.maximum(1.2 * flows.sum(0) - output, 0.0) + 0.1 * output
    final[:, 0] += added
    output += added
    value_added = output - flows.sum(0)
    wages = value_added * (0.1 + 0.8 * random.random(n))
    columns = [(NAMES[j], flows[:, j]) for j in range(n)]
    if random.random() < 0.4:
        columns.append((str(random.choice(["Vorleistungen", "Total intermediate"])), flows.sum(1)))
    columns += [(f"{w} use", c) for w, c in zip(("Home", "State", "Stock"), final.T, strict=False)]
    if has_exports:
        columns.append(("Exports", exports))
    if has_imports:
        columns.append(("Imports", imports * random.choice([-1, 1])))
    name = str(random.choice(TOTALS))
    if random.random() < 0.8:
        columns.append((name, output))
    rows = [("Wages", wages), (str(random.choice(["Profit", "Rest"])), value_added - wages)]
    if random.random() < 0.4:
        rows.append(("Value added", value_added))
    if random.random() < 0.3:
        rows.insert(0, ("Hours worked", random.random(n) * 1000))
    if random.random() < 0.8:
        rows.append((name if random.random() < 0.6 else "Total input", output))
    lines = [["", *(label for label, _ in columns)]]
    lines += [[NAMES[i], *(f"{values[i]:.{digits}f}" for _, values in columns)] for i in range(n)]
    lines += [[label, *(f"{v:.{digits}f}" for v in values)] for label, values in rows]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    truth = {"flows": flows, "final": final.sum(1), "wages": wages}
    return list(NAMES[:n]), truth


def test_tables_in_any_layout_are_read_right_or_refused(tmp_path: Path) -> None:
    """A total taken as an industry or a use, or the reverse, is worse than a refusal."""
    right = 0
    for seed in range(150):
        path = tmp_path / "t.csv"
        names, truth = made_up(np.random.default_rng(seed), path)
        stated = [name for name in UNNAMED if f"{name}," in path.read_text().replace("\n", ",\n")]
        try:
            if stated:
                with pytest.raises(InputError, match="--total"):
                    read_raw_table([path])
            raw = read_raw_table([path], ReadOptions(total=tuple(stated)))
            import_raw(raw)
        except InputError:
            continue
        right += 1
        assert list(raw.industries) == names, seed
        np.testing.assert_allclose(raw.use.toarray(), truth["flows"], atol=0.51, err_msg=str(seed))
        np.testing.assert_allclose(raw.final_use.sum(1), truth["final"], atol=1.6)
        assert raw.compensation is not None
        np.testing.assert_allclose(raw.compensation, truth["wages"], atol=0.51)
    # Refusals are the exception: figures of three digits leave little open.
    assert right >= 140


def test_a_far_cell_of_a_sheet_takes_no_grid_up_to_it(tmp_path: Path) -> None:
    """A dense grid up to XFD100000 has 1.6 thousand million cells."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active["A1"] = "far"
    book.active["XFD100000"] = 1
    book.save(tmp_path / "far.xlsx")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="no label is in both"):
            read_raw_table([tmp_path / "far.xlsx"])
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_an_industry_that_stands_on_one_axis_only_is_refused(tmp_path: Path) -> None:
    """Its figures would be neither uses nor final use."""
    table = "x,corn,iron,coal,homes\ncorn,10,20,5,70\niron,30,10,5,60\nwages,60,70,0,0\n"
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(InputError, match="column 'coal' is named by --industry and is on one"):
        read_raw_table([tmp_path / "t.csv"], ReadOptions(industry=("coal",)))
