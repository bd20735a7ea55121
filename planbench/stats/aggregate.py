"""Many runs into one figure: medians over repeats, shifted geometric means, penalties.

A mean over the instances a solver happened to solve flatters the solver that fails most, so
two figures stand side by side: over *all* instances with failures charged a stated penalty,
and over the *intersection* that every compared solver solved.

An instance that is not meant for a solver (a planner of one good per activity handed joint
production) is no failure of it, and no merit either: it is excused, which is counted. Means over
unlike instances cannot be compared, so solvers are ranked by their mean over that of the fastest
of the others on the same instances.

Performance profiles: the share of its instances a solver does within a factor of the best.

A solver that was not run on an instance has not failed there: its share is of the instances it
was run on, and the number of these goes with it.

Dolan & Moré, "Benchmarking optimization software with performance profiles", Mathematical
Programming 91 (2002). Note Gould & Scott (2016): with more than two solvers a profile compares
each with the best one, not the others with each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError

#: Seconds added before the logarithm: runs far below it hardly count, and runs here last about a
#: second.
SHIFT = 1.0
#: A failure is charged this many times the time limit (PAR-2 of the SAT competitions).
PENALTY = 2.0


@dataclass(frozen=True)
class Score:
    """How one solver did on a set of instances.

    Attributes
    ----------
    solver : str
    solved, attempted : int
        Instances solved, and instances that count: those not run are failures, excused ones are
        left out.
    mean_all : float or None
        Shifted geometric mean over the instances that count with failures at penalty × limit;
        None where a failed instance has no known limit, or none counts.
    mean_common : float or None
        The same over the intersection; None where that is empty.
    n_common : int
        Size of the intersection.
    excused : int
        Instances that do not count for this solver.
    against_others : float or None
        ``mean_all`` over the same mean of the fastest other solver on each instance that counts:
        below 1 where it is the fastest. None without another solver or without a mean.
    """

    solver: str
    solved: int
    attempted: int
    mean_all: float | None
    mean_common: float | None
    n_common: int
    excused: int = 0
    against_others: float | None = None


def shifted_geometric_mean(values: Iterable[float], shift: float = SHIFT) -> float:
    """exp(mean(log(v + shift))) − shift.

    Parameters
    ----------
    values : iterable of float
        Non-negative, e.g. seconds.
    shift : float
        Same unit, ≥ 0.

    Raises
    ------
    InputError
        On no values, negative or non-finite ones.
    """
    array = np.asarray(list(values), dtype=np.float64)
    if array.size == 0:
        raise InputError("a mean needs at least one value", where="values")
    if shift < 0 or not np.isfinite(array).all() or array.min() < 0:
        raise InputError("must be finite and not negative", where="values, shift")
    if shift == 0 and array.min() == 0:
        return 0.0
    return float(np.exp(np.log(array + shift).mean()) - shift)


def median_or_failure(values: Sequence[float | None]) -> float | None:
    """Median over repeats with failures (None) ranking above every number.

    With an even count the lower middle one and the upper middle one are averaged; None as
    soon as one of the two is a failure. None for no values.
    """
    if not values:
        return None
    ranked = sorted(np.inf if v is None else float(v) for v in values)
    middle = (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2
    return float(middle) if np.isfinite(middle) else None


def score_solvers(
    times: Mapping[str, Mapping[str, float | None]],
    limits: Mapping[str, float | None],
    excused: Mapping[str, Collection[str]] | None = None,
) -> list[Score]:
    """Score solvers over the instances that count for them and over the intersection.

    Parameters
    ----------
    times : mapping of solver to mapping of instance to float or None
        Seconds; None for a failure. An instance missing for a solver counts as a failure.
    limits : mapping of instance to float or None
        Time limit in seconds.
    excused : mapping of solver to instances, optional
        Instances that are neither a success nor a failure of a solver. One that it solved counts
        all the same.

    Returns
    -------
    list of Score
        Lowest ``against_others`` first, then by mean. Solvers that solved nothing do not empty
        the intersection.
    """
    instances = sorted(limits)
    solvers = sorted(times)
    working = [s for s in solvers if any(times[s].get(i) is not None for i in instances)]
    common = [i for i in instances if working and all(times[s].get(i) is not None for s in working)]
    scores = []
    for solver in solvers:
        spared = (excused or {}).get(solver, ())
        mine = [i for i in instances if i not in spared or times[solver].get(i) is not None]
        own = {i: times[solver].get(i) for i in mine}
        others = {i: _fastest(times, i, solver) for i in mine}
        mean = _charged_mean(own, limits)
        theirs = _charged_mean(others, limits) if len(solvers) > 1 else None
        on_common = [v for i in common if (v := times[solver].get(i)) is not None]
        scores.append(
            Score(
                solver=solver,
                solved=sum(v is not None for v in own.values()),
                attempted=len(mine),
                mean_all=mean,
                mean_common=(
                    shifted_geometric_mean(on_common)
                    if common and len(on_common) == len(common)
                    else None
                ),
                n_common=len(common),
                excused=len(instances) - len(mine),
                against_others=mean / theirs if mean is not None and theirs else None,
            )
        )
    return sorted(scores, key=_rank)


def _rank(score: Score) -> tuple[bool, float, bool, float, int, str]:
    relative, mean = score.against_others, score.mean_all
    return relative is None, relative or 0.0, mean is None, mean or 0.0, -score.solved, score.solver


def _fastest(
    times: Mapping[str, Mapping[str, float | None]], instance: str, besides: str
) -> float | None:
    """Least seconds of all solvers but one on an instance; None where none of them solved it."""
    theirs = (mine.get(instance) for name, mine in times.items() if name != besides)
    return min((value for value in theirs if value is not None), default=None)


def _charged_mean(
    times: Mapping[str, float | None], limits: Mapping[str, float | None]
) -> float | None:
    """Shifted geometric mean with failures charged; None where a failure has no limit."""
    charged: list[float] = []
    for instance, seconds in times.items():
        limit = limits[instance]
        if seconds is None and limit is None:
            return None
        charged.append(seconds if seconds is not None else PENALTY * float(limit or 0.0))
    return shifted_geometric_mean(charged) if charged else None


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
    best: dict[str, float] = {}
    for solver, mine in times.items():
        for instance, seconds in mine.items():
            if seconds is None:
                continue
            if not (np.isfinite(seconds) and seconds > 0):
                raise InputError(
                    f"is {seconds}; give positive seconds", where=f"{solver}, {instance}"
                )
            best[instance] = min(seconds, best.get(instance, seconds))
    profiles = []
    for solver in sorted(times):
        mine = times[solver]
        factors = [seconds / best[i] for i, seconds in mine.items() if seconds is not None]
        ratios, counts = np.unique(np.array(factors), return_counts=True)
        shares = np.cumsum(counts) / max(len(mine), 1)
        profiles.append(Profile(solver, tuple(ratios.tolist()), tuple(shares.tolist()), len(mine)))
    return profiles
