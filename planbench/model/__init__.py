"""The mathematical objects: an economy, its linear program, a plan; no solver is known here."""

from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.model.plan import Plan
from planbench.model.planning_lp import plan_from_lp, to_linear_program

__all__ = [
    "Economy",
    "Interior",
    "LinearProgram",
    "Plan",
    "make_economy",
    "make_linear_program",
    "plan_from_lp",
    "to_linear_program",
]
