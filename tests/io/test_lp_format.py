"""LP format: what is read is what the file says, token by token, or a line says why not."""

from __future__ import annotations

import bz2
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from support.full import examples

from planbench.errors import InputError
from planbench.io.lp_file import read_lp_format
from planbench.model.linear_program import LinearProgram

GOOD = r"""\ a comment
maximize
 profit: 3 x + 2.5 y - z + 7
subject to
 cap: x + y + x <= 4
 floor: - 3 x + 1e-10 z >= -12
 even: y - z = 0.5
bounds
 x <= 3
 -2 <= y <= 1e30
 z free
end
"""


def _write(folder: Path, text: str | bytes) -> Path:
    path = folder / "p.lp"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _read(folder: Path, text: str | bytes, *, relax: bool = False) -> LinearProgram:
    return read_lp_format(_write(folder, text), relax)


def _refused(folder: Path, text: str | bytes, line: int | None, *words: str) -> None:
    path = _write(folder, text)
    with pytest.raises(InputError) as caught:
        read_lp_format(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}:" if line is None else f"{path}:{line}:"), message
    for word in words:
        assert word in message, message


def _facts(lp: LinearProgram) -> tuple[object, ...]:
    return lp.sha256, lp.row_names, lp.col_names


def test_a_program_is_held_as_it_stands(tmp_path: Path) -> None:
    lp = _read(tmp_path, GOOD)
    np.testing.assert_array_equal(lp.matrix.toarray(), [[2, 1, 0], [-3, 0, 1e-10], [0, 1, -1]])
    np.testing.assert_array_equal(lp.cost, [3, 2.5, -1])
    np.testing.assert_array_equal(lp.row_lower, [-np.inf, -12, 0.5])
    np.testing.assert_array_equal(lp.row_upper, [4, np.inf, 0.5])
    np.testing.assert_array_equal(lp.col_lower, [0, -2, -np.inf])
    np.testing.assert_array_equal(lp.col_upper, [3, np.inf, np.inf])
    assert (lp.maximise, lp.offset, lp.name) == (True, 7, "p")
    assert lp.col_names == ("x", "y", "z")
    assert lp.row_names == ("cap", "floor", "even")


def _optimum(lp: LinearProgram) -> float:
    sign = -1 if lp.maximise else 1
    a = lp.matrix.toarray()
    upper, lower = np.isfinite(lp.row_upper), np.isfinite(lp.row_lower)
    done = linprog(
        sign * lp.cost,
        A_ub=np.vstack([a[upper], -a[lower]]),
        b_ub=np.concatenate([lp.row_upper[upper], -lp.row_lower[lower]]),
        bounds=list(zip(lp.col_lower, lp.col_upper, strict=True)),
    )
    assert done.status == 0, done.message
    return float(sign * done.fun) + lp.offset


MAX = "Maximise\n obj: 3 x + 2 y\nSubject To\n c1: x + y <= 4\n c2: x <= 3\nEnd\n"


@pytest.mark.parametrize(
    ("text", "optimum"),
    [
        (MAX, 11),
        ("min\n obj: 2 x[1] + 3 x[2]\nst\n c1: x[1] + x[2] >= 4\nend\n", 8),
        ("min\n obj: y\nst\n c1: y - inflow >= 2\n c2: y >= 1\nend\n", 2),
        ("Minimize\n obj: x\nSubject To\n c1: x - 1 >= 2\nEnd\n", 3),
        ("min\n obj: x\nst\n c1: 3 >= 2\n c2: x >= 1\nend\n", 1),
        ("min\n obj: y\nst\n c1: y + nano >= 2\n c2: y >= 1\nend\n", 1),
    ],
)
def test_what_had_been_read_wrongly_has_the_right_optimum(
    tmp_path: Path, text: str, optimum: float
) -> None:
    """HiGHS's reader gave 0 for the first, 2 for the fourth, and lost `nano`."""
    assert _optimum(_read(tmp_path, text)) == pytest.approx(optimum)


@pytest.mark.parametrize(
    "spelling", ["max", "MAX", "maximum", "maximize", "Maximise", "min", "minimum", "MINIMISE"]
)
@pytest.mark.parametrize("rows", ["st", "ST.", "s.t.", "S. T.", "subject to", "Such  That"])
def test_every_spelling_of_the_first_sections(tmp_path: Path, spelling: str, rows: str) -> None:
    lp = _read(tmp_path, MAX.replace("Maximise", spelling).replace("Subject To", rows))
    assert lp.maximise is spelling.lower().startswith("max")
    assert lp.row_names == ("c1", "c2")


ROWS = [
    ("x + y <= 4", [1, 1], -np.inf, 4),
    ("x + y =< 4", [1, 1], -np.inf, 4),
    ("x + y < 4", [1, 1], -np.inf, 4),
    ("x + y => 4", [1, 1], 4, np.inf),
    ("x + y > 4", [1, 1], 4, np.inf),
    ("3 x + 2 >= y - 1", [3, -1], -3, np.inf),
    ("4 >= x + y", [1, 1], -np.inf, 4),
    ("2 <= x", [1, 0], 2, np.inf),
    ("1 <= x + y <= 5", [1, 1], 1, 5),
    ("5 >= x + y + 1 >= 1", [1, 1], 0, 4),
    ("1 + 1 <= x - 1 + y <= 5", [1, 1], 3, 6),
    ("-inf <= x + y <= 5", [1, 1], -np.inf, 5),
    ("x + y >= -infinity", [1, 1], -np.inf, np.inf),
    ("x + y <= 1e30", [1, 1], -np.inf, np.inf),
    ("x - x + y = 1", [0, 1], 1, 1),
    ("2 <= 3", [0, 0], -np.inf, 1),
    ("3 <= 2 <= 4", [0, 0], 1, 2),
    ("0 = 1", [0, 0], 1, 1),
    ("= 0", [0, 0], 0, 0),
    ("<= 2", [0, 0], -np.inf, 2),
    ("+ - 3 x - - y >= 0", [-3, 1], 0, np.inf),
    ("3x+2y>=-1", [3, 2], -1, np.inf),
    ("2e1x + .5y + 1.e+5 x >= 1.5E-1", [100020, 0.5], 0.15, np.inf),
    ("x\n + y\n <= 4", [1, 1], -np.inf, 4),
    ("x +\n y <=\n 4", [1, 1], -np.inf, 4),
    ("1 <= x\n + y\n <= 5", [1, 1], 1, 5),
    (r"x \ first" + "\n + y <= 4 \\* all *\\", [1, 1], -np.inf, 4),
    ("x >= 2 y", [1, -2], 0, np.inf),
    ("0.1 + x >= 0.1 + 0.2 + 0.3", [1, 0], 0.5, np.inf),
]


@pytest.mark.parametrize(("row", "coefs", "lower", "upper"), ROWS)
def test_rows(tmp_path: Path, row: str, coefs: list[float], lower: float, upper: float) -> None:
    """Variables and constants may stand on both sides; a row without variables stays a row."""
    lp = _read(tmp_path, f"min\n 0 x + 0 y\nst\n r: {row}\n s: - x + y >= 1\nend\n")
    np.testing.assert_array_equal(lp.matrix.toarray(), [coefs, [-1, 1]])
    assert (lp.row_lower[0], lp.row_upper[0]) == (lower, upper)
    assert lp.row_names == ("r", "s")


BOUNDS = [
    ("x free", -np.inf, np.inf),
    ("x FREE", -np.inf, np.inf),
    ("-inf <= x <= 5", -np.inf, 5),
    ("x >= -Infinity", -np.inf, np.inf),
    ("3 <= x", 3, np.inf),
    ("3 >= x", 0, 3),
    ("x = 4", 4, 4),
    ("4 = x", 4, 4),
    ("x < 4", 0, 4),
    ("5 >= x >= 1", 1, 5),
    ("x <= 3\n x >= 1", 1, 3),
    ("x >= 1\n x >= 1", 1, np.inf),
    ("x <= -3", 0, -3),
    ("x <= +inf", 0, np.inf),
    ("x <= 1e20", 0, np.inf),
    ("x >= - 2", -2, np.inf),
    ("4 <= x <= 3", 4, 3),
]


@pytest.mark.parametrize(("bounds", "lower", "upper"), BOUNDS)
def test_bounds(tmp_path: Path, bounds: str, lower: float, upper: float) -> None:
    for start in ("bounds\n ", "BOUND "):
        lp = _read(tmp_path, f"min\n x + y\nst\n c: x + y >= 1\n{start}{bounds}\nend\n")
        assert (lp.col_lower[0], lp.col_upper[0]) == (lower, upper)
        assert (lp.col_lower[1], lp.col_upper[1]) == (0, np.inf)


@pytest.mark.parametrize(
    ("objective", "cost", "offset"),
    [
        ("obj: 2 x + 3", [2], 3),
        ("3 + 2 x - 1", [2], 2),
        ("2 x + x", [3], 0),
        ("obj:", [0], 0),
        ("", [0], 0),
        ("obj: 0", [0], 0),
        ("\n 2\n x\n + 3", [2], 3),
    ],
)
def test_objectives(tmp_path: Path, objective: str, cost: list[float], offset: float) -> None:
    lp = _read(tmp_path, f"min {objective}\nst\n c: x >= 1\nend\n")
    assert (lp.cost.tolist(), lp.offset) == (cost, offset)


@pytest.mark.parametrize(
    "name",
    [
        *("x[1]", "x[1,2]", "x(1,2)", "x{a}", "inflow", "infinity_x", "nano", "e5", "e", "E"),
        *("free_x", "st_x", "bounds1", "endive", "x.1", "x#1", "_x", "maxi", "general_"),
        *("preis_für_öl", "生产", "x'", "x[(1,2),a]", "binär", "St1", "int8", "d1", "x;1;a"),
    ],
)
def test_names(tmp_path: Path, name: str) -> None:
    """Names that begin like a word of the format, or hold brackets, are names."""
    lp = _read(
        tmp_path,
        f"min\n {name} + 2 a\nst\n{name}: {name} + a >= 2\n {name} - a <= 3\n"
        f"bounds\n {name} <= 9\nend\n",
    )
    assert lp.col_names == (name, "a")
    assert lp.row_names == (name, "c2")
    np.testing.assert_array_equal(lp.matrix.toarray(), [[1, 1], [1, -1]])
    np.testing.assert_array_equal(lp.col_upper, [9, np.inf])


def test_rows_without_label_never_take_a_name_that_is_given(tmp_path: Path) -> None:
    lp = _read(tmp_path, "min\n x\nst\n c2: x >= 1\n x >= 2\nend\n")
    assert lp.row_names == ("c2", "c2_")


def test_sections_that_are_empty_take_nothing_away(tmp_path: Path) -> None:
    """HiGHS writes empty ones."""
    lp = _read(tmp_path, GOOD.replace("end\n", "bin\ngen\nsemi\nend\n"))
    assert _facts(lp) == _facts(_read(tmp_path, GOOD))


def test_integer_columns_need_relax(tmp_path: Path) -> None:
    for word in ("general", "generals", "gen", "integer", "int", "binary", "BIN", "binaries"):
        text = GOOD.replace("end\n", f"{word}\n x\nend\n")
        _refused(tmp_path, text, 13, "integer", "--relax")
        lp = _read(tmp_path, text, relax=True)
        assert lp.col_upper[0] == (1 if word.lower().startswith("bin") else 3)
    # A binary variable that is fixed stays fixed.
    text = "max\n x\nst\n c: x <= 9\nbounds\n x = 1\nbinary\n x\nend\n"
    lp = _read(tmp_path, text, relax=True)
    assert (lp.col_lower[0], lp.col_upper[0]) == (1, 1)


BAD = [
    ("", 1, "does not start with"),
    ("hello\n", 1, "does not start with"),
    (GOOD.replace("+ 7", "+ [ x^2 ] / 2"), 3, "quadratic"),
    (GOOD.replace("+ 7", "+ x^2"), 3, "quadratic"),
    (GOOD.replace("+ 7", "+ x²"), 3, "holds more than letters"),
    (GOOD.replace("2.5", "½"), 3, "holds more than letters"),
    (GOOD.replace("2.5 y", "½y"), 3, "holds more than letters"),
    (GOOD.replace("2.5", "0x10"), 3, "may be a number"),
    (GOOD.replace("2.5", "2.5D+00"), 3, "may be a number"),
    (GOOD.replace("2.5", "2d1"), 3, "may be a number"),
    (GOOD.replace("<= 4", "<= 4_000"), 5, "may be a number"),
    (GOOD.replace("<= 4", "<= 4'000"), 5, '"\'": no part of the format'),
    (GOOD.replace("<= 4", "<= 4 000"), 5, "without an operator"),
    (GOOD.replace("<= 4", "<= 5%"), 5, "'%': no part"),
    (GOOD.replace("<= 4", "<= $5"), 5, "'$': no part"),
    (GOOD.replace("<= 4", "<= None"), 5, "'None' is a word"),
    (GOOD.replace("2.5 y", "nan"), 3, "'nan' is a word"),
    (GOOD.replace("2.5", "nan"), 3, "'nan' is a word"),
    (GOOD.replace("2.5", "inf"), 3, "without an operator"),
    (GOOD.replace("2.5", "3 inf"), 3, "'inf' is a word"),
    (GOOD.replace("+ 7", "+ inf"), 4, "infinity as part"),
    (GOOD.replace("3 x + 2.5 y - z + 7", "inf"), 4, "infinite constant"),
    (GOOD.replace("1e-10", "inf"), 6, "without an operator"),
    (GOOD.replace("2.5", "1e400"), 3, "not a finite number"),
    (GOOD.replace("2.5", "1e-400"), 3, "too small"),
    (GOOD.replace("2.5", "2,5"), 3, "decimal point"),
    (GOOD.replace("<= 4", "<= 4,5"), 5, "decimal point"),
    (GOOD.replace("x + y + x", "2 ( x + y )"), 5, "multiply out"),
    (GOOD.replace("x + y + x", "2(x + y)"), 5, "multiply out"),
    (GOOD.replace("x + y + x", "x(y + 2)"), 5, "half a bracket"),
    (GOOD.replace("x + y + x", "x[1, 2]"), 5, "half a bracket"),
    (GOOD.replace("x + y + x", "2 * x"), 5, "write '3 x'"),
    (GOOD.replace("x + y + x", "x/2"), 5, "quotient"),
    (GOOD.replace("x + y + x", "x, y"), 5, "comma outside brackets"),
    (GOOD.replace("x + y + x", "x,y"), 5, "comma outside brackets"),
    (GOOD.replace("x + y + x", "x y"), 5, "'y' follows without an operator"),
    (GOOD.replace("x + y + x", "2 3 x"), 5, "'3' follows without an operator"),
    (GOOD.replace("x + y + x", "2 e5"), 5, "exponent or a variable"),
    (GOOD.replace("x + y + x", "x + y +"), 5, "sign with no term"),
    (GOOD.replace("x + y + x <=", "="), 5, "nothing on the left"),
    (GOOD.replace("cap: x + y + x", ""), 5, "nothing on one side"),
    (GOOD.replace("x + y + x", "<= 1"), 5, "nothing on one side"),
    (GOOD.replace("x <= 4", "x <= "), 5, "nothing on one side"),
    (GOOD.replace("x <= 4", "x"), 6, "expected <=, >= or ="),
    (GOOD.replace("x <= 4", "x == 4"), 5, "nothing on one side"),
    (GOOD.replace("x <= 4", "x ≤ 4"), 5, "'≤'"),
    (GOOD.replace("x <= 4", "x <= 4 <= 5"), 5, "two relations"),
    (GOOD.replace("cap: x + y", "cap: 1 >= x + y"), 5, "two relations"),
    (GOOD.replace("x <= 4", "x >= inf"), 5, "nothing can satisfy"),
    (GOOD.replace("x <= 4", "x = 1e20"), 5, "nothing can satisfy"),
    (GOOD.replace("x <= 4", "x <= inf - inf"), 6, "infinity as part"),
    (GOOD.replace("cap: x + y + x <= 4", "cap: inf <= inf"), 6, "no finite number"),
    (GOOD.replace("x <= 4", "x + 1e308 <= -1e308 - 1e308"), 6, "no finite number"),
    (GOOD.replace("cap:", "cap: even:"), 5, "expected <=, >= or ="),
    (GOOD.replace("cap:", "1cap:"), 5, "expected <=, >= or ="),
    (GOOD.replace("cap:", "12:"), 5, "labels start with a letter"),
    (GOOD.replace("cap:", "free:"), 5, "'free' is a word"),
    (GOOD.replace("floor", "cap"), 6, "'cap' occurs twice"),
    (GOOD.replace(" cap:", "end:"), 5, "without a colon"),
    (GOOD.replace("x <= 4", "x <= 4; "), 5, "lp_solve"),
    (GOOD.replace("- z + 7", "- z;"), 3, "lp_solve"),
    (GOOD.replace("x <= 4", "x <= 4 // four"), 5, "backslash"),
    (GOOD.replace("x <= 4", "end <= 4"), 5, "'end' is a word"),
    (GOOD.replace("x <= 4", "x = 1 -> y <= 3"), 5, "indicator"),
    (GOOD.replace("\\ a comment", "\\* a comment *\\ max"), 1, "text after a comment"),
    (GOOD.replace("maximize\n profit:", "max:"), 2, "lp_solve"),
    (GOOD.replace("subject to", "subject to:"), 4, "without a colon"),
    (GOOD.replace("subject to\n", ""), 4, "a second objective 'cap:'"),
    (GOOD.replace("subject to\n cap:", "subjectto\n"), 5, "without an operator"),
    (GOOD.replace("subject to\n cap:", ""), 4, "missing"),
    (GOOD.replace("subject to", "maximize"), 4, "a second objective"),
    (GOOD.replace(" floor:", "subject to\n floor:"), 6, "second time"),
    (GOOD.replace("bounds", "boundz"), 8, "misspelt section"),
    (GOOD.replace("bounds\n x <= 3\n", "boundz\n"), 8, "misspelt section"),
    (GOOD.replace("bounds", "ranges"), 8, "misspelt section"),
    (GOOD.replace("bounds", "lazy constraints"), 9, "'lazy constraints' is not linear"),
    (GOOD.replace("bounds", "semi-continuous"), 9, "'semi-continuous' is not linear"),
    (GOOD.replace("bounds", "SOS2"), 9, "'SOS2' is not linear"),
    (GOOD.replace("x <= 3", "X <= 3"), 9, "is in no row", "nearest 'x'"),
    (GOOD.replace("x <= 3", "2 x <= 6"), 9, "without a coefficient"),
    (GOOD.replace("x <= 3", "x + y <= 6"), 9, "without a coefficient"),
    (GOOD.replace("x <= 3", "x <= y"), 9, "about one variable"),
    (GOOD.replace("x <= 3", "x <= 3 z free"), 9, "about one variable"),
    (GOOD.replace("x <= 3", "x <= 3 + 2"), 9, "a number on the other side"),
    (GOOD.replace("x <= 3", "x <= 3 free"), 9, "is in no row"),
    (GOOD.replace("x <= 3", "x <= 3\n x <= 2"), None, "a second upper bound of 'x'"),
    (GOOD.replace("x <= 3", "x free\n x <= 2"), None, "a second upper bound of 'x'"),
    (GOOD.replace("x <= 3", "x >= inf"), None, "nothing can satisfy"),
    (GOOD.replace("x <= 3", "1 <= x >= 3"), 9, "range"),
    (GOOD.replace("x <= 3", "b: x <= 3"), 9, "found 'b:'"),
    (GOOD.replace("x <= 3", "x"), 10, "expected <=, >=, = or 'free'"),
    (GOOD.replace("end\n", ""), 11, "there is no 'end'"),
    (GOOD[:120], None, ""),
    (GOOD + "x <= 2\n", 13, "'x' after 'end'"),
    (GOOD + GOOD, 14, "section 'maximise' after 'end'"),
    (GOOD.replace("end", "general\n q\nend"), 13, "is in no row"),
    ("min\n 2 x\nst\n 2 <= x\n - y + z <= 5\nend\n", 5, "label all rows"),
    ("min\n 2 x\nst\n c: 2 <= x\n - y + z <= 5\n z >= 1\nend\n", 5, "label all rows"),
    ("min\n 2 x\nst\n x >= 1\n c: 2 <= x\n - y + z <= 5\nend\n", 6, "label all rows"),
    ("min\n 2 x\nst\n 3 >= 2\n x >= 1\nend\n", 5, "label all rows"),
    ("min\n 2 x\nst\n c: 3 >= 2\n - x >= 1\nend\n", 5, "label all rows"),
    ("min: 2 x + 3 y;\nc1: x + y >= 4;\n", 1, "lp_solve"),
    ("/* by hand */\nmax: 2 x;\n", 1, "'/'"),
    (GOOD.replace("cap", "cäp").encode("latin-1"), 5, "UTF-8"),
    (GOOD.encode("utf-16"), None, "NUL"),
]


@pytest.mark.parametrize("case", BAD, ids=range(len(BAD)))
def test_what_is_not_understood_is_refused_with_its_line(
    tmp_path: Path, case: tuple[str | bytes, int | None, str]
) -> None:
    _refused(tmp_path, *case)


def test_missing_files_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.lp")
    for name, words in (("none.lp", "no such file"), ("", "folder"), ("pipe.lp", "regular file")):
        with pytest.raises(InputError, match=words):
            read_lp_format(tmp_path / name)


def test_a_compressed_file(tmp_path: Path) -> None:
    (tmp_path / "model.lp.bz2").write_bytes(bz2.compress(GOOD.encode()))
    lp = read_lp_format(tmp_path / "model.lp.bz2")
    assert lp.name == "model"
    assert _facts(lp) == _facts(_read(tmp_path, GOOD))


@pytest.mark.parametrize(
    "row",
    [
        "9" * 300_000 + " x",
        "9" * 300_000 + "x",
        "0." + "0" * 300_000 + "1 x",
        "x" * 300_000,
        "x" + "[" * 100_000 + "]" * 100_000,
        "x" + " " * 300_000 + "x",
        "- " * 100_001 + "x x",
        "semi" * 99_999,
    ],
    ids=range(8),
)
def test_hostile_lines_are_refused_at_once(tmp_path: Path, row: str) -> None:
    """Time that grew with the square of their length would run into the limit of a test."""
    _refused(tmp_path, f"min\n x\nst\n c: {row} >= 2\nend\n", 4, "")


def test_every_token_counts(tmp_path: Path) -> None:
    """Without any one word or sign the file is another program, or none: nothing is passed over."""
    text = GOOD.replace("floor: -", "floor: 1 <=").replace(">= -12", "<= 20 - 8")
    whole = _facts(_read(tmp_path, text))
    tokens = list(re.finditer(r"[\w.]+:?|[<>]=|\S", text.split("\n", 1)[1]))
    head = text.split("\n", 1)[0] + "\n"
    body = text.split("\n", 1)[1]
    kept = []
    for token in tokens:
        without = head + body[: token.start()] + " " + body[token.end() :]
        try:
            if _facts(_read(tmp_path, without)) == whole:
                kept.append(token[0])
        except InputError:
            continue
    # The name of the objective is not kept, and 1e30 is infinite as is a bound that is not given.
    assert kept == ["profit:"]


# --- random programs -----------------------------------------------------------------------

small = st.integers(-9, 9)


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, list[list[int]], list[tuple[float, float]]]:
    """Text of rows in any of their forms, their coefficients, and their bounds."""
    n = draw(st.integers(1, 4))
    lines, matrix, limits = [], [], []
    labelled = draw(st.booleans())
    for i in range(draw(st.integers(1, 4))):
        coefs = draw(st.lists(small, min_size=n, max_size=n))
        low, high = sorted((draw(small), draw(small)))
        sides: list[list[tuple[int, str]]] = [[(c, f"v{j}") for j, c in enumerate(coefs)], []]
        # Add the same terms to both sides, and take some of the left to the right.
        for j in draw(st.lists(st.integers(0, n - 1), max_size=3)):
            c = draw(small)
            for side in sides:
                side.append((c, f"v{j}"))
        for c in draw(st.lists(small, max_size=2)):
            for side in sides:
                side.append((c, ""))
        body, right = sides
        forms = ["<=", ">=", "=", *(["range", "flipped"] if labelled else [])]
        form = draw(st.sampled_from(forms))
        label = f"r{i}:" if labelled else ""
        if form == "range":
            lines.append(f"{label} {low} <= {_sum(sides[0][:n], draw)} <= {high}")
            limits.append((low, high))
        elif form == "flipped":
            lines.append(f"{label} {low} >= {_sum(sides[0][:n], draw)}")
            limits.append((-np.inf, low))
        else:
            lines.append(f"{label} {_sum(body, draw)} {form} {_sum([*right, (low, '')], draw)}")
            limits.append((-np.inf if form == "<=" else low, np.inf if form == ">=" else low))
        matrix.append(coefs)
    return "\n".join(lines), matrix, limits


def _sum(terms: list[tuple[int, str]], draw: st.DrawFn) -> str:
    out = []
    for c, name in draw(st.permutations(terms)):
        sign = "-" if c < 0 else draw(st.sampled_from(["+", "+ +", "- -"]))
        size = f"{abs(c)}{draw(st.sampled_from(['', '.', '.0', 'e0', 'E+00']))}"
        if name and abs(c) == 1:
            size = draw(st.sampled_from(["", size]))
        out.append(f"{sign} {size}{draw(st.sampled_from(['', ' ']))}{name}")
    return " ".join(out)


@examples(200)
@given(program=programs())
def test_rows_in_any_form_are_the_same_rows(
    program: tuple[str, list[list[int]], list[tuple[float, float]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows, matrix, limits = program
    names = " + ".join(f"0 v{j}" for j in range(len(matrix[0])))
    lp = _read(tmp_path_factory.getbasetemp(), f"min {names}\nst\n{rows}\nend\n")
    np.testing.assert_array_equal(lp.matrix.toarray(), matrix, err_msg=rows)
    np.testing.assert_array_equal(lp.row_lower, [low for low, _ in limits], err_msg=rows)
    np.testing.assert_array_equal(lp.row_upper, [high for _, high in limits], err_msg=rows)


# In a process of its own: highspy before 1.16 and OR-Tools cannot share one; 1.16 prints a banner.
_READ_BY_HIGHS = """
import json, sys, highspy
out = []
for path in sys.argv[1:]:
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    assert highs.readModel(path) == highspy.HighsStatus.kOk, path
    lp = highs.getLp()
    matrix = [[0.0] * lp.num_col_ for _ in range(lp.num_row_)]
    m = lp.a_matrix_
    for j in range(lp.num_col_):
        for k in range(m.start_[j], m.start_[j + 1]):
            matrix[m.index_[k]][j] += m.value_[k]
    facts = {name: list(map(float, getattr(lp, name + "_"))) for name in
             ("row_lower", "row_upper", "col_lower", "col_upper", "col_cost")}
    facts |= {"matrix": matrix, "offset": float(lp.offset_),
              "maximise": lp.sense_ == highspy.ObjSense.kMaximize,
              "names": [list(lp.row_names_), list(lp.col_names_)]}
    out.append(facts)
print(json.dumps(out))
"""


def _plain(rng: np.random.Generator) -> str:
    """Write a random program in the forms that HiGHS reads as well."""
    n = int(rng.integers(1, 6))
    names = [str(rng.choice(["x", "make_", "E1x", "_q", "st_", "y#"])) + str(j) for j in range(n)]

    def terms(least: int) -> str:
        chosen = rng.permutation(n)[: int(rng.integers(least, n + 1))]
        out = []
        for j in chosen:
            value = str(rng.choice(["", "2", "0.5", "1e-3", "12.25", ".75", "3.E+2"]))
            out.append(f"{rng.choice(['+', '-'])} {value} {names[j]}")
            if rng.random() < 0.2:
                out.append(str(rng.choice(["\n", "\\ aside\n"])))
        return " ".join(out)

    constant = str(rng.choice(["", "+ 3.5", "- 2"]))
    lines = [
        str(rng.choice(["max", "Minimize", "MAXIMIZE", "min"])),
        f" obj: {terms(1)} {constant}",
    ]
    lines.append(str(rng.choice(["st", "Subject To", "s.t."])))
    for i in range(int(rng.integers(1, 5))):
        relation = str(rng.choice(["<=", ">=", "="]))
        lines.append(f" row{i}: {terms(1)} {relation} {rng.choice(['4', '-2.5', '+1e2'])}")
    used = [name for name in names if re.search(rf"(?<!\S){name}(?!\S)", "\n".join(lines))]
    lines.append("Bounds")
    for name in used:
        form = str(rng.choice(["", "{} free", "{} <= 5", "-1 <= {} <= 4", "{} >= -inf", "{} = 2"]))
        if form:
            lines.append(" " + form.format(name))
    return "\n".join([*lines, "End", ""])


def test_highs_reads_plain_files_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    paths = []
    for i in range(150):
        paths.append(tmp_path / f"{i}.lp")
        paths[-1].write_text(_plain(rng))
    command = [sys.executable, "-c", _READ_BY_HIGHS, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True)
    for path, held in zip(paths, json.loads(done.stdout.splitlines()[-1]), strict=True):
        lp, said = read_lp_format(path), path.read_text()
        for mine in ("row_lower", "row_upper", "col_lower", "col_upper"):
            np.testing.assert_array_equal(getattr(lp, mine), held[mine], err_msg=said)
        np.testing.assert_array_equal(lp.cost, held["col_cost"], err_msg=said)
        np.testing.assert_array_equal(lp.matrix.toarray(), held["matrix"], err_msg=said)
        assert (lp.offset, lp.maximise) == (held["offset"], held["maximise"]), said
        assert [list(lp.row_names or ()), list(lp.col_names or ())] == held["names"], said
