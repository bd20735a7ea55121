"""MPS files (``.mps``, ``.mps.gz``): the one format every LP solver reads.

The dialect, where the format leaves a choice:

- Free form is written; free and fixed form (names with blanks) are read. Lines that start
  with ``*`` are comments. Numbers are decimal; they are written with the fewest digits, at
  most 17, that read back as the same double. ENDATA must be there.
- ``OBJSENSE`` (MAX, MAXIMIZE, MIN, MINIMIZE; on its own line or on the next) gives the sense;
  minimisation is the default.
- The first row of type N is the objective; further ones are dropped. The right-hand side of
  the objective is minus the constant.
- RANGES: with R the range and b the right-hand side, G is [b, b + |R|], L is [b − |R|, b],
  E is [b, b + R] for R ≥ 0 and [b + R, b] for R < 0.
- Bounds default to [0, ∞). A negative UP without a lower bound of its own makes the lower
  bound −∞ (as SAS and QSopt document; HiGHS 1.15 keeps 0, an infeasible program).
  UP 0 keeps 0. MI leaves the upper bound as it is. Bounds of different types on one column
  apply in order; the same type twice is refused. Planbench writes the lower bound whenever
  the upper one is negative, so its files mean the same everywhere.
- Bounds and right-hand sides of at least 1e20, and the words inf and infinity, are infinite.
  A free row is written as L with right-hand side 1e30.
- Integer columns (markers, BV, LI, UI) are refused unless relaxed; then integrality is
  dropped, and an integer column between markers without bounds is [0, 1] (as SAS documents and
  HiGHS reads). Semicontinuous columns, quadratic terms and SOS are refused.
- Refused with the line: a second entry for the same row and column, a column whose entries
  do not stand together, unknown names, a second set of RHS, RANGES or BOUNDS, numbers that
  are not finite or would be read as zero, unknown sections.
- Names that free form cannot hold: blanks become underscores; if names then coincide, or
  start with ``*``, ``$`` or a quote, all rows (columns) are numbered R0000001… (C0000001…).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from planbench.io import mps_read, mps_write
from planbench.model.linear_program import LinearProgram


def read_mps(path: str | os.PathLike[str], relax: bool = False) -> LinearProgram:
    """Read an MPS file, plain or gzipped, in free or fixed form.

    Parameters
    ----------
    path : path-like
    relax : bool
        Drop integrality instead of refusing integer columns.

    Raises
    ------
    InputError
        ``file:line: what is wrong; how to mend it``.
    """
    return mps_read.read(Path(path), relax=relax)


def write_mps(
    lp: LinearProgram, path: str | os.PathLike[str], *, numbered: bool = False
) -> tuple[str, ...]:
    """Write `lp` as free MPS, gzipped when `path` ends in ``.gz``.

    Parameters
    ----------
    lp : LinearProgram
    path : path-like
    numbered : bool
        Write R0000001… and C0000001… instead of the program's names.

    Returns
    -------
    tuple of str
        What the file cannot hold exactly, one line each: rows whose two bounds no base and
        width give back (RANGES holds the difference). Empty when the file reads back as the
        same program, bit for bit.

    Raises
    ------
    InputError
        When a finite bound is 1e20 or more, a row's bounds cross, or the file cannot be written.
    """
    return mps_write.write(lp, Path(path), numbered=numbered)


def written_names(
    lp: LinearProgram, *, numbered: bool = False
) -> tuple[Sequence[str], Sequence[str]]:
    """Names of the rows and of the columns as :func:`write_mps` writes them.

    They are what an external solver's answer is to be matched by.
    """
    return mps_write.written_names(lp, numbered=numbered)
