"""MPS: the dialect read and written, bit for bit, and one line for every fault."""

from __future__ import annotations

import bz2
import gzip
import importlib
import json
import lzma
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from support.full import examples

from planbench.errors import InputError
from planbench.io import files, text
from planbench.io.mps import read_mps, write_mps, written_names
from planbench.model.linear_program import LinearProgram, make_linear_program

BASE = """\
* a comment
NAME          SMALL
ROWS
 N  COST
 G  FLOOR
 L  CAP
 E  EVEN
 N  OTHER
COLUMNS
    X         COST               1.5   FLOOR              1.0
    X         CAP                2.0
    Y         FLOOR              1.0   EVEN              -1.0
    Y         OTHER              9.0
RHS
    RHS       FLOOR              3.0   CAP               40.0
    RHS       COST              -7.0   OTHER              5.0
RANGES
    RNG       CAP               10.0
BOUNDS
 UP BND       X                  4.0
ENDATA
"""


def _read(folder: Path, content: str | bytes, *, relax: bool = False) -> LinearProgram:
    path = folder / "p.mps"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_mps(path, relax=relax)


def _refused(
    folder: Path, content: str | bytes, line: int | None, *words: str, relax: bool = False
) -> None:
    with pytest.raises(InputError) as caught:
        _read(folder, content, relax=relax)
    message = str(caught.value)
    assert "\n" not in message
    place = f"{folder / 'p.mps'}:" if line is None else f"{folder / 'p.mps'}:{line}:"
    assert message.startswith(place), message
    for word in words:
        assert word in message, message


def test_a_small_file_is_read_as_the_format_says(tmp_path: Path) -> None:
    lp = _read(tmp_path, BASE)
    np.testing.assert_array_equal(lp.matrix.toarray(), [[1, 1], [2, 0], [0, -1]])
    np.testing.assert_array_equal(lp.cost, [1.5, 0])
    np.testing.assert_array_equal(lp.row_lower, [3, 30, 0])
    np.testing.assert_array_equal(lp.row_upper, [np.inf, 40, 0])
    np.testing.assert_array_equal(lp.col_lower, [0, 0])
    np.testing.assert_array_equal(lp.col_upper, [4, np.inf])
    assert (lp.maximise, lp.offset, lp.name) == (False, 7.0, "SMALL")
    assert (lp.row_names, lp.col_names) == (("FLOOR", "CAP", "EVEN"), ("X", "Y"))


@pytest.mark.parametrize(
    ("text_of", "maximise"),
    [
        ("OBJSENSE MAX\n", True),
        ("OBJSENSE\n    MAX\n", True),
        ("OBJSENSE\n  maximize\n", True),
        ("OBJSENSE\nMAX\n", True),
        ("OBJSENSE\n    MIN\n", False),
        ("OBJSENSE\n* aside\nMAXIMISE\n", True),
        ("OBJSENSE  Maximum\n", True),
        ("OBJSENSE MINIMISE\n", False),
        # As PuLP writes it.
        ("*SENSE:Maximize\n", True),
        ("*SENSE:Minimize\n", False),
        ("*SENSE: of duty\n", False),
        ("*SENSE:Maximize\nOBJSENSE MAX\n", True),
    ],
)
def test_the_sense_is_read_in_every_spelling(tmp_path: Path, text_of: str, maximise: bool) -> None:
    assert _read(tmp_path, BASE.replace("ROWS\n", text_of + "ROWS\n")).maximise is maximise


@pytest.mark.parametrize(
    ("row", "value", "lower", "upper"),
    [
        ("FLOOR", "2", 3, 5),
        ("FLOOR", "-2", 3, 5),
        ("CAP", "10", 30, 40),
        ("CAP", "-10", 30, 40),
        ("EVEN", "1.5", 0, 1.5),
        ("EVEN", "-1.5", -1.5, 0),
        ("EVEN", "0", 0, 0),
        ("FLOOR", "inf", 3, np.inf),
        ("CAP", "1e30", -np.inf, 40),
    ],
)
def test_ranges_on_every_type_of_row(
    tmp_path: Path, row: str, value: str, lower: float, upper: float
) -> None:
    lp = _read(tmp_path, BASE.replace("CAP               10.0", f"{row} {value}"))
    assert lp.row_names is not None
    i = lp.row_names.index(row)
    assert (lp.row_lower[i], lp.row_upper[i]) == (lower, upper)


@pytest.mark.parametrize(
    ("bounds", "lower", "upper"),
    [
        ("UP BND X 4", 0, 4),
        ("UP X 4", 0, 4),
        ("up bnd X 4", 0, 4),
        ("UP BND X 0", 0, 0),
        ("UP BND X -3", -np.inf, -3),
        ("LO BND X 0\n UP BND X -3", 0, -3),
        ("UP BND X -3\n LO BND X -5", -5, -3),
        ("MI BND X\n UP BND X -3", -np.inf, -3),
        ("MI BND X", -np.inf, np.inf),
        ("MI X", -np.inf, np.inf),
        ("FR BND X", -np.inf, np.inf),
        ("FR BND X 0", -np.inf, np.inf),
        ("FR X 0", -np.inf, np.inf),
        ("PL BND X", 0, np.inf),
        ("FX BND X 2.5", 2.5, 2.5),
        ("LO BND X -1e30\n UP BND X 1e20", -np.inf, np.inf),
        ("LO BND X -inf\n UP BND X Infinity", -np.inf, np.inf),
        ("FR BND X\n UP BND X 6", -np.inf, 6),
        ("UP BND X 6\n FR BND X", -np.inf, np.inf),
    ],
)
def test_bounds(tmp_path: Path, bounds: str, lower: float, upper: float) -> None:
    lp = _read(tmp_path, BASE.replace("UP BND       X                  4.0", bounds))
    assert (lp.col_lower[0], lp.col_upper[0]) == (lower, upper)
    assert (lp.col_lower[1], lp.col_upper[1]) == (0, np.inf)


def test_a_comment_may_stand_anywhere(tmp_path: Path) -> None:
    """After NAME it had ended in a traceback."""
    expected = _read(tmp_path, BASE).sha256
    lines = BASE.splitlines()
    commented = "\n".join(f"{line}\n* by hand\n" for line in lines)
    assert _read(tmp_path, commented + "\n").sha256 == expected


def test_dollar_comments(tmp_path: Path) -> None:
    expected = _read(tmp_path, BASE).sha256
    noted = "\n".join(
        f"{line}  $ note 1.0" if line.startswith(" ") else line for line in BASE.splitlines()
    )
    assert _read(tmp_path, noted).sha256 == expected
    lp = _read(tmp_path, FIXED.replace("   THE ROW            2.0", "   $ THE ROW  2.0"))
    np.testing.assert_array_equal(lp.matrix.toarray(), [[0, 1]])


def test_exponents_with_d(tmp_path: Path) -> None:
    """Fortran writes 1.5D+00; Python's float does not read it."""
    text_of = BASE.replace("1.5 ", "1.5D+00 ").replace("40.0", "4.d1").replace("10.0", "1D1")
    assert _read(tmp_path, text_of).sha256 == _read(tmp_path, BASE).sha256
    _refused(tmp_path, BASE.replace("1.5 ", "1.5D "), 10, "'1.5D'")


def test_objname_chooses_the_objective(tmp_path: Path) -> None:
    lp = _read(tmp_path, BASE.replace("ROWS\n", "OBJNAME\n    OTHER\nROWS\n"))
    np.testing.assert_array_equal(lp.cost, [0, 9])
    assert lp.offset == -5
    _refused(tmp_path, BASE.replace("ROWS\n", "OBJNAME\n CAP\nROWS\n"), 5, "of type N", "CAP")
    _refused(tmp_path, BASE.replace("ROWS\n", "OBJNAME\nROWS\n"), 3, "name of one row")
    _refused(tmp_path, BASE.replace("COLUMNS\n", "OBJNAME CAP\nCOLUMNS\n"), 9, "before ROWS")


def test_a_sense_that_contradicts_the_comment_is_refused(tmp_path: Path) -> None:
    text_of = BASE.replace("ROWS\n", "*SENSE:Maximize\nOBJSENSE MIN\nROWS\n")
    _refused(tmp_path, text_of, 4, "contradicts")


PULP = """\
*SENSE:Maximize
NAME          my_model
ROWS
 N  OBJ
 L  _C1
COLUMNS
    x         _C1        1.000000000000e+00
    x         OBJ        3.000000000000e+00
    y         _C1        1.000000000000e+00
    y         OBJ        2.000000000000e+00
RHS
    RHS       _C1        5.000000000000e+00
BOUNDS
 UP BND       x          4.000000000000e+00
 FR BND       y
ENDATA
"""


def test_what_pulp_writes(tmp_path: Path) -> None:
    """It writes the sense as a comment: without it, the maximum would be read as a minimum."""
    lp = _read(tmp_path, PULP)
    assert lp.maximise
    np.testing.assert_array_equal(lp.cost, [3, 2])
    np.testing.assert_array_equal(lp.col_lower, [0, -np.inf])
    assert not _read(tmp_path, PULP.replace("Maxi", "Mini")).maximise


INTEGER = BASE.replace("    Y ", "    M1  'MARKER'  'INTORG'\n    Y ", 1).replace(
    "RHS\n", "    M2  'MARKER'  'INTEND'\nRHS\n", 1
)


def test_integer_columns_need_relax(tmp_path: Path) -> None:
    _refused(tmp_path, INTEGER, 12, "integer", "--relax")
    for bound in ("BV BND Y", "LI BND Y 2", "UI BND Y 2"):
        _refused(
            tmp_path, BASE.replace("UP BND       X                  4.0", bound), 20, "--relax"
        )


def test_relaxed_integer_columns_keep_their_bounds(tmp_path: Path) -> None:
    lp = _read(tmp_path, INTEGER, relax=True)
    assert (lp.col_lower[1], lp.col_upper[1]) == (0, 1)
    assert lp.col_upper[0] == 4
    bounded = INTEGER.replace(" UP BND", " LO BND  Y 2\n UP BND")
    lp = _read(tmp_path, bounded, relax=True)
    assert (lp.col_lower[1], lp.col_upper[1]) == (2, np.inf)
    lp = _read(tmp_path, BASE.replace("ENDATA", " BV BND Y\nENDATA"), relax=True)
    assert (lp.col_lower[1], lp.col_upper[1]) == (0, 1)


def test_markers_must_come_in_turn(tmp_path: Path) -> None:
    _refused(tmp_path, INTEGER.replace("INTORG", "INTEND"), 12, "INTEND", relax=True)


FIXED = """\
NAME          WITH BLANKS
ROWS
 N  MY COST
 G  THE ROW
COLUMNS
    IRON ORE  MY COST            1.5   THE ROW            2.0
    CORN      THE ROW            1.0
RHS
              THE ROW            3.0
BOUNDS
 UP           IRON ORE           4.0
ENDATA
"""


def test_fixed_form_keeps_blanks_in_names(tmp_path: Path) -> None:
    lp = _read(tmp_path, FIXED)
    assert (lp.row_names, lp.col_names) == (("THE ROW",), ("IRON ORE", "CORN"))
    np.testing.assert_array_equal(lp.matrix.toarray(), [[2, 1]])
    assert (lp.row_lower[0], lp.col_upper[0], lp.name) == (3, 4, "WITH BLANKS")


def test_free_form_faults_are_not_hidden_by_fixed_form(tmp_path: Path) -> None:
    _refused(tmp_path, BASE.replace("X         CAP", "X Z CAP"), 11, "4 fields")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("CORN      THE ROW            1.0", "CORN      THE ROE            1.0", 7, "unknown row"),
        ("CORN      THE ROW            1.0", "CORN      THE ROW            1,0", 7, "'1,0'"),
        ("CORN      THE ROW            1.0", "IRON ORE  THE ROW            1.0", 7, "second time"),
        ("    CORN ", "   CORN  ", 7, "is not in fixed form"),
        (" UP           IRON", " SC           IRON", 11, "semicontinuous"),
        (" UP           IRON", " BV           IRON", 11, "--relax"),
        ("ENDATA\n", "", 11, "no ENDATA"),
        ("ENDATA\n", "QUADOBJ\nENDATA\n", 12, "QUADOBJ"),
    ],
)
def test_faults_in_fixed_form_name_their_own_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    """They had been named as line 3, where names with blanks first make no sense in free form."""
    assert old in FIXED
    _refused(tmp_path, FIXED.replace(old, new), line, words)


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_line_ends_of_every_system(tmp_path: Path, ending: str) -> None:
    expected = _read(tmp_path, BASE).sha256
    assert _read(tmp_path, BASE.replace("\n", ending)).sha256 == expected
    assert _read(tmp_path, b"\xef\xbb\xbf" + BASE.replace("\n", ending).encode()).sha256 == expected


def test_comments_blank_lines_and_tabs_keep_the_line_numbers(tmp_path: Path) -> None:
    noisy = BASE.replace("    X         CAP", "\n* aside CAP 1\n \n\tX\tCAP", 1)
    assert _read(tmp_path, noisy).sha256 == _read(tmp_path, BASE).sha256
    _refused(tmp_path, noisy.replace("EVEN              -1.0", "EVEN  -1x"), 15, "'-1x'")


@pytest.mark.parametrize("size", range(8150, 8200))
def test_pieces_may_end_anywhere(tmp_path: Path, size: int) -> None:
    """A line, a line end of two bytes or a character may be cut by the end of a piece."""
    content = f"*{'x' * size}ä\n*ä\n{BASE}".replace("\n", "\r\n")
    assert _read(tmp_path, content).sha256 == _read(tmp_path, BASE).sha256
    _refused(tmp_path, content.replace("EVEN              -1.0", "EVEN  x"), 14, "'x'")


def _after(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new, 1)


FAULTS: list[tuple[str, int | None, tuple[str, ...]]] = [
    ("", None, ("ENDATA",)),
    (BASE.replace("ENDATA\n", ""), None, ("ENDATA", "cut short")),
    (BASE.replace("ENDATA", "QUADOBJ\nENDATA"), 21, ("'QUADOBJ' is no part of a linear program",)),
    (BASE.replace("ENDATA", "SOS2\nENDATA"), 21, ("'SOS2' is no part",)),
    (BASE.replace("ENDATA", "INDICATORS\nENDATA"), 21, ("'INDICATORS' is no part",)),
    (BASE.replace("ENDATA", "NONSENSE\nENDATA"), 21, ("'NONSENSE' is no part",)),
    # A data line that lost its blank would be taken for a header, and its entry would be lost.
    (BASE.replace("RANGES\n    RNG ", "RANGES "), 17, ("RANGES, which is alone",)),
    (BASE.replace("RANGES", "RHS"), 17, ("second RHS section",)),
    (BASE.replace("COLUMNS\n", "", 1), 9, ("5 fields", "a type and a name")),
    ("NAME\nROWS\n N c\nENDATA\n", None, ("no COLUMNS section",)),
    ("NAME\nENDATA\n", None, ("no COLUMNS section",)),
    ("NAME\nCOLUMNS\nROWS\n N c\nENDATA\n", 2, ("no ROWS section before COLUMNS",)),
    ("NAME\n stray\nROWS\n N c\nCOLUMNS\nENDATA\n", 2, ("before any section",)),
    (_after(" N  COST", " K  COST"), 4, ("row type 'K'",)),
    (_after(" N  COST", " G  COST").replace(" N  OTHER", " G  OTHER"), 3, ("no objective",)),
    (_after(" L  CAP", " L  FLOOR"), 6, ("'FLOOR' occurs twice",)),
    (_after(" L  CAP", " L"), 6, ("1 fields",)),
    (_after("CAP                2.0", "CAPP 2.0"), 11, ("unknown row 'CAPP'",)),
    (_after("CAP                2.0", "FLOOR 2.0"), 11, ("second time",)),
    (_after("CAP                2.0", "COST 2.0"), 11, ("second time",)),
    (_after("    Y         OTHER", "    X         OTHER"), 13, ("'X' comes back",)),
    (_after("CAP                2.0", "CAP nan"), 11, ("'nan' is not a decimal number",)),
    (_after("CAP                2.0", "CAP inf"), 11, ("'inf' is not a decimal number",)),
    (_after("CAP                2.0", "CAP 0x10"), 11, ("'0x10' is not a decimal number",)),
    (_after("CAP                2.0", "CAP 1_0"), 11, ("'1_0' is not a decimal number",)),
    (_after("CAP                2.0", "CAP 1,5"), 11, ("'1,5' is not a decimal number",)),
    (_after("CAP                2.0", "CAP 1e999"), 11, ("'1e999' is not a finite number",)),
    (_after("CAP                2.0", "CAP 1e-999"), 11, ("too small",)),
    (_after("CAP                2.0", "CAP 1-2"), 11, ("'1-2' is not a decimal number",)),
    (_after("CAP               40.0", "NONE 40.0"), 15, ("unknown row 'NONE'",)),
    (_after("CAP               40.0", "FLOOR 40.0"), 15, ("second time",)),
    (_after("RHS       COST", "RHS2 COST"), 16, ("second RHS set 'RHS2' after 'RHS'",)),
    (_after("CAP               40.0", "CAP -1e30"), 15, ("infinite right-hand side",)),
    (_after("FLOOR              3.0", "FLOOR inf"), 15, ("infinite right-hand side",)),
    (_after("COST              -7.0", "COST 1e30"), 16, ("infinite right-hand side",)),
    (_after("CAP               10.0", "COST 10.0"), 18, ("range on the objective",)),
    (_after("UP BND       X ", "UP BND       Q "), 20, ("unknown column 'Q'",)),
    (_after("UP BND       X ", "XX BND       X "), 20, ("bound type 'XX'",)),
    (_after("UP BND       X ", "SC BND       X "), 20, ("semicontinuous",)),
    (_after("UP BND       X                  4.0", "UP X"), 20, ("no value",)),
    (_after("X                  4.0", "X nan"), 20, ("'nan'",)),
    (_after("UP BND       X                  4.0", "LO BND X 1e20"), 20, ("nothing can satisfy",)),
    (_after("ENDATA", " UP BND X 5\nENDATA"), 21, ("second time",)),
    (_after("ENDATA", " LO BAND X 5\nENDATA"), 21, ("second BOUNDS set 'BAND'",)),
    (BASE.replace("ROWS\n", "OBJSENSE SIDEWAYS\nROWS\n"), 3, ("'SIDEWAYS'", "MAX or MIN")),
    (BASE.replace("ROWS\n", "OBJSENSE\nROWS\n"), 3, ("MAX or MIN",)),
    (BASE.replace("CAP", "C\x1bP"), 6, ("printable",)),
    (BASE.replace("    Y ", "    *Y "), 12, ("starts like a comment",)),
    (
        BASE.replace(" L  CAP", " L  $CAP"),
        6,
        (
            "1 fields",
            "$ begins a comment",
        ),
    ),
    (BASE.replace("    Y ", "    $Y "), 12, ("starts like a comment",)),
    (BASE.replace("NAME ", " stray\nNAME "), 2, ("before any section",)),
    (_after("UP BND       X                  4.0", "FR BND X four"), 20, ("'four'",)),
]


@pytest.mark.parametrize(("content", "line", "words"), FAULTS)
def test_a_fault_is_named_with_its_line(
    tmp_path: Path, content: str, line: int | None, words: tuple[str, ...]
) -> None:
    _refused(tmp_path, content, line, *words)


@pytest.mark.parametrize("number", ["9" * 300_000, "9" * 300_000 + "x", "0." + "0" * 300_000 + "1"])
def test_hostile_numbers_are_refused_at_once(tmp_path: Path, number: str) -> None:
    _refused(
        tmp_path,
        _after("CAP                2.0", f"CAP {number}"),
        11,
        "9" if "9" in number else "small",
    )


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, BASE.encode("utf-16"), None, "NUL")
    _refused(tmp_path, BASE.replace("CAP", "CÄP").encode("latin-1"), 6, "UTF-8")
    assert _read(tmp_path, BASE.replace("CAP", "CÄP")).row_names == ("FLOOR", "CÄP", "EVEN")


def test_an_overlarge_file_is_refused_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "available_bytes", lambda: 1000)
    _refused(tmp_path, BASE, None, "needs about", "1.00 kB are available")


# --- writing -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["p.mps", "p.mps.gz"])
def test_a_program_is_written_bit_for_bit(
    program: LinearProgram, tmp_path: Path, name: str
) -> None:
    assert write_mps(program, tmp_path / name) == ()
    back = read_mps(tmp_path / name)
    assert back.sha256 == program.sha256
    assert (back.row_names, back.col_names) == (program.row_names, program.col_names)
    assert back.name == "every_kind"
    first = (tmp_path / name).read_bytes()
    write_mps(program, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-4e19, max_value=4e19)


@st.composite
def programs(draw: st.DrawFn) -> LinearProgram:
    rows, cols = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    values = st.one_of(st.just(0.0), st.floats(allow_nan=False, allow_infinity=False))
    entries = draw(st.lists(values, min_size=rows * cols, max_size=rows * cols))

    def bounds(size: int) -> tuple[list[float], list[float]]:
        pair = st.tuples(
            st.one_of(finite, st.just(-np.inf)), st.one_of(finite, st.just(np.inf))
        ).map(lambda p: (min(p), max(p)))
        pairs = draw(st.lists(pair, min_size=size, max_size=size))
        return [low for low, _ in pairs], [high for _, high in pairs]

    row_lower, row_upper = bounds(rows)
    col_lower, col_upper = bounds(cols)
    return make_linear_program(
        matrix=sp.csc_array(np.array(entries).reshape(rows, cols)),
        cost=draw(st.lists(values, min_size=cols, max_size=cols)),
        row_lower=row_lower,
        row_upper=row_upper,
        col_lower=col_lower,
        col_upper=col_upper,
        maximise=draw(st.booleans()),
        offset=draw(finite),
    )


@examples(150)
@given(lp=programs())
def test_any_program_comes_back_bit_for_bit(
    lp: LinearProgram, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mps"
    notes = write_mps(lp, path)
    back = read_mps(path)
    if not notes:
        assert back.sha256 == lp.sha256
    # Only rows that are named may differ, and by no more than one rounding of the range.
    named = {int(note.split(":")[0].removeprefix("row r")) for note in notes}
    for i in set(range(lp.n_rows)) - named:
        assert (back.row_lower[i], back.row_upper[i]) == (lp.row_lower[i], lp.row_upper[i])
    size = np.maximum(np.abs(lp.row_lower), np.abs(lp.row_upper))
    for mine, theirs in ((back.row_lower, lp.row_lower), (back.row_upper, lp.row_upper)):
        known = np.isfinite(theirs)
        assert (np.abs(mine[known] - theirs[known]) <= 4e-16 * size[known]).all()
    assert replace(back, row_lower=lp.row_lower, row_upper=lp.row_upper).sha256 == lp.sha256


def test_a_range_that_no_width_gives_back_is_noted(tmp_path: Path) -> None:
    lp = make_linear_program(
        matrix=[[1.0]], cost=[0.0], row_lower=[-1.0], row_upper=[1.0 + 2.0**-52]
    )
    notes = write_mps(lp, tmp_path / "p.mps")
    assert len(notes) == 1
    assert "row r0" in notes[0]
    assert write_mps(replace(lp, row_upper=np.array([3.0])), tmp_path / "p.mps") == ()


def test_a_negative_upper_bound_is_never_written_alone(tmp_path: Path) -> None:
    lp = make_linear_program(
        matrix=np.ones((1, 2)),
        cost=[1, 1],
        row_lower=[0],
        row_upper=[1],
        col_lower=[-np.inf, 0],
        col_upper=[-2, -2],
    )
    write_mps(lp, tmp_path / "p.mps")
    written = (tmp_path / "p.mps").read_text()
    assert " MI BND  C0000001\n" in written
    assert " LO BND  C0000002  0.0\n" in written
    assert read_mps(tmp_path / "p.mps").sha256 == lp.sha256


def test_names_that_free_form_cannot_hold_are_mended(
    program: LinearProgram, tmp_path: Path
) -> None:
    blanks = replace(program, col_names=("a 1", "b", "c", "d", "e", "f", "g"))
    assert written_names(blanks)[1][0] == "a_1"
    write_mps(blanks, tmp_path / "p.mps")
    assert read_mps(tmp_path / "p.mps").col_names == ("a_1", "b", "c", "d", "e", "f", "g")
    for names in (("a 1", "a_1"), ("$x", "b"), ("*", "b"), ("'MARKER'", "b")):
        clash = replace(program, col_names=(*names, "c", "d", "e", "f", "g"))
        write_mps(clash, tmp_path / "p.mps")
        back = read_mps(tmp_path / "p.mps")
        assert back.col_names == tuple(f"C000000{i}" for i in range(1, 8))
        assert back.sha256 == program.sha256
    write_mps(program, tmp_path / "p.mps", numbered=True)
    back = read_mps(tmp_path / "p.mps")
    assert back.row_names == tuple(f"R000000{i}" for i in range(1, 6))


def test_a_row_named_like_the_objective_keeps_its_name(
    program: LinearProgram, tmp_path: Path
) -> None:
    named = replace(program, row_names=("OBJ", "OBJ_", "equal", "range", "free"))
    write_mps(named, tmp_path / "p.mps")
    back = read_mps(tmp_path / "p.mps")
    assert back.row_names == named.row_names
    assert back.sha256 == program.sha256


def test_what_mps_cannot_hold_is_refused(program: LinearProgram, tmp_path: Path) -> None:
    large = replace(program, col_upper=np.where(program.col_upper == 9, 1e25, program.col_upper))
    with pytest.raises(InputError, match=r"col_upper of g is 1e\+25"):
        write_mps(large, tmp_path / "p.mps")
    wide = replace(program, row_lower=np.array([-8e19, 0.3, 1.5, -1.0, -np.inf]))
    wide = replace(wide, row_upper=np.array([8e19, np.inf, 1.5, 2.0, np.inf]))
    with pytest.raises(InputError, match=r"range of cap is 1\.6e\+20"):
        write_mps(wide, tmp_path / "p.mps")
    extreme = replace(
        wide,
        row_lower=-np.where(np.isinf(wide.row_upper), np.inf, wide.row_upper) * 1e288,
        row_upper=wide.row_upper * 1e288,
    )
    with pytest.raises(InputError, match=r"row_lower of cap is -8e\+307"):
        write_mps(extreme, tmp_path / "p.mps")
    crossing = replace(program, row_lower=np.array([-np.inf, 0.3, 1.5, 3.0, -np.inf]))
    with pytest.raises(InputError, match="cross"):
        write_mps(crossing, tmp_path / "p.mps")
    assert not (tmp_path / "p.mps").exists()


# In a process of its own: highspy and OR-Tools cannot share one before highspy 1.16, which prints a
# banner first.
_HELD_BY_HIGHS = """
import json, sys, highspy
highs = highspy.Highs()
for option, value in (("output_flag", False), ("small_matrix_value", 1e-12),
                      ("large_matrix_value", float("inf"))):
    assert highs.setOptionValue(option, value) == highspy.HighsStatus.kOk
assert highs.readModel(sys.argv[1]) == highspy.HighsStatus.kOk
lp = highs.getLp()
facts = {name: list(map(float, getattr(lp, name + "_"))) for name in
         ("row_lower", "row_upper", "col_lower", "col_upper", "col_cost")}
facts["data"] = list(map(float, lp.a_matrix_.value_))
facts["offset"] = float(lp.offset_)
facts["maximise"] = lp.sense_ == highspy.ObjSense.kMaximize
print(json.dumps(facts))
"""


def _assert_highs_holds(lp: LinearProgram, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HELD_BY_HIGHS, str(path)], capture_output=True, check=True
    )
    held = json.loads(done.stdout.splitlines()[-1])
    for field in ("row_lower", "row_upper", "col_lower", "col_upper"):
        np.testing.assert_array_equal(held[field], getattr(lp, field))
    np.testing.assert_array_equal(held["col_cost"], lp.cost)
    np.testing.assert_array_equal(held["data"], lp.matrix.data)
    assert (held["offset"], held["maximise"]) == (lp.offset, lp.maximise)


def test_highs_reads_what_is_written(program: LinearProgram, tmp_path: Path) -> None:
    write_mps(program, tmp_path / "p.mps")
    _assert_highs_holds(program, tmp_path / "p.mps")


def test_highs_and_this_reader_agree(tmp_path: Path) -> None:
    _assert_highs_holds(_read(tmp_path, INTEGER, relax=True), tmp_path / "p.mps")


# --- compressed files --------------------------------------------------------------------

PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", PACKERS)
def test_compression_is_recognised_by_content(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](BASE.encode())
    assert _read(tmp_path, packed).sha256 == _read(tmp_path, BASE).sha256


@pytest.mark.parametrize("kind", PACKERS)
def test_damaged_compressed_files_are_refused(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](BASE.encode())
    _refused(tmp_path, packed[:-10], None, f"damaged {kind}")
    _refused(tmp_path, packed[:60] + b"\xff\xff" + packed[62:], None, f"damaged {kind}")
    # The check sums come last, after ENDATA.
    _refused(tmp_path, packed[:-8] + b"12345678", None, f"damaged {kind}")


def _zstd() -> Any:
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return pytest.importorskip("backports.zstd")


def test_zstandard(tmp_path: Path) -> None:
    packed = _zstd().compress(BASE.encode())
    assert _read(tmp_path, packed).sha256 == _read(tmp_path, BASE).sha256
    _refused(tmp_path, packed[:-10], None, "damaged zstd")


def test_zstandard_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    _refused(tmp_path, b"\x28\xb5\x2f\xfd" + bytes(20), None, "planbench[zstd]", "zstd -d")


@pytest.mark.parametrize("first", [b"PK\x03\x04", b"7z\xbc\xaf", b"\x1f\x9d"])
def test_other_archives_are_refused(tmp_path: Path, first: bytes) -> None:
    _refused(tmp_path, first + bytes(20), None, "unpack")


def test_what_unpacks_beyond_memory_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "available_bytes", lambda: 1_000_000)
    packed = gzip.compress((b" " * 1000 + b"\n") * 5000, compresslevel=1)
    _refused(tmp_path, packed, None, "unpacks to more than", "memory")


@pytest.mark.parametrize("kind", PACKERS)
def test_what_unpacks_to_far_more_than_it_is_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(files, "UNPACKED_FREELY", 1 << 20)
    head, _, tail = BASE.partition("RHS\n")
    blanks = (" " * 1000 + "\n") * 5000
    _refused(tmp_path, PACKERS[kind](f"{head}{blanks}RHS\n{tail}".encode()), None, "unpacks to")


def test_blanks_take_no_memory(tmp_path: Path) -> None:
    """Only entries are kept: lines of blanks and comments are read in pieces and forgotten."""
    head, _, tail = BASE.partition("RHS\n")
    blanks = (" " * 1000 + "\n" + "*" * 1000 + "\n") * 10_000
    (tmp_path / "p.mps").write_text(f"{head}{blanks}RHS\n{tail}")
    tracemalloc.start()
    try:
        lp = read_mps(tmp_path / "p.mps")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lp.sha256 == _read(tmp_path, BASE).sha256
    assert peak < 10_000_000


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    _refused(
        tmp_path, BASE.replace("RHS\n", " " * 3_000_000 + "\nRHS\n", 1), 14, "a line has more than"
    )
