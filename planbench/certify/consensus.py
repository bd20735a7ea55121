"""Consensus: what all brackets of one instance say together, and who lies outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planbench.certify.judge import CLAIM, claim_outside


@dataclass(frozen=True)
class Opinion:
    """One solver's answer to an instance.

    Attributes
    ----------
    solver : str
    claim : str or None
        What it claims of the problem.
    objective : float or None
        The objective it claims.
    lower_bound, upper_bound : float or None
        Its certified bracket.
    tolerance : float
        How far its claim may lie outside, relative; its own stated tolerance.
    """

    solver: str
    claim: str | None
    objective: float | None
    lower_bound: float | None
    upper_bound: float | None
    tolerance: float = CLAIM


@dataclass(frozen=True)
class Consensus:
    """The intersection of all brackets of an instance.

    Attributes
    ----------
    lower_bound, upper_bound : float or None
    empty : bool
        No value lies in every bracket: a bug of planbench, not of a solver.
    disagreeing : tuple of (str, str)
        Solver and what is wrong with its claim.
    """

    lower_bound: float | None
    upper_bound: float | None
    empty: bool
    disagreeing: tuple[tuple[str, str], ...]


def consensus(
    opinions: Sequence[Opinion], *, slack: float = 1e-9, maximise: bool | None = None
) -> Consensus:
    """Intersect the brackets of one instance and name the claims that lie outside.

    Parameters
    ----------
    opinions : sequence of Opinion
    slack : float
        Relative overlap that may be missing before the intersection counts as empty; zero
        suits exact brackets, brackets of general LPs hold to a tolerance.
    maximise : bool or None
        Sense of the instance, which says which bound stands for a feasible point; None takes
        both bounds for proof that there is one.
    """
    lowers = [o.lower_bound for o in opinions if o.lower_bound is not None]
    uppers = [o.upper_bound for o in opinions if o.upper_bound is not None]
    lower = max(lowers, default=None)
    upper = min(uppers, default=None)
    empty = (
        lower is not None
        and upper is not None
        and lower - upper > slack * max(abs(lower), abs(upper))
    )
    points, duals = (lowers, uppers) if maximise else (uppers, lowers)
    if maximise is None:
        points = duals = lowers and uppers
    known = {
        "infeasible": (bool(points), "a feasible plan is known"),
        "unbounded": (bool(duals), "a finite bound is known"),
        "infeasible-or-unbounded": (bool(points and duals), "a plan and a bound are known"),
    }
    disagreeing: list[tuple[str, str]] = []
    for opinion in opinions:
        if opinion.claim == "optimal":
            why = claim_outside(opinion.objective, lower, upper, opinion.tolerance)
            if why is not None:
                disagreeing.append((opinion.solver, why))
        contradicted, what = known.get(opinion.claim or "", (False, ""))
        if contradicted:
            disagreeing.append((opinion.solver, f"claims {opinion.claim}, but {what}"))
    return Consensus(lower, upper, empty, tuple(disagreeing))
