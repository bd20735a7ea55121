"""A solver that computes for as long as it is told and claims nothing, and one that dies."""

import ctypes
import time

from planbench.solvers import null
from planbench.solvers.base import OPTION_NAMES, SolverSpec

SOLVERS = tuple(
    SolverSpec(
        name=name,
        family="fake",
        method=name,
        module="steady_adapter",
        packages=(),
        takes=frozenset(OPTION_NAMES),
    )
    for name in ("steady", "dies")
)


def solve(problem, spec, options, phase):
    with phase("load"):
        until = time.process_time() + float(options.native["seconds"])
        while time.process_time() < until:
            pass
        if spec.name == "dies":
            ctypes.string_at(0)
    return null.solve(problem, spec, options, phase)
