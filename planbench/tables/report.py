"""What importing a table did: figures that were moved, remarks, and the observed plan's check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from planbench.model.plan import Plan
from planbench.tables.raw import Role

#: Lines of one rule that a recipe holds; the rest is told as one line with its sum.
LINES_PER_RULE = 500


@dataclass(frozen=True)
class Moved:
    """One figure of the table that could not stay where it was.

    Attributes
    ----------
    rule : str
        Which rule moved it, e.g. ``negative use``.
    place : str
        Row, column, or both.
    amount : float
        In the unit of the table.
    treatment : str
        Where it went.
    """

    rule: str
    place: str
    amount: float
    treatment: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.place}: {self.amount:.6g}; {self.treatment}"


@dataclass(frozen=True)
class RuleTotal:
    """All that one rule moved.

    Attributes
    ----------
    rule : str
    count : int
    amount : float
        Sum of the magnitudes.
    largest : str
        Place of the largest one.
    treatment : str
    """

    rule: str
    count: int
    amount: float
    largest: str
    treatment: str


@dataclass(frozen=True, eq=False)
class Observed:
    """The observed plan of the table in the economy made of it.

    Attributes
    ----------
    plan : Plan
        x the observed outputs and z = 1; p = 1 and w = 1 where the table is in money.
    shortfall : float
        Largest share of what a good's users ask for (or of a resource) that is missing; a few
        times 1e-16 is rounding.
    short : str
        The good or resource it is missing of.
    value : float
        ω·z.
    upper : float or None
        Bound of the optimum by these prices; None where an activity gains at them.
    """

    plan: Plan
    shortfall: float
    short: str
    value: float
    upper: float | None

    @property
    def feasible(self) -> bool:
        """Whether nothing is missing beyond rounding."""
        return self.shortfall <= FEASIBLE

    @property
    def optimal(self) -> bool:
        """Whether the prices prove that no plan is better, beyond rounding."""
        return self.feasible and self.upper is not None and self.gap <= FEASIBLE

    @property
    def gap(self) -> float:
        """(upper − value) / value; infinite where there is no upper bound."""
        return float("inf") if self.upper is None else (self.upper - self.value) / self.value


#: A share that is missing up to here is rounding.
FEASIBLE = 1e-9


@dataclass(frozen=True, eq=False)
class ImportReport:
    """What :func:`planbench.tables.import_table` did.

    Attributes
    ----------
    name : str
    kind : str
        ``symmetric``, ``supply-use``, with ``multi-region`` in front where it is one.
    products, industries : int
        Of the table as published.
    technology, trade, targets : str
        As carried out.
    moved : tuple of Moved
    roles : tuple of Role
        What each row and column of the table was taken as, and why.
    remarks : tuple of str
        What reading the files decided besides.
    observed : Observed
    """

    name: str
    kind: str
    products: int
    industries: int
    technology: str
    trade: str
    targets: str
    moved: tuple[Moved, ...]
    roles: tuple[Role, ...]
    remarks: tuple[str, ...]
    observed: Observed

    def rules(self) -> list[RuleTotal]:
        """Add up what each rule moved, in the order of the rules."""
        return rule_totals(self.moved)

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the plan itself is left out."""
        return {
            "name": self.name,
            "kind": self.kind,
            "products": self.products,
            "industries": self.industries,
            "technology": self.technology,
            "trade": self.trade,
            "targets": self.targets,
            "rules": [vars(total) for total in self.rules()],
            "moved": [vars(figure) for figure in self.moved],
            "roles": [vars(role) for role in self.roles],
            "remarks": list(self.remarks),
            "observed": {
                "feasible": self.observed.feasible,
                "shortfall": self.observed.shortfall,
                "short": self.observed.short,
                "value": self.observed.value,
                "upper": self.observed.upper,
                "optimal": self.observed.optimal,
            },
        }


def rule_totals(moved: Iterable[Moved]) -> list[RuleTotal]:
    """Add up figures by rule, in the order in which the rules first appear."""
    by_rule: dict[str, list[Moved]] = {}
    for figure in moved:
        by_rule.setdefault(figure.rule, []).append(figure)
    out = []
    for rule, figures in by_rule.items():
        largest = max(figures, key=lambda figure: abs(figure.amount))
        out.append(
            RuleTotal(
                rule=rule,
                count=len(figures),
                amount=sum(abs(figure.amount) for figure in figures),
                largest=largest.place,
                treatment=largest.treatment,
            )
        )
    return out


def recipe_lines(moved: Iterable[Moved]) -> list[str]:
    """Lines for a recipe: at most :data:`LINES_PER_RULE` for each rule, the rest summed."""
    by_rule: dict[str, list[Moved]] = {}
    for figure in moved:
        by_rule.setdefault(figure.rule, []).append(figure)
    lines = []
    for rule, figures in by_rule.items():
        figures = sorted(figures, key=lambda figure: -abs(figure.amount))
        lines += [str(figure) for figure in figures[:LINES_PER_RULE]]
        rest = figures[LINES_PER_RULE:]
        if rest:
            total = sum(abs(figure.amount) for figure in rest)
            lines.append(f"{rule}: {len(rest)} smaller ones, together {total:.6g}")
    return lines
