"""Made-up run times of machines that disturb in the ways real ones do, in the order of the runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray

_Draw = Callable[[np.random.Generator, int], FloatArray]


def _steady(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 0.01, n)


def _busy(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 0.05, n)


def _bursts(rng: np.random.Generator, n: int) -> FloatArray:
    """One run in ten takes up to twice as long."""
    hit = rng.random(n) < 0.1
    return rng.normal(0.0, 0.01, n) + hit * rng.uniform(0.1, 0.7, n)


def _drift(rng: np.random.Generator, n: int) -> FloatArray:
    """Drift as a machine that warms up does: a random walk, and half a per cent per run."""
    return 0.005 * np.arange(n) + np.cumsum(rng.normal(0.0, 0.01, n)) + rng.normal(0, 0.01, n)


def _two_clocks(rng: np.random.Generator, n: int) -> FloatArray:
    """Two clock speeds 10 % apart; each run changes over with probability 0.3."""
    return 0.1 * (np.cumsum(rng.random(n) < 0.3) % 2) + rng.normal(0.0, 0.005, n)


#: Logarithms of the run times of n runs one after the other, by the kind of machine.
MACHINES: dict[str, _Draw] = {
    "steady (1 %)": _steady,
    "busy (5 %)": _busy,
    "bursts": _bursts,
    "drift": _drift,
    "two clocks": _two_clocks,
}


def simulate_pairs(
    machine: str, pairs: int, slowdown: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw the run times of two sides that are run in blocks A B B A.

    Parameters
    ----------
    machine : str
        Key of :data:`MACHINES`.
    pairs : int
    slowdown : float
        How many times as long side b takes, > 0.
    rng : Generator

    Returns
    -------
    a, b : ndarray, shape (pairs,)
        Seconds; a run of side a on an undisturbed machine takes one.

    Raises
    ------
    InputError
        On an unknown machine.
    """
    if machine not in MACHINES:
        raise InputError(f"is {machine!r}; known are {', '.join(MACHINES)}", where="machine")
    runs = np.exp(MACHINES[machine](rng, 2 * pairs)).reshape(pairs, 2)
    # A block is two pairs, the second turned round; which side begins is drawn for each.
    first_is_b = np.repeat(rng.integers(2, size=(pairs + 1) // 2), 2)[:pairs].astype(bool)
    first_is_b[1::2] ^= True
    a = np.where(first_is_b, runs[:, 1], runs[:, 0])
    b = np.where(first_is_b, runs[:, 0], runs[:, 1])
    return a, slowdown * b
