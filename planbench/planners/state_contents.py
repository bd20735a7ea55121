"""The table L of resource contents in ``two-level``: resources in a unit of each good.

A sweep is shared among threads by columns where there are many: no column depends on another,
so it is the same for any number of threads. With few columns most of what a thread reads is
which goods are used, and then goods are cut into stages as in
:mod:`planbench.planners.lanes`: what other threads find in the same stage is used in
the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.planners.kernels_contents import contents_part, sweep_contents
from planbench.planners.lanes import cut_stages
from planbench.planners.state import IndexArray
from planbench.planners.team import Part, current

Rows = npt.NDArray[np.float32]
Given = tuple[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]
#: Columns that are worth a thread. On one core half of the columns take 0.5 of the seconds of
#: all with 1,000, 0.7 with 20 or 100, and 0.9 with 5.
LEAST_COLUMNS = 128


@dataclass(frozen=True, eq=False)
class Table:
    """The table, and what its sweeps read and are shared by.

    Attributes
    ----------
    given : tuple
        First arguments of the kernel.
    contents : ndarray of float32, shape (goods, resources)
    columns : list of (int, int)
        Part of the columns of each thread.
    cuts : ndarray of int64, shape (stages, threads + 1), or None
        Goods at which parts begin and end, where sweeps are shared by goods.
    change, size : ndarray of float32, shape (parts of the columns, goods)
        Largest change in the last sweep and largest entry of each row.
    """

    given: Given
    contents: Rows
    columns: list[Part]
    cuts: npt.NDArray[np.int64] | None
    change: Rows
    size: Rows

    def part(self, forward: bool, number: int, columns: Part, goods: Part, into: Rows) -> int:
        """Sweep some columns of some goods once; non-zeros of A read."""
        work: int = contents_part(
            *self.given, forward, self.contents, np.empty(self.contents.shape[1], np.float32),
            self.change[number], self.size[number], *columns, *goods, into,
        )  # fmt: skip
        return work


def open_table(given: Any, contents: Rows, nonzeros: int, reach: Callable[[], IndexArray]) -> Table:
    """Decide how the sweeps are shared.

    Parameters
    ----------
    given : tuple
        First arguments of the kernel.
    contents : ndarray of float32, shape (goods, resources)
    nonzeros : int
        Read in a sweep for every column.
    reach : callable
        Gives the non-zeros of the techniques of all goods before each, where that is needed.
    """
    threads = current()
    n, k = contents.shape
    columns, cuts = [(0, k)], None
    if k >= threads.size * LEAST_COLUMNS:
        columns = threads.parts(k, nonzeros * k)
    elif threads.size > 1:
        cuts = cut_stages(reach(), threads, k)
    alone = cuts is None and len(columns) == 1
    change, size = (np.zeros((len(columns), 0 if alone else n), np.float32) for _ in range(2))
    return Table(given, contents, columns, cuts, change, size)


def sweep_table(table: Table, forward: bool) -> tuple[float, int]:
    """Sweep once.

    Returns
    -------
    change : float
        Mean over goods of (largest change of the row)/(largest entry of the row).
    work : int
        Non-zeros of A read, each once for every resource.
    """
    contents = table.contents
    n, k = contents.shape
    if table.cuts is not None:
        work = _by_stages(table, table.cuts, forward)
    elif len(table.columns) > 1:

        def sweep(number: int, begin: int, end: int) -> int:
            return table.part(forward, number, (begin, end), (0, n), contents)

        work = current().each(sweep, table.columns)[0]
    else:
        found: tuple[float, int] = sweep_contents(
            *table.given, forward, contents, np.zeros(k, np.float32)
        )
        return found
    largest = table.size.max(axis=0)
    some = largest > 0
    moved = table.change.max(axis=0)[some] / largest[some]
    return float(moved.sum(dtype=np.float64)) / n, work


def _by_stages(table: Table, cuts: npt.NDArray[np.int64], forward: bool) -> int:
    contents, threads = table.contents, current()
    k = contents.shape[1]
    rooms = [np.empty((count, k), np.float32) for count in np.diff(cuts, axis=1).max(axis=0)]

    def sweep(number: int, begin: int, end: int) -> int:
        return table.part(forward, 0, (0, k), (begin, end), rooms[number])

    def keep(number: int, begin: int, end: int) -> None:
        np.copyto(contents[begin:end], rooms[number][: end - begin])

    work = 0
    for stage in cuts if forward else cuts[::-1]:
        parts = list(pairwise(stage.tolist()))
        work += sum(threads.each(sweep, parts))
        threads.each(keep, parts)
    return work
