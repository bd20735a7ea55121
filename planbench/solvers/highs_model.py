"""Handing HiGHS a program, comparing what it holds with what was sent, and asking for proofs."""

from __future__ import annotations

from typing import Any

import numpy as np

from planbench.errors import SolverError
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Claim, SolveOptions
from planbench.solvers.common import changed_problem, minimisation_offset, oriented_dual_ray

#: HiGHS's wheels count rows, columns and non-zeros in int32.
LARGEST_INDEX = int(np.iinfo(np.int32).max)


def pass_model(highs: Any, lp: LinearProgram) -> str:
    """Pass the equivalent minimisation as arrays and return HiGHS's word for how it went.

    Raises
    ------
    SolverError
        If HiGHS refuses it, or cannot count its non-zeros in 32 bits.
    """
    m = lp.matrix
    if max(m.nnz, *m.shape) > LARGEST_INDEX:
        raise SolverError(f"HiGHS counts with 32 bits; {m.nnz} non-zeros are too many")
    status = highs.passModel(
        lp.n_cols,
        lp.n_rows,
        m.nnz,
        1,  # column-wise
        1,  # minimise
        minimisation_offset(lp),
        lp.minimisation_cost,
        lp.col_lower,
        lp.col_upper,
        lp.row_lower,
        lp.row_upper,
        m.indptr.astype(np.int32, copy=False),
        m.indices.astype(np.int32, copy=False),
        m.data,
        np.zeros(lp.n_cols, dtype=np.int32),
    )
    if status.name == "kError":
        # run() would go on with an empty or an older model.
        raise SolverError("HiGHS refuses the model (passModel returned kError)")
    return str(status.name)


def bounds_cross(lp: LinearProgram) -> bool:
    """Whether a lower bound lies above its upper bound; HiGHS warns of it and goes on."""
    return bool((lp.col_lower > lp.col_upper).any() or (lp.row_lower > lp.row_upper).any())


def compare_with_sent(highs: Any, lp: LinearProgram, options: SolveOptions) -> list[str]:
    """Compare costs, bounds and every coefficient HiGHS holds with those that were sent."""
    notes = []
    sent = (lp.n_cols, lp.n_rows, int(lp.matrix.nnz))
    held = (highs.getNumCol(), highs.getNumRow(), highs.getNumNz())
    if held[:2] != sent[:2]:
        raise SolverError(f"HiGHS holds {held[1]} x {held[0]}, sent were {sent[1]} x {sent[0]}")
    if held[2] != sent[2]:
        notes.append(changed_problem(f"{sent[2] - held[2]} coefficients were dropped", options))
    everything = np.arange(lp.n_cols, dtype=np.int32)
    if lp.n_cols:
        _, _, cost, lower, upper, _ = highs.getCols(lp.n_cols, everything)
        for what, have, want in (
            ("costs", cost, lp.minimisation_cost),
            ("column lower bounds", lower, lp.col_lower),
            ("column upper bounds", upper, lp.col_upper),
        ):
            notes += _differing(what, have, want, options)
    if lp.n_rows:
        rows = np.arange(lp.n_rows, dtype=np.int32)
        _, _, lower, upper, _ = highs.getRows(lp.n_rows, rows)
        notes += _differing("row lower bounds", lower, lp.row_lower, options)
        notes += _differing("row upper bounds", upper, lp.row_upper, options)
    if held[2] == sent[2] and sent[2]:
        chunk = 100_000
        for start in range(0, lp.n_cols, chunk):
            which = everything[start : start + chunk]
            _, begins, index, value = highs.getColsEntries(which.size, which)
            first, last = lp.matrix.indptr[start], lp.matrix.indptr[start + which.size]
            if not (
                np.array_equal(begins, lp.matrix.indptr[start : start + which.size] - first)
                and np.array_equal(index, lp.matrix.indices[first:last])
                and np.array_equal(value, lp.matrix.data[first:last])
            ):
                notes.append(changed_problem("coefficients differ from those sent", options))
                break
    return notes


def _differing(what: str, have: FloatArray, want: FloatArray, options: SolveOptions) -> list[str]:
    differ = int(np.count_nonzero(have != want))
    return [changed_problem(f"{differ} {what} differ", options)] if differ else []


def prove_by_simplex(
    highs: Any, lp: LinearProgram, claim: Claim
) -> tuple[FloatArray | None, FloatArray | None]:
    """Ask the simplex for a proof; the time limit counts on over all runs of one object."""
    for key, value in (("solver", "simplex"), ("presolve", "off"), ("threads", 1)):
        if highs.setOptionValue(key, value).name != "kOk":
            return None, None
    want_primal = claim == "unbounded"
    for attempt in range(2):
        if attempt:
            highs.clearSolver()
            if highs.run().name == "kError":
                return None, None
        status, exists, ray = highs.getPrimalRay() if want_primal else highs.getDualRay()
        if status.name == "kOk" and exists:
            ray = np.array(ray, dtype=np.float64)
            if want_primal:
                return ray, None
            proof = oriented_dual_ray(lp, ray)
            if proof is not None:
                return None, proof
    return None, None
