"""Block matrices of dated and placed economies, assembled straight into the result.

Years and regions repeat the same technology: block t is right of block t − 1 and some rows
lower. The whole is written once into arrays allocated once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import Matrix, index_type


def staircase(
    blocks: Sequence[Matrix],
    steps: Sequence[int],
    rows: int,
    kept: npt.NDArray[np.bool_] | None = None,
) -> Matrix:
    """Place canonical blocks side by side, block t `steps[t]` rows down.

    Parameters
    ----------
    blocks : sequence of csc_array
        With sorted indices and no duplicates.
    steps : sequence of int
        Row of the whole at which row 0 of each block lies, ≥ 0.
    rows : int
        Rows of the whole; every block fits into them.
    kept : ndarray of bool, shape (rows,), optional
        Rows of the whole that remain; the others are left out with their entries.

    Returns
    -------
    csc_array, shape (kept rows, columns of all blocks)
        Canonical; int32 indices while they fit, else int64.
    """
    if kept is not None and not kept.all():
        first = int(np.argmin(kept))
        number = np.where(kept, np.cumsum(kept) - 1, -1)
        # Only blocks that reach the first row left out have to be changed.
        reach = [step + block.shape[0] > first for block, step in zip(blocks, steps, strict=True)]
        blocks = [
            _numbered(block, number[step : step + block.shape[0]]) if changes else block
            for block, step, changes in zip(blocks, steps, reach, strict=True)
        ]
        steps = [0 if changes else step for step, changes in zip(steps, reach, strict=True)]
        rows = int(kept.sum())
    if len(blocks) == 1 and blocks[0].shape[0] == rows:
        return blocks[0]
    columns = sum(block.shape[1] for block in blocks)
    total = sum(block.nnz for block in blocks)
    index = index_type(total, rows, columns)
    data = np.empty(total)
    indices = np.empty(total, dtype=index)
    indptr = np.zeros(columns + 1, dtype=index)
    at = column = 0
    for block, step in zip(blocks, steps, strict=True):
        end, width = at + block.nnz, column + block.shape[1]
        data[at:end] = block.data
        np.add(block.indices, index(step), out=indices[at:end])
        np.add(block.indptr[1:], index(at), out=indptr[column + 1 : width + 1])
        at, column = end, width
    out = sp.csc_array((data, indices, indptr), shape=(rows, columns))
    out.has_canonical_format = True
    return out


def _numbered(block: Matrix, number: npt.NDArray[np.int64]) -> Matrix:
    """`block` with its rows numbered anew, those of number −1 left out."""
    rows = number[block.indices]
    stays = rows >= 0
    before = np.concatenate([[0], np.cumsum(stays)])
    shape = int(number.max(initial=-1)) + 1, block.shape[1]
    out = sp.csc_array((block.data[stays], rows[stays], before[block.indptr]), shape=shape)
    out.has_canonical_format = True
    return out


def pile(blocks: Sequence[Matrix]) -> Matrix:
    """Stack canonical blocks of equally many columns on top of each other."""
    if len(blocks) == 1:
        return blocks[0]
    out = sp.csc_array(sp.vstack(blocks, format="csc"))
    out.sort_indices()
    return out
