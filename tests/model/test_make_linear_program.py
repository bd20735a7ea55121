"""The door into the type LinearProgram."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.model import LinearProgram, make_linear_program

GOOD: dict[str, Any] = {
    "matrix": [[1.0, 1.0, 0.0], [0.0, -1.0, 2.0]],
    "cost": [3.0, 2.0, 1.0],
    "row_lower": [-np.inf, 1.0],
    "row_upper": [4.0, 1.0],
}


def build(**changes: Any) -> LinearProgram:
    return make_linear_program(**{**GOOD, **changes})


def test_missing_bounds_are_zero_and_infinity() -> None:
    program = build()
    assert program.col_lower.tolist() == [0.0] * 3
    assert np.isinf(program.col_upper).all()
    assert program.row(1) == "r1"
    assert program.column(2) == "c2"


def test_objective_counts_the_offset_and_keeps_the_sense() -> None:
    program = build(maximise=True, offset=5.0)
    assert program.objective(np.array([1.0, 1.0, 1.0])) == 11.0
    assert program.minimisation_cost.tolist() == [-3.0, -2.0, -1.0]


def test_crossing_bounds_are_a_program_not_an_error() -> None:
    """Solvers must recognise infeasible programs, so they must reach them."""
    program = build(col_lower=[2.0, 0.0, 0.0], col_upper=[1.0, 1.0, 1.0])
    assert program.col_lower[0] > program.col_upper[0]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("matrix", [[1.0, np.nan, 0.0], [0.0, 0.0, 0.0]], "matrix: entry (row 0, column 1) is nan"),
        ("matrix", [[1.0, np.inf, 0.0], [0.0, 0.0, 0.0]], "matrix: entry (row 0, column 1) is inf"),
        ("cost", [1.0, 2.0], "cost: has shape (2,), expected (3,)"),
        ("cost", [1.0, 2.0, np.inf], "cost: entry 2 is inf"),
        ("cost", None, "cost: is missing"),
        ("row_lower", [np.nan, 0.0], "row_lower: entry 0 is nan"),
        ("row_lower", [np.inf, 0.0], "row_lower: entry 0 is inf, which nothing can satisfy"),
        ("row_upper", [-np.inf, 1.0], "row_upper: entry 0 is -inf, which nothing can satisfy"),
        ("col_lower", [np.inf, 0.0, 0.0], "col_lower: entry 0 is inf"),
        ("col_upper", [1.0, -np.inf, 0.0], "col_upper: entry 1 is -inf"),
        ("col_upper", [1.0, np.nan, 0.0], "col_upper: entry 1 is nan"),
        ("offset", np.nan, "offset: is nan"),
        ("row_names", ["a", "a"], "row_names: label 'a' occurs twice"),
        ("col_names", ["a"], "col_names: has 1 label, expected 3"),
    ],
)
def test_each_field_is_refused_by_name_in_one_line(field: str, value: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        build(**{field: value})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
