"""Block matrices of dated and placed economies, assembled straight into the result.

Years and regions repeat the same technology: block t is right of block t − 1 and some rows
lower. The whole is written once into arrays allocated once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from planbench.model.arrays import Matrix, index_type


def staircase(
    blocks: Sequence[Matrix],
    steps: Sequence[int],
    shape: tuple[int, int],
    gap: tuple[int, int] | None = None,
) -> Matrix:
    """Place canonical blocks side by side, block t `steps[t]` rows down.

    Parameters
    ----------
    blocks : sequence of csc_array
        With sorted indices and no duplicates; their columns add up to ``shape[1]``.
    steps : sequence of int
        Row of the whole at which row 0 of each block lies, ≥ 0.
    shape : tuple of int
        Rows and columns of the whole; rows of a block that fall below the last are cut.
    gap : tuple of int, optional
        First row and number of rows in which no block has an entry and that are left out: what
        lies below them moves up.

    Returns
    -------
    csc_array
        Canonical; int32 indices while they fit, else int64.
    """
    rows, columns = shape
    fitting = [
        cut_rows(_closed(block, step, gap), rows - step)
        for block, step in zip(blocks, steps, strict=True)
    ]
    total = sum(block.nnz for block in fitting)
    index = index_type(total, rows, columns)
    data = np.empty(total)
    indices = np.empty(total, dtype=index)
    indptr = np.zeros(columns + 1, dtype=index)
    at = column = 0
    for block, step in zip(fitting, steps, strict=True):
        end, width = at + block.nnz, column + block.shape[1]
        data[at:end] = block.data
        np.add(block.indices, index(step), out=indices[at:end])
        np.add(block.indptr[1:], index(at), out=indptr[column + 1 : width + 1])
        at, column = end, width
    out = sp.csc_array((data, indices, indptr), shape=shape)
    out.has_canonical_format = True
    return out


def _closed(block: Matrix, step: int, gap: tuple[int, int] | None) -> Matrix:
    """`block`, `step` rows down, with the rows below the gap moved up."""
    if gap is None or step + block.shape[0] <= gap[0]:
        return block
    below = block.indices >= gap[0] - step
    out = sp.csc_array(
        (block.data, block.indices - gap[1] * below, block.indptr),
        shape=(block.shape[0] - gap[1], block.shape[1]),
    )
    out.has_canonical_format = True
    return out


def cut_rows(block: Matrix, rows: int) -> Matrix:
    """Rows 0 to `rows` − 1 of a canonical block, itself where it has no more."""
    if rows >= block.shape[0]:
        return block
    stays = block.indices < rows
    before = np.concatenate([[0], np.cumsum(stays)])
    out = sp.csc_array(
        (block.data[stays], block.indices[stays], before[block.indptr]),
        shape=(max(rows, 0), block.shape[1]),
    )
    out.has_canonical_format = True
    return out


def pile(blocks: Sequence[Matrix]) -> Matrix:
    """Stack canonical blocks of equally many columns on top of each other."""
    if len(blocks) == 1:
        return blocks[0]
    out = sp.csc_array(sp.vstack(blocks, format="csc"))
    out.sort_indices()
    return out


def side_by_side(blocks: Sequence[Matrix]) -> Matrix:
    """Place canonical blocks of equally many rows side by side; a single one as it is."""
    if len(blocks) == 1:
        return blocks[0]
    shape = blocks[0].shape[0], sum(block.shape[1] for block in blocks)
    return staircase(blocks, [0] * len(blocks), shape)
