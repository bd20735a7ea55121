"""What every comparison comes to: findings, and the obstacles to comparing.

``regress`` compares runs of a suite, ``ab`` and ``bisect`` runs that were made in pairs; the
verdicts and the exit code mean the same in all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

Layer = Literal["outcomes", "counters", "memory", "time", "scaling"]
Verdict = Literal["worse", "better", "same", "unclear", "skipped"]
Allowance = Literal["versions", "machine", "instances", "disturbed"]
Unit = Literal[
    "", "count", "iterations", "seconds", "passes", "bytes", "exponent", "objective", "gap"
]

LAYERS: tuple[Layer, ...] = get_args(Layer)
ALLOWANCES: tuple[Allowance, ...] = get_args(Allowance)

#: In the order in which findings are shown.
_VERDICTS: tuple[Verdict, ...] = ("worse", "unclear", "better", "same", "skipped")


@dataclass(frozen=True)
class Rules:
    """What to compare, and from where on a change counts.

    Attributes
    ----------
    layers : frozenset of Layer
        ``outcomes`` is judged whatever is asked for.
    allow : frozenset of Allowance
        Differences between the runs that do not stop the comparison.
    least_effect : float
        Relative change of a time that matters, > 0.
    least_exponent : float
        Change of an exponent that matters, > 0.
    confidence : float
        Of all intervals of one layer together, in (0, 1).
    require_all : bool
        What the baseline has and the candidate has not is worse, not only noted.
    """

    layers: frozenset[Layer] = frozenset(LAYERS)
    allow: frozenset[Allowance] = frozenset()
    least_effect: float = 0.10
    least_exponent: float = 0.10
    confidence: float = 0.99
    require_all: bool = False


@dataclass(frozen=True)
class Finding:
    """One figure of both sides, judged.

    Attributes
    ----------
    layer : Layer
    solver : str
        With its options; empty for all solvers together.
    instance : str
        Or what else the figure is about: a ladder, ``12 instances``.
    measure : str
        E.g. ``simplex iterations``, ``peak memory``, ``time``.
    verdict : Verdict
    baseline, candidate : float, str or None
        The figures.
    unit : Unit
        Of the figures; empty where they are words.
    ratio : float or None
        Candidate over baseline, where that means something.
    low, high : float or None
        Interval of the ratio (of the change, for an exponent).
    rule : str
        What the figure was held to, in words.
    note : str
        Why it is unclear or skipped, or what is behind it.
    """

    layer: Layer
    solver: str
    instance: str
    measure: str
    verdict: Verdict
    baseline: float | str | None = None
    candidate: float | str | None = None
    unit: Unit = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    rule: str = ""
    note: str = ""

    @property
    def where(self) -> str:
        """Solver and instance in one phrase."""
        return " on ".join(part for part in (self.solver, self.instance) if part)


@dataclass(frozen=True)
class Obstacle:
    """Why two sides, or a part of them, cannot be compared.

    Attributes
    ----------
    kind : Allowance or None
        What allows it; None where nothing does.
    message : str
        One line, with the remedy.
    """

    kind: Allowance | None
    message: str


@dataclass(frozen=True)
class Comparison:
    """Two sides compared, by runs of a suite or by paired runs.

    Attributes
    ----------
    findings : tuple of Finding
        Worst first.
    obstacles : tuple of Obstacle
        Why (part of) the comparison was not made; those allowed are in `notes`.
    notes : tuple of str
        What a reader should know.
    compared : int
        Measurements that both sides have.
    baseline, candidate : str
        What the sides are called.
    about : tuple of str
        What the sides are, and how they were compared; a line each.
    """

    findings: tuple[Finding, ...]
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    compared: int = 0
    baseline: str = "baseline"
    candidate: str = "candidate"
    about: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many findings have which verdict."""
        return dict(Counter(f.verdict for f in self.findings))

    def having(self, *verdicts: Verdict) -> tuple[Finding, ...]:
        """Give the findings with one of `verdicts`, worst first."""
        return tuple(f for f in self.findings if f.verdict in verdicts)

    @property
    def exit_code(self) -> int:
        """0 nothing worse, 1 something worse, 2 (something) could not be compared."""
        if self.having("worse"):
            return 1
        return 2 if self.obstacles else 0


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sort findings: worse first, then by layer, then by how far the figure moved."""

    def place(finding: Finding) -> tuple[int, int, float, str, str]:
        ratio = finding.ratio
        far = -abs(ratio - 1) if ratio is not None else float("-inf")
        return (
            _VERDICTS.index(finding.verdict),
            LAYERS.index(finding.layer),
            far,
            finding.where,
            finding.measure,
        )

    return tuple(sorted(findings, key=place))
