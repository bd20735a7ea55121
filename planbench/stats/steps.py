"""Steps in a history of one figure: when it changed level, and by how much.

The search is PELT (Killick, Fearnhead & Eckley 2012) of the package ruptures, with the squared
error of a piecewise constant mean; around it stand an estimate of the scatter that steps do not
blow up, and a test of every step it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from planbench.errors import InputError, SolverUnavailableError
from planbench.model.arrays import FloatArray

#: A level is at least so many runs long: one odd run is no step.
LEAST_RUNS = 2
#: Fewer runs have no steps worth naming.
LEAST_LENGTH = 6
#: Standard deviation of logarithms below which runs of a clock are not believed.
LEAST_SCATTER = 0.002
#: Penalty of a step in units of variance × log(runs); the Bayesian criterion asks for 2 (level
#: and place), and real scatter has heavier tails than a Gaussian.
PENALTY = 5.0
#: Chance of a step in a series of pure noise, roughly: it sets by how many standard errors two
#: levels must differ.
FALSE_STEPS = 0.001
#: A run this many standard deviations from the median of it and its neighbours is pulled in:
#: machines are slow for one run now and then, and that is no level.
ODD_RUN = 2.0


@dataclass(frozen=True)
class Step:
    """A change of level.

    Attributes
    ----------
    at : int
        Index of the first run at the new level.
    before, after : float
        Medians of the levels left and right of it.
    ratio : float or None
        after / before; None from 0.
    """

    at: int
    before: float
    after: float
    ratio: float | None


def find_steps(
    values: Sequence[float], *, least_effect: float = 0.05, exact: bool = False
) -> list[Step]:
    """Find where a series of positive figures changed its level for good.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        One figure per run in order of time, > 0 (≥ 0 where `exact`).
    least_effect : float
        Relative changes below it are no steps, > 0.
    exact : bool
        The figure repeats exactly (a counter): every change is a step, whatever its size, and
        one run is enough.

    Returns
    -------
    list of Step
        In order of time; empty with fewer than :data:`LEAST_LENGTH` runs, unless `exact`.

    Raises
    ------
    InputError
        On numbers that are not positive and finite, or a least effect that is not above 0.
    SolverUnavailableError
        Without the package ruptures, naming the extra that brings it.
    """
    if not 0 < least_effect < np.inf:
        raise InputError(f"is {least_effect}; give a number above 0", where="least effect")
    array = np.asarray(values, dtype=np.float64)
    if array.size and not (np.isfinite(array).all() and (array.min() > 0 or exact)):
        raise InputError("hold a number that is not positive and finite", where="values")
    if exact:
        return _steps(array, [int(k) + 1 for k in np.flatnonzero(np.diff(array))])
    ruptures = ruptures_module()
    if array.size < LEAST_LENGTH:
        return []
    logs = np.log(array)
    scatter = _scatter(logs)
    logs = _without_odd_runs(logs, ODD_RUN * scatter)
    # The package's costs are sums of squares, so the penalty has the unit of a variance.
    penalty = PENALTY * scatter**2 * float(np.log(logs.size))
    search = ruptures.Pelt(model="l2", min_size=LEAST_RUNS, jump=1).fit(logs[:, None])
    places = [int(k) for k in search.predict(pen=penalty)[:-1]]
    return _steps(array, _kept(logs, places, scatter, float(np.log1p(least_effect))))


def ruptures_module() -> Any:
    """Import ruptures, or say which extra brings it.

    Raises
    ------
    SolverUnavailableError
    """
    try:
        import ruptures
    except ImportError:
        raise SolverUnavailableError(
            "steps in histories need ruptures; pip install 'planbench[history]'"
        ) from None
    return ruptures


def _scatter(logs: FloatArray) -> float:
    """Estimate the standard deviation of one run from neighbours, which steps hardly touch.

    The median absolute difference of two Gaussians is 0.6745·√2 standard deviations.
    """
    differences = np.abs(np.diff(logs))
    robust = float(np.median(differences)) / (0.6745 * float(np.sqrt(2.0)))
    # Few differences make a low median by luck; their mean does not go that low.
    ordinary = float(np.sort(differences)[: max(1, int(0.8 * differences.size))].mean())
    return max(robust, ordinary / float(np.sqrt(2.0)), LEAST_SCATTER)


def _without_odd_runs(logs: FloatArray, reach: float) -> FloatArray:
    """Pull each run to within `reach` of the median of three; keeps steps as they are."""
    padded = np.concatenate([logs[2:3], logs, logs[-3:-2]])
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    pulled: FloatArray = np.clip(logs, middle - reach, middle + reach)
    return pulled


def _kept(logs: FloatArray, places: list[int], scatter: float, effect: float) -> list[int]:
    """Drop steps that are small or within the errors of their levels, smallest first."""
    from scipy.special import stdtrit

    least_errors = float(stdtrit(logs.size - 2, 1 - FALSE_STEPS / logs.size))
    kept = list(places)
    while kept:
        edges = [0, *kept, logs.size]
        sizes = np.diff(edges)
        levels = np.array([logs[a:b].mean() for a, b in pairwise(edges)])
        heights = np.abs(np.diff(levels))
        errors = scatter * np.sqrt(1 / sizes[:-1] + 1 / sizes[1:])
        weakest = int(np.argmin(heights / np.maximum(effect, least_errors * errors)))
        if heights[weakest] >= max(effect, least_errors * float(errors[weakest])):
            break
        del kept[weakest]
    return kept


def _steps(values: FloatArray, places: list[int]) -> list[Step]:
    edges = [0, *places, values.size]
    levels = [float(np.median(values[a:b])) for a, b in pairwise(edges) if b > a]
    return [
        Step(at, before, after, after / before if before else None)
        for at, (before, after) in zip(places, pairwise(levels), strict=True)
    ]
