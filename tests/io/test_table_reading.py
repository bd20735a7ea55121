"""Published tables are read whatever form they have: labels, blanks, totals, both ways round."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.tables import MAKE, SYMMETRIC, USE

from planbench.errors import InputError
from planbench.tables import RawTable, ReadOptions, read_raw_table


def table(folder: Path, text: str, name: str = "table.csv", **options: object) -> RawTable:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_raw_table([path], ReadOptions(**options))  # type: ignore[arg-type]


def pair(folder: Path, use: str = USE, make: str = MAKE, **options: object) -> RawTable:
    (folder / "use.csv").write_text(use, encoding="utf-8")
    (folder / "make.csv").write_text(make, encoding="utf-8")
    files = [folder / "use.csv", folder / "make.csv"]
    return read_raw_table(files, ReadOptions(**options))  # type: ignore[arg-type]


def check_symmetric(raw: RawTable) -> None:
    assert raw.kind == "symmetric"
    assert raw.products == raw.industries == ("farm", "mill")
    assert raw.use.toarray().tolist() == [[10, 20], [30, 5]]
    assert raw.final_uses == ("households",)
    assert raw.final_use.tolist() == [[60], [20]]
    for line, expected in (
        (raw.exports, [20, 0]),
        (raw.imports, [10, 5]),
        (raw.compensation, [30, 15]),
        (raw.output, [100, 50]),
    ):
        assert line is not None
        assert line.tolist() == expected


def test_symmetric_table_with_totals_value_added_and_trade(tmp_path: Path) -> None:
    check_symmetric(table(tmp_path, SYMMETRIC))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_a_byte_order_mark(tmp_path: Path, separator: str) -> None:
    check_symmetric(table(tmp_path, "\ufeff" + SYMMETRIC.replace(",", separator)))


def test_titles_above_notes_below_and_empty_lines_are_no_part_of_the_table(tmp_path: Path) -> None:
    text = f"Table 1: flows\n\n(millions)\n{SYMMETRIC}\n,,,,,,\nSource: made up\n"
    check_symmetric(table(tmp_path, text))


def test_thousands_separators_and_amounts_in_brackets(tmp_path: Path) -> None:
    text = SYMMETRIC.replace("-10", "(10)").replace(",100\nm", ',"1,00,0"\nm')
    with pytest.raises(InputError, match=r"column 'total output' holds '1,00,0'"):
        table(tmp_path, text)
    text = SYMMETRIC.replace("-10", "(10)").replace(",60,", ',"1,060",')
    raw = table(tmp_path, text.replace("20,(10),100", '20,(10),"1,100"'))
    assert raw.imports is not None
    assert raw.imports.tolist() == [10, 5]
    assert raw.final_use[0, 0] == 1060


def test_a_total_is_known_by_its_name_and_by_adding_up(tmp_path: Path) -> None:
    """Without it the sum would be one more final use, and everything would be used twice."""
    text = SYMMETRIC.replace("total output", "Insgesamt").replace("total inputs", "Zusammen")
    raw = table(tmp_path, text)
    assert raw.final_uses == ("households",)
    roles = {role.label: (role.role, role.why) for role in raw.roles}
    assert roles["Insgesamt"] == ("total", "is the sum of all columns before")
    assert raw.output is not None
    assert raw.output.tolist() == [100, 50]


def test_a_sum_that_is_not_called_so_is_refused(tmp_path: Path) -> None:
    """It would be one more industry, and on one axis the largest final use."""
    text = "\n".join(
        (
            ",farm,mill,Vorleistungen,households",
            "farm,10,20,30,70",
            "mill,30,5,35,15",
            "Vorleistungen,40,25,65,85",
            "wages,60,25,,",
        )
    )
    with pytest.raises(InputError, match="'Vorleistungen' may be a total"):
        table(tmp_path, text)
    raw = table(tmp_path, text, total=("Vorleistungen",))
    assert raw.products == ("farm", "mill")
    assert raw.final_uses == ("households",)
    assert raw.value_added is not None
    assert raw.value_added.tolist() == [60, 25]


def test_industries_that_use_nothing_of_each_other_are_no_totals(tmp_path: Path) -> None:
    raw = table(tmp_path, ",a,b,c,final\na,0,0,0,5\nb,0,0,0,6\nc,0,0,0,7\nwages,5,6,7,\n")
    assert raw.products == ("a", "b", "c")


def test_marks_for_nothing_are_counted(tmp_path: Path) -> None:
    assert any("1 cell '---' read as 0" in line for line in table(tmp_path, SYMMETRIC).remarks)


def test_codes_and_names_in_two_header_rows(tmp_path: Path) -> None:
    lines = SYMMETRIC.splitlines()
    text = "\n".join(["code,11,31A,F1,F04,F05,T019", *lines])
    check_symmetric(table(tmp_path, text))


def test_options_name_what_recognition_would_take_otherwise(tmp_path: Path) -> None:
    named = {"final": ("house*",), "imports": ("IMPORTS",), "exports": ("exports",)}
    check_symmetric(table(tmp_path, SYMMETRIC, **named))
    dropped = table(tmp_path, SYMMETRIC, drop=("exports",))
    assert dropped.exports is None
    paid = table(tmp_path, SYMMETRIC.replace("wages", "personnel"), compensation=("pers*",))
    assert paid.compensation is not None
    with pytest.raises(InputError, match="nearest 'households'"):
        table(tmp_path, SYMMETRIC, final=("housholds",))


def test_imported_inputs_in_a_row_of_the_table(tmp_path: Path) -> None:
    text = "\n".join(
        ("sector,a,b,final", "a,1,2,7", "b,3,1,6", "imported products,2,3,4", "wages,4,4,")
    )
    raw = table(tmp_path, text)
    assert raw.import_use is not None
    assert raw.final_import_use is not None
    assert raw.import_use.tolist() == [2, 3]
    assert raw.final_import_use.tolist() == [4]


def check_pair(raw: RawTable) -> None:
    assert raw.kind == "supply-use"
    assert raw.products == ("corn", "flour")
    assert raw.industries == ("farm", "mill")
    assert raw.make is not None
    assert raw.make.toarray().tolist() == [[90, 0], [10, 40]]
    check_uses(raw)


def check_uses(raw: RawTable) -> None:
    assert raw.use.toarray().tolist() == [[10, 35], [20, 5]]
    assert raw.final_use.tolist() == [[30], [30]]
    for line, expected in ((raw.exports, [20, 0]), (raw.imports, [5, 5])):
        assert line is not None
        assert line.tolist() == expected
    assert raw.compensation is not None
    assert raw.compensation.tolist() == [50, 0]


def test_use_and_make_tables(tmp_path: Path) -> None:
    check_pair(pair(tmp_path))


def test_use_and_make_named_by_options(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(USE)
    (tmp_path / "b.csv").write_text(MAKE)
    options = ReadOptions(use=str(tmp_path / "a.csv"), make=str(tmp_path / "b.csv"), unit="t")
    raw = read_raw_table([], options)
    check_pair(raw)
    assert raw.unit == "t"


def test_make_table_with_industries_as_rows_is_turned(tmp_path: Path) -> None:
    """The labels tell: those of the use table's rows are products."""
    rows = [line.split(",") for line in MAKE.splitlines()]
    turned = "\n".join(",".join(cells) for cells in zip(*rows, strict=True))
    check_pair(pair(tmp_path, make=turned))


def test_industries_in_other_words_are_taken_in_order(tmp_path: Path) -> None:
    use = USE.replace("farm,mill", "111CA,311FT")
    check_pair(pair(tmp_path, use=use))
    use = use.replace("total intermediate", "Vorleistungen")
    with pytest.raises(InputError, match=r"industry 'farm' of the make .*first total .*--total"):
        pair(tmp_path, use=use)
    check_pair(pair(tmp_path, use=use, total=("Vorleistungen",)))


def test_same_labels_on_both_axes_turn_by_what_industries_use(tmp_path: Path) -> None:
    make = ",a,b\na,100,30\nb,0,40\n"
    use = ",a,b\na,10,60\nb,20,5\n"
    straight = pair(tmp_path, use=use, make=make)
    assert straight.make is not None
    assert straight.make.toarray().tolist() == [[100, 30], [0, 40]]
    # With b's output 40 (rows as industries) it would use 65.
    assert any("rows are products" in line for line in straight.remarks)
    told = pair(tmp_path, use=use, make=make, make_rows="industries")
    assert told.make is not None
    assert told.make.toarray().tolist() == [[100, 0], [30, 40]]


def test_use_table_without_labels_of_rows(tmp_path: Path) -> None:
    make = ",01,02,total\n01,100,0,100\n02,5,40,45\n,105,40,145\n"
    use = "01,02\n10,20\n20,5\n,\n"
    with pytest.raises(InputError, match="give --make-rows products or industries"):
        pair(tmp_path, use=use, make=make)
    raw = pair(tmp_path, use=use, make=make, make_rows="products")
    assert raw.products == ("01", "02")
    assert raw.use.toarray().tolist() == [[10, 20], [20, 5]]
    assert any("no labels" in line for line in raw.remarks)


@pytest.mark.parametrize(
    "text",
    [
        "farm,mill,households\n10,20,60\n30,5,20\n",
        "10,20,70\n30,40,30\n5,6,7\n",
        "farm,mill,households\n10,20,60\n30,5,20\n30,15,\n",
    ],
)
def test_a_symmetric_table_without_labels_of_rows_is_refused(tmp_path: Path, text: str) -> None:
    """Its first column would pass for labels, or its wages for an industry."""
    with pytest.raises(InputError, match=r"table\.csv: has no labels of rows.*add a first column"):
        table(tmp_path, text)


def test_codes_that_are_numbers_are_labels_beside_rows_of_text(tmp_path: Path) -> None:
    raw = table(tmp_path, "code,1,2,final\n1,10,20,70\n2,30,40,30\nwages,60,40,\n")
    assert raw.products == ("1", "2")
    assert raw.use.toarray().tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize(
    "text",
    [
        "code,name,a,b,final\n1,a,10,20,70\n2,b,30,40,30\n,wages,60,40,\n",
        "name,ISIC,a,b,final\na,1,10,20,70\nb,2,30,40,30\nwages,,60,40,\n",
    ],
)
def test_codes_that_are_numbers_are_labels_beside_names(tmp_path: Path, text: str) -> None:
    """Else the codes would be bought: a final use of 1 of a and 2 of b."""
    raw = table(tmp_path, text)
    assert raw.products == ("a", "b")
    assert raw.use.toarray().tolist() == [[10, 20], [30, 40]]
    assert raw.final_use.tolist() == [[70], [30]]


@pytest.mark.parametrize(
    "text",
    [
        'name,a,b,final\ncode,11,"44,45",F1\na,10,"1,234",70\nb,30,40,30\nwages,60,40,\n',
        'name,code,a,b,final\na,11A,10,"1,234",70\nb,"44,45",30,40,30\nwages,V1,60,40,\n',
    ],
)
def test_codes_with_commas_do_not_say_how_figures_are_written(tmp_path: Path, text: str) -> None:
    """Else 1,234 would be read as 1.234 for the sake of the code 44,45."""
    raw = table(tmp_path, text)
    assert raw.use.toarray().tolist() == [[10, 1234], [30, 40]]
    assert not any("decimal commas" in line for line in raw.remarks)


DECIMALS = [[10.5, 1020.25], [30.0, 1.234]]


@pytest.mark.parametrize(
    "text",
    [
        ";a;b;final\na;10,5;1.020,25;7\nb;30;1,234;30\nwages;6;4;\n",
        "\ta\tb\tfinal\na\t10,5\t1020,25\t7\nb\t30\t1,234\t30\nwages\t6\t4\t\n",
        ',a,b,final\na,"10,5","1.020,25",7\nb,30,"1,234",30\nwages,6,4,\n',
        ',a,b,final\na,"10,500","1.020,250",7\nb,30,"1,234",30\nwages,6,4,"0,000"\n',
    ],
)
def test_decimal_commas_are_read_where_the_figures_show_them(tmp_path: Path, text: str) -> None:
    """A figure such as 10,5 says what 1,234 means too; otherwise it is off by a thousand."""
    raw = table(tmp_path, text)
    assert raw.use.toarray().tolist() == DECIMALS
    assert any("decimal commas" in line for line in raw.remarks)


def test_small_figures_with_three_decimals_are_below_one(tmp_path: Path) -> None:
    """Between thousands nothing begins with 0: 0,125 is an eighth, not 125."""
    text = ',a,b,final\na,"0,125","0,250",7\nb,"0,500",0,30\nwages,6,4,\n'
    raw = table(tmp_path, text, entries="money")
    assert raw.use.toarray().tolist() == [[0.125, 0.25], [0.5, 0.0]]


def test_columns_taken_as_final_use_are_told(tmp_path: Path) -> None:
    """A column of notes or codes would else be bought unseen."""
    names = ",".join(f"f{k}" for k in range(9))
    text = f",a,b,{names}\na,1,2{',3' * 9}\nb,3,4{',5' * 9}\nwages,6,4{',' * 9}\n"
    told = [r.label for r in table(tmp_path, text).roles if r.role == "final use"]
    assert told == [f"f{k}" for k in range(9)]
    named = table(tmp_path, text, final=("f*",))
    assert {r.why for r in named.roles if r.role == "final use"} == {"as --final says"}


@pytest.mark.parametrize("sure", ["0.500", "6.5", "1234", "6.0000"])
def test_points_are_decimal_where_a_figure_shows_it(tmp_path: Path, sure: str) -> None:
    """1.020 alone would be above a thousand where commas are decimal, and is refused."""
    raw = table(tmp_path, f";a;b;final\na;10;1.020;7\nb;30;1.234;30\nwages;{sure};4;\n")
    assert raw.use.toarray().tolist() == [[10.0, 1.02], [30.0, 1.234]]


def test_thousands_are_read_where_the_figures_show_them(tmp_path: Path) -> None:
    raw = table(tmp_path, ";a;b;final\na;10.5;1,020.25;7\nb;30;1,234;30\nwages;6;4;\n")
    assert raw.use.toarray().tolist() == [[10.5, 1020.25], [30.0, 1234.0]]
    assert not any("decimal commas" in line for line in raw.remarks)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (";a;b;final\na;1,234;20,345;70\nb;30;40,250;30\n", "'1,234' may have a decimal comma"),
        (";a;b;final\na;10,5;20.5;70\nb;30;40;30\n", "'10,5'; write decimals with a point"),
        (";a;b;final\na;10,5;0.125;70\nb;30;40;30\n", "'10,5'; write decimals with a point"),
        (";a;b;final\na;(4,5);20.5;70\nb;30;40;30\n", "'(4,5)'; write decimals with a point"),
        (";a;b;final\na;1.234.567;2;7\nb;3;4;30\n", "'1.234.567'; write nothing between thousands"),
        (";a;b;final\na;1.234;20;700\nb;30;40.250;30\n", "write one such figure as 1234 or"),
        ("x|a|b\na|1|2\nb|3|4\n", "put commas, semicolons or tabs between them"),
        (",a,b,final\na,10,2O,70\nb,30,40,30\n", "table.csv:2: column 'b' holds '2O'; give"),
    ],
)
def test_figures_that_cannot_be_told_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        table(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_levels_of_labels_are_region_and_sector(tmp_path: Path) -> None:
    text = "\n".join(
        (
            ",,North,,South,,North,South",
            ",,corn,iron,corn,iron,final,final",
            "North,corn,1,2,0,1,6,0",
            ",iron,2,1,1,0,1,5",
            "South,corn,0,1,1,1,2,5",
            ",iron,1,0,2,1,1,5",
            ",value added,6,6,6,7,,",
        )
    )
    raw = table(tmp_path, text)
    assert raw.kind == "multi-region symmetric"
    assert raw.products == ("North corn", "North iron", "South corn", "South iron")
    assert raw.product_regions == ("North", "North", "South", "South")
    assert raw.final_regions == ("North", "South")
    assert raw.use.toarray().tolist()[1] == [2, 1, 1, 0]
    assert raw.value_added is not None
    assert raw.value_added.tolist() == [6, 6, 6, 7]


def test_xlsx_reads_as_its_csv_does(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active["A1"] = "A made-up table"
    sheet = book.create_sheet("Table")
    sheet.append(["Flows of goods"])
    sheet.append([])
    for line in SYMMETRIC.splitlines():
        cells = line.split(",")
        sheet.append([float(c) if c.lstrip("-").isdigit() else c or None for c in cells])
    book.save(tmp_path / "table.xlsx")
    with pytest.raises(InputError, match=r"has 2 sheets \(Read me, Table\); .* with --sheet"):
        read_raw_table([tmp_path / "table.xlsx"])
    check_symmetric(read_raw_table([tmp_path / "table.xlsx"], ReadOptions(sheet="Table")))
    with pytest.raises(InputError, match="has no sheet 'Tabel', nearest 'Table'"):
        read_raw_table([tmp_path / "table.xlsx"], ReadOptions(sheet="Tabel"))


def test_use_and_make_sheets_of_one_xlsx_file(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for name, text in (("Use 2020", USE), ("Supply 2020", MAKE)):
        sheet = book.create_sheet(name)
        for line in text.splitlines():
            cells = line.split(",")
            sheet.append([float(c) if c.isdigit() else c for c in cells])
    book.save(tmp_path / "sut.xlsx")
    check_pair(read_raw_table([tmp_path / "sut.xlsx"]))


def test_workbooks_as_the_bea_lays_them_out(tmp_path: Path) -> None:
    """Titles, codes over names on both axes, a sheet a year, industries as rows of the make."""
    openpyxl = pytest.importorskip("openpyxl")
    title = [["The Use of Commodities by Industries"], ["(Millions of dollars)"], []]
    use = [
        [None, "Commodities/Industries", "111CA", "311", "T001", "F010", "F040", "F050", "T007"],
        ["IOCode", "Name", "farm", "mill", "Total", "Households", "Exports", "Imports", "Total"],
        ["111CA", "farm", 10, 35, 45, 30, 20, -5, 90],
        ["311", "mill", 20, 5, 25, 30, "...", -5, 50],
        ["V001", "Compensation of employees", 50, "...", 50, None, None, None, None],
        ["V003", "Gross operating surplus", 20, "...", 20, None, None, None, None],
        ["T018", "Total industry output", 100, 40, 140, None, None, None, None],
        ["Note. Made up."],
    ]
    make = [
        [None, "Industries/Commodities", "111CA", "311", "T008"],
        ["IOCode", "Name", "farm", "mill", "Total Industry Output"],
        ["111CA", "farm", 90, 10, 100],
        ["311", "mill", "...", 40, 40],
        ["T007", "Total Commodity Output", 90, 50, 140],
    ]
    for name, rows in (("IOUse_PRO", use), ("IOMake_PRO", make)):
        book = openpyxl.Workbook()
        book.active.title = "ReadMe"
        for row in [*title, *rows]:
            book.create_sheet("2020") if "2020" not in book.sheetnames else None
            book["2020"].append(row)
        book.save(tmp_path / f"{name}.xlsx")
    files = [tmp_path / "IOMake_PRO.xlsx", tmp_path / "IOUse_PRO.xlsx"]
    raw = read_raw_table(files, ReadOptions(sheet="2020", make_rows="industries"))
    assert raw.make is not None
    assert raw.make.toarray().tolist() == [[90, 0], [10, 40]]
    check_uses(raw)


def test_npz_symmetric_and_multi_region(tmp_path: Path) -> None:
    flows = np.arange(16.0).reshape(4, 4)
    np.savez(
        tmp_path / "world.npz",
        Z=flows,
        x=flows.sum(axis=0) + 5,
        final=np.ones((4, 4)),
        country=np.array(["N", "S"]),
        industry=np.array(["corn", "iron"]),
    )
    raw = read_raw_table([tmp_path / "world.npz"])
    assert raw.products == ("N corn", "N iron", "S corn", "S iron")
    assert raw.final_regions == ("N", "N", "S", "S")
    assert (raw.use.toarray() == flows).all()


@pytest.mark.parametrize("turned", [False, True])
def test_npz_make_table_either_way_round(tmp_path: Path, turned: bool) -> None:
    """Square tables say which way round by their stated outputs."""
    make = np.array([[90.0, 0], [10, 40]])
    np.savez(
        tmp_path / "sut.npz",
        use=np.array([[10.0, 35], [20, 5]]),
        make=make.T if turned else make,
        industry_output=make.sum(axis=0),
        commodity_output=make.sum(axis=1),
    )
    raw = read_raw_table([tmp_path / "sut.npz"])
    assert raw.make is not None
    assert (raw.make.toarray() == make).all()


BAD = {
    "no file": (None, "no such file"),
    "empty": ("", "holds no table"),
    "one column": ("a\n1\n2\n", "holds no table"),
    "no figures": ("a,b,c\nd,e,f\n", "holds no table"),
    "text in a cell": (SYMMETRIC.replace(",5,", ",five,"), r":3: column 'mill' holds 'five'"),
    "infinite": (SYMMETRIC.replace(",5,", ",1e999,"), r":3: '1e999' is too large"),
    "huge": (SYMMETRIC.replace(",5,", ",1e101,"), r"too large; rescale"),
    "binary": ("a\0b", "NUL bytes"),
    "no common label": (",a,b\nc,1,2\nd,3,4\n", "no label is in both"),
    "same label twice": (",a,a\na,1,2\nb,3,4\n", "'a' occurs twice"),
    "nameless row": (SYMMETRIC + ",7,9,1,1,1,1\n", "row 6 of the figures has no label"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_csv_is_one_line_with_the_place(tmp_path: Path, kind: str) -> None:
    text, message = BAD[kind]
    path = tmp_path / "bad.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_raw_table([path])
    assert "bad.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_PAIRS = {
    "another product": ({"make": MAKE.replace("flour", "bread")}, "product 'bread'"),
    "another industry": (
        {"use": USE.replace("mill,total intermediate", "bakery,forge")},
        "industry 'mill' of the make table is no column",
    ),
    "too few columns": ({"use": "p,a\ncorn,1\nflour,2\n"}, "industry 'farm'"),
    "wrong way round": ({"make_rows": "rows"}, "products or industries"),
}


@pytest.mark.parametrize("kind", BAD_PAIRS)
def test_bad_pairs_are_one_line(tmp_path: Path, kind: str) -> None:
    given, message = BAD_PAIRS[kind]
    with pytest.raises(InputError, match=message) as caught:
        pair(tmp_path, **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_use_without_make_and_too_many_files(tmp_path: Path) -> None:
    for name in ("use.csv", "make.csv", "third.csv"):
        (tmp_path / name).write_text(USE)
    with pytest.raises(InputError, match="give --make"):
        read_raw_table([tmp_path / "use.csv", tmp_path / "third.csv"])
    files = [tmp_path / n for n in ("use.csv", "make.csv", "third.csv")]
    with pytest.raises(InputError, match="one file too many"):
        read_raw_table(files)
    with pytest.raises(InputError, match="give one file, or a use and a make"):
        read_raw_table([tmp_path / "third.csv", tmp_path / "third.csv"])
    with pytest.raises(InputError, match="is a folder; give --format"):
        read_raw_table([tmp_path])


BAD_NPZ = {
    "no table": ({"A": np.eye(2)}, "no array 'Z' or 'use'"),
    "vector": ({"Z": np.ones(3)}, "two dimensions"),
    "not square": ({"Z": np.ones((2, 3))}, "no make table"),
    "text": ({"Z": np.array([["a", "b"], ["c", "d"]])}, "no numbers"),
    "nan": ({"Z": np.full((2, 2), np.nan)}, "give 0 or amounts between"),
    "tiny": ({"Z": np.full((2, 2), 1e-320)}, "give 0 or amounts between"),
    "labels": ({"Z": np.eye(2), "industry": np.array(["a"])}, "1 label, expected 2"),
    "output": ({"Z": np.eye(2), "x": np.ones(3)}, "field output is 3, not 2"),
    "make": ({"use": np.eye(2), "make": np.ones((3, 2))}, "make is 3 x 2"),
    "regions": ({"Z": np.eye(3), "country": np.array(["a", "b"])}, "do not make 3 rows"),
    "twice": ({"Z": np.eye(2), "use": np.eye(2)}, "twice"),
}


@pytest.mark.parametrize("kind", BAD_NPZ)
def test_bad_npz_is_one_line(tmp_path: Path, kind: str) -> None:
    arrays, message = BAD_NPZ[kind]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        read_raw_table([tmp_path / "bad.npz"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["bad.npz", "bad.xlsx", "bad.ods"])
def test_damaged_files_are_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(InputError) as caught:
        read_raw_table([tmp_path / name])
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_workbook_with_a_damaged_sheet_is_one_line(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["", "a", "b"])
    book.active.append(["a", 1, 2])
    book.save(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "broken.xlsx", "w") as broken,
    ):
        for name in whole.namelist():
            data = whole.read(name)
            broken.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)
    with pytest.raises(InputError, match="is no xlsx file") as caught:
        read_raw_table([tmp_path / "broken.xlsx"])
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "object.npz", Z=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="allow_pickle=False"):
        read_raw_table([tmp_path / "object.npz"])
