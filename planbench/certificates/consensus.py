"""Consensus: what all brackets of one instance say together, and who lies outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planbench.certificates.verdict import CLAIM, claim_outside


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
        Its certified bracket: proven bounds only.
    tolerance : float
        How far its claim may lie outside, relative; its own stated tolerance.
    scale : float or None
        What that is relative to; None: the larger of the joint bounds.
    violation : float or None
        Scaled violation of its plan; None without one.
    proof : bool
        Its claim of "infeasible" is proven.
    """

    solver: str
    claim: str | None
    objective: float | None
    lower_bound: float | None
    upper_bound: float | None
    tolerance: float = CLAIM
    scale: float | None = None
    violation: float | None = None
    proof: bool = False


@dataclass(frozen=True)
class Consensus:
    """The intersection of all brackets of an instance.

    Attributes
    ----------
    lower_bound, upper_bound : float or None
    empty : bool
        No value lies in every bracket, or a feasible plan is proven and that there is none:
        a bug of planbench, not of a solver.
    disagreeing : tuple of (str, str)
        Solver and what is wrong with its claim.
    remarks : tuple of (str, str)
        Solver and what should be known of its claim, which is no fault.
    """

    lower_bound: float | None
    upper_bound: float | None
    empty: bool
    disagreeing: tuple[tuple[str, str], ...]
    remarks: tuple[tuple[str, str], ...] = ()


def consensus(opinions: Sequence[Opinion], *, maximise: bool | None = None) -> Consensus:
    """Intersect the brackets of one instance and name the claims that lie outside.

    A proof of infeasibility outweighs every point that is feasible to a tolerance only: such a
    point makes nobody wrong who says "infeasible", nor is it wrong itself.

    Parameters
    ----------
    opinions : sequence of Opinion
    maximise : bool or None
        Sense of the instance, which says which bound belongs to a feasible point; None takes
        both bounds for proof that there is one.
    """
    lowers = [o.lower_bound for o in opinions if o.lower_bound is not None]
    uppers = [o.upper_bound for o in opinions if o.upper_bound is not None]
    lower = max(lowers, default=None)
    upper = min(uppers, default=None)
    points, duals = (lowers, uppers) if maximise else (uppers, lowers)
    if maximise is None:
        points = duals = lowers and uppers
    infeasible = any(o.proof for o in opinions)
    empty = lower is not None and upper is not None and lower > upper
    empty = empty or (infeasible and bool(points))
    known = {
        "infeasible": (bool(points) and not infeasible, "a feasible plan is known"),
        "unbounded": (bool(duals), "a finite bound is known"),
        "infeasible-or-unbounded": (
            bool(points and duals) and not infeasible,
            "a plan and a bound are known",
        ),
    }
    disagreeing: list[tuple[str, str]] = []
    remarks: list[tuple[str, str]] = []
    for opinion in opinions:
        if opinion.claim == "optimal":
            if infeasible:
                fits = opinion.violation is not None and opinion.violation <= opinion.tolerance
                said = (
                    "the problem is proven to be infeasible; its point is feasible to "
                    f"{opinion.violation:.1g} only"
                    if fits
                    else "claims optimal, but the problem is proven to be infeasible"
                )
                (remarks if fits else disagreeing).append((opinion.solver, said))
                continue
            scale = opinion.scale
            if scale is None:
                scale = max(abs(lower or 0.0), abs(upper or 0.0))
            room = opinion.tolerance * scale
            why = claim_outside(opinion.objective, lower, upper, room)
            if why is not None:
                disagreeing.append((opinion.solver, why))
        contradicted, what = known.get(opinion.claim or "", (False, ""))
        if contradicted:
            disagreeing.append((opinion.solver, f"claims {opinion.claim}, but {what}"))
    return Consensus(lower, upper, empty, tuple(disagreeing), tuple(remarks))
