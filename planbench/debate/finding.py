"""A published claim and what the records say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal[
    "contradicted",
    "supported",
    "cannot be told with these data",
    "not measured in this run",
]

#: Width of the interval of an exponent up to which it supports a claim that it holds.
NARROW = 0.5
#: "Far cheaper" is at least this factor; at most the other is no difference to speak of.
FAR, NEAR = 10.0, 2.0

UNKNOWN: Verdict = "cannot be told with these data"
UNMEASURED: Verdict = "not measured in this run"


@dataclass(frozen=True)
class Finding:
    """A claim and what the records say of it.

    Attributes
    ----------
    claim, who, predicted : str
    measured : str
        In words, of the solver that is judged.
    each : tuple of (str, str, Verdict)
        Solver, its figure, and the verdict by it alone.
    verdict : Verdict
    """

    claim: str
    who: str
    predicted: str
    measured: str
    each: tuple[tuple[str, str, Verdict], ...]
    verdict: Verdict
