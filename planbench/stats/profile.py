"""Performance profiles: the share of its instances a solver does within a factor of the best.

A solver that was not run on an instance has not failed there: its share is of the instances it
was run on, and the number of these goes with it.

Dolan & Moré, "Benchmarking optimization software with performance profiles", Mathematical
Programming 91 (2002). Note Gould & Scott (2016): with more than two solvers a profile compares
each with the best one, not the others with each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError


@dataclass(frozen=True)
class Profile:
    """Step function of one solver.

    Attributes
    ----------
    solver : str
    ratios : tuple of float
        Factors τ ≥ 1 at which the step function rises, ascending.
    shares : tuple of float
        Share of its instances with time ≤ τ · best time, in (0, 1].
    instances : int
        Those it was run on.
    """

    solver: str
    ratios: tuple[float, ...]
    shares: tuple[float, ...]
    instances: int

    def share_within(self, ratio: float) -> float:
        """Share of instances solved within `ratio` times the best time."""
        at = int(np.searchsorted(np.asarray(self.ratios), ratio, side="right"))
        return self.shares[at - 1] if at else 0.0


def performance_profile(
    times: Mapping[str, Mapping[str, float | None]],
) -> list[Profile]:
    """Profiles of all solvers, each over the instances it was run on.

    Parameters
    ----------
    times : mapping of solver to mapping of instance to float or None
        Positive seconds; None for a failure, which never counts as solved; no entry where it
        was not run. The best time of an instance is that of all who were run on it.

    Raises
    ------
    InputError
        On a time that is not positive and finite.
    """
    instances = sorted({i for mine in times.values() for i in mine})
    solvers = sorted(times)
    table = np.full((len(solvers), len(instances)), np.inf)
    for row, solver in enumerate(solvers):
        for column, instance in enumerate(instances):
            value = times[solver].get(instance)
            if value is None:  # failed, or not run
                continue
            if not (np.isfinite(value) and value > 0):
                raise InputError(
                    f"is {value}; give positive seconds", where=f"{solver}, {instance}"
                )
            table[row, column] = value
    best = table.min(axis=0) if solvers and instances else np.zeros(0)
    profiles = []
    for row, solver in enumerate(solvers):
        done = np.isfinite(table[row])
        ratios, counts = np.unique(table[row, done] / best[done], return_counts=True)
        run = len(times[solver])
        shares = np.cumsum(counts) / max(run, 1)
        profiles.append(Profile(solver, tuple(ratios.tolist()), tuple(shares.tolist()), run))
    return profiles
