"""MPS files, plain or compressed: the one format every LP solver reads.

Free form is written; free and fixed form (names with blanks) are read. Where the format leaves
a choice, docs/formats.md says how it is taken. What a linear program cannot hold, and whatever
cannot be understood, is refused with its line; nothing is dropped but rows of type N beyond the
objective and what follows ENDATA.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from planbench.io import mps_read, mps_write
from planbench.model.linear_program import LinearProgram


def read_mps(path: str | os.PathLike[str], relax: bool = False) -> LinearProgram:
    """Read an MPS file in free or fixed form, plain or compressed (gzip, bzip2, xz, Zstandard).

    Parameters
    ----------
    path : path-like
    relax : bool
        Drop integrality instead of refusing integer columns.

    Raises
    ------
    InputError
        ``file:line: what is wrong; how to fix it``.
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
