"""A linear program in row-range form, the one thing every LP solver is handed.

    maximise or minimise   c·x + c₀
    subject to             row_lower ≤ M x ≤ row_upper,   col_lower ≤ x ≤ col_upper

Duals follow one convention everywhere: y = ∂(optimal objective)/∂(right-hand side), in the
stated sense; reduced costs are c − M'y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    canonical_labels,
    canonical_matrix,
    canonical_vector,
    sha256_of,
)


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A linear program; build it with :func:`make_linear_program`.

    Attributes
    ----------
    matrix : csc_array, shape (rows, columns)
    cost : ndarray, shape (columns,)
    row_lower, row_upper : ndarray, shape (rows,)
        May be −∞ and +∞; equal for an equation.
    col_lower, col_upper : ndarray, shape (columns,)
        May be −∞ and +∞.
    maximise : bool
    offset : float
        Constant c₀ of the objective.
    row_names, col_names : tuple of str or None
    name : str
    """

    matrix: Matrix
    cost: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray
    maximise: bool = False
    offset: float = 0.0
    row_names: tuple[str, ...] | None = None
    col_names: tuple[str, ...] | None = None
    name: str = "lp"

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.matrix.shape[0])

    @property
    def n_cols(self) -> int:
        """Number of columns."""
        return int(self.matrix.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays (without names)."""
        m = self.matrix
        vectors = (self.cost, self.row_lower, self.row_upper, self.col_lower, self.col_upper)
        return int(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes) + sum(
            v.nbytes for v in vectors
        )

    @property
    def minimisation_cost(self) -> FloatArray:
        """Cost vector of the equivalent minimisation (−c when maximising).

        Every adapter hands its solver a minimisation: several solvers get a maximisation
        wrong (see docs/solvers.md).
        """
        return -self.cost if self.maximise else self.cost

    def for_highs(self) -> tuple[Any, ...]:
        """Return the equivalent minimisation as the arguments of HiGHS's ``passModel``."""
        m = self.matrix
        return (
            self.n_cols,
            self.n_rows,
            int(m.nnz),
            1,  # column-wise
            1,  # minimise
            -self.offset if self.maximise else self.offset,
            self.minimisation_cost,
            self.col_lower,
            self.col_upper,
            self.row_lower,
            self.row_upper,
            m.indptr.astype(np.int32, copy=False),
            m.indices.astype(np.int32, copy=False),
            m.data,
            np.zeros(self.n_cols, dtype=np.int32),
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical arrays, sense and offset; names do not count."""
        return sha256_of(
            [
                ("matrix", self.matrix),
                ("cost", self.cost),
                ("row_lower", self.row_lower),
                ("row_upper", self.row_upper),
                ("col_lower", self.col_lower),
                ("col_upper", self.col_upper),
                ("sense", np.array([1.0 if self.maximise else 0.0, self.offset])),
            ]
        )

    def objective(self, x: FloatArray) -> float:
        """Objective value c·x + c₀ of the point `x`, in the stated sense."""
        return float(self.cost @ x) + self.offset

    def row(self, i: int) -> str:
        """Name of row `i`, or ``r{i}``."""
        return self.row_names[i] if self.row_names else f"r{i}"

    def column(self, j: int) -> str:
        """Name of column `j`, or ``c{j}``."""
        return self.col_names[j] if self.col_names else f"c{j}"


def make_linear_program(
    *,
    matrix: Any,
    cost: Any,
    row_lower: Any,
    row_upper: Any,
    col_lower: Any = None,
    col_upper: Any = None,
    maximise: bool = False,
    offset: float = 0.0,
    row_names: Sequence[str] | None = None,
    col_names: Sequence[str] | None = None,
    name: str = "lp",
) -> LinearProgram:
    """Check and build a :class:`LinearProgram`; the only door into the type.

    Missing ``col_lower`` is 0, missing ``col_upper`` +∞. Bounds that cross (lower > upper)
    are accepted: they are an infeasible program, which solvers must recognise.

    Raises
    ------
    InputError
        On wrong shapes, NaN, infinite coefficients or costs, bounds of +∞ below or −∞ above.
    """
    m = canonical_matrix(matrix, None, "matrix")
    rows, cols = int(m.shape[0]), int(m.shape[1])
    bounds = {
        "row_lower": canonical_vector(row_lower, rows, "row_lower", allow_infinite=True),
        "row_upper": canonical_vector(row_upper, rows, "row_upper", allow_infinite=True),
        "col_lower": canonical_vector(
            col_lower, cols, "col_lower", allow_infinite=True, default=0.0
        ),
        "col_upper": canonical_vector(
            col_upper, cols, "col_upper", allow_infinite=True, default=np.inf
        ),
    }
    for field, array in bounds.items():
        wrong = np.inf if field.endswith("lower") else -np.inf
        if (array == wrong).any():
            at = int(np.flatnonzero(array == wrong)[0])
            raise InputError(f"entry {at} is {wrong}, which nothing can satisfy", where=field)
    if not np.isfinite(offset):
        raise InputError(f"is {offset}; give a finite number", where="offset")
    return LinearProgram(
        matrix=m,
        cost=canonical_vector(cost, cols, "cost"),
        **bounds,
        maximise=bool(maximise),
        offset=float(offset),
        row_names=canonical_labels(row_names, rows, "row_names"),
        col_names=canonical_labels(col_names, cols, "col_names"),
        name=name,
    )
