"""How a comparison of two sides is made: measure, schedule, limits, budget, control."""

from __future__ import annotations

from dataclasses import dataclass, field

from planbench.solvers.base import SolveOptions
from planbench.stats.sequential import Schedule


@dataclass(frozen=True)
class Control:
    """What runs unchanged beside either side, in planbench's own environment.

    Attributes
    ----------
    solver, instance : str
        Some tenths of a second, so that it costs little.
    """

    solver: str = "scipy-highs-ds"
    instance: str = "gen:goods=500,inputs=8,techniques=2,resources=4,seed=7"


@dataclass(frozen=True)
class Settings:
    """How a comparison is made.

    Attributes
    ----------
    options : SolveOptions
        Of both sides.
    schedule : Schedule
        ``comparisons`` is set to the number of cases.
    measure : {"time", "cpu", "passes"}
        See :data:`planbench.comparison.ab_judge.MEASURES`.
    time_limit_s : float
    memory_limit_bytes : int
    budget_s : float
        No pair begins after so many seconds.
    control : Control or None
    seed : int
        Of the order in which the sides begin.
    resume : bool
        Count the pairs that the results file holds already.
    adapter : str or None
        As in :class:`planbench.measure.job.Job`, for both sides.
    warm_up : bool
        Run each side once unrecorded at first.
    may_be_same : bool
        Compare even sides between which nothing differs, to see the noise.
    """

    options: SolveOptions = field(default_factory=SolveOptions)
    schedule: Schedule = field(default_factory=Schedule)
    measure: str = "time"
    time_limit_s: float = 60.0
    memory_limit_bytes: int = 4 << 30
    budget_s: float = 600.0
    control: Control | None = field(default_factory=Control)
    seed: int = 0
    resume: bool = True
    adapter: str | None = None
    warm_up: bool = True
    may_be_same: bool = False
