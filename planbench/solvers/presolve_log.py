"""Size of a linear program after presolve, as solvers' logs tell it."""

from __future__ import annotations

import re

#: Rows, columns and non-zeros in the words of HiGHS (1.12 to 1.15), CBC and GLOP.
_LINES = (
    re.compile(
        r"^Presolve reductions: rows (?P<rows>\d+)\(\S*\); columns (?P<columns>\d+)\(\S*\); "
        r"nonzeros (?P<nonzeros>\d+)\(",
        re.MULTILINE,
    ),
    re.compile(
        r"^Presolve (?P<rows>\d+) \(\S+\) rows, (?P<columns>\d+) \(\S+\) columns and "
        r"(?P<nonzeros>\d+) \(\S+\) elements",
        re.MULTILINE,
    ),
    re.compile(
        r"^Presolved problem: (?P<rows>\d+) rows, (?P<columns>\d+) columns, "
        r"(?P<nonzeros>\d+) entries",
        re.MULTILINE,
    ),
)


def presolved_size(log: str) -> dict[str, int]:
    """Read the size after presolve.

    Parameters
    ----------
    log : str
        A solver's log.

    Returns
    -------
    dict of str to int
        ``rows``, ``columns`` and ``nonzeros``; empty where presolve did not run or does not
        tell. The last line counts where a program was presolved twice.
    """
    for line in _LINES:
        found = list(line.finditer(log))
        if found:
            return {name: int(value) for name, value in found[-1].groupdict().items()}
    return {}
