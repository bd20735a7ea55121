"""From a published table, in files or read, to an economy with a report of what was done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from planbench.errors import InputError
from planbench.model.economy import Economy
from planbench.tables.economy import Observed, economy_of_flows
from planbench.tables.flows import Moved, by_product, by_rule, flows_of, recipe_lines
from planbench.tables.options import ImportSettings, ReadOptions
from planbench.tables.raw import RawTable, Role
from planbench.tables.read import read_raw_table

_Path = str | os.PathLike[str]


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
        return [
            RuleTotal(
                rule=rule,
                count=len(figures),
                amount=sum(abs(figure.amount) for figure in figures),
                largest=figures[0].place,
                treatment=figures[0].treatment,
            )
            for rule, figures in by_rule(self.moved).items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the plan itself is left out."""
        facts = "name", "kind", "products", "industries", "technology", "trade", "targets"
        judged = "feasible", "shortfall", "short", "value", "upper", "optimal"
        return {fact: getattr(self, fact) for fact in facts} | {
            "rules": [vars(total) for total in self.rules()],
            "moved": [vars(figure) for figure in self.moved],
            "roles": [vars(role) for role in self.roles],
            "remarks": list(self.remarks),
            "observed": {fact: getattr(self.observed, fact) for fact in judged},
        }


def import_table(path: _Path | Sequence[_Path], **options: Any) -> tuple[Economy, ImportReport]:
    """Read a published table and make an economy of it.

    Parameters
    ----------
    path : path-like or sequence of path-like
        One file (CSV, xlsx, npz), a use and a make table, or with ``form`` a folder that
        pymrio knows.
    **options
        Fields of :class:`ReadOptions` and :class:`ImportSettings`.

    Returns
    -------
    economy : Economy
        Its recipe lists the options and everything that was moved; it carries an interior.
    report : ImportReport

    Raises
    ------
    InputError
        In one line with the file and what to do.

    Examples
    --------
    >>> import_table(["use_71.csv", "make_71.csv"], technology="industry")  # doctest: +SKIP
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    read, settings = (
        {f.name: options.pop(f.name) for f in fields(kind) if f.name in options}
        for kind in (ReadOptions, ImportSettings)
    )
    if options:
        raise InputError(f"is no option of an import: {next(iter(options))!r}", where="options")
    chosen = ImportSettings(**settings)
    raw = read_raw_table([os.fspath(p) for p in paths], ReadOptions(**read))
    return import_raw(raw, chosen)


def import_raw(
    raw: RawTable, settings: ImportSettings | None = None
) -> tuple[Economy, ImportReport]:
    """Make an economy of a table that was read.

    Raises
    ------
    InputError
        When the table does not allow what the settings ask for, or no target can be reached.
    """
    settings = settings or ImportSettings()
    technology = _technology(raw, settings)
    flows = flows_of(raw, settings)
    if technology in ("industry", "commodity"):
        flows = by_product(flows, technology)
    recipe = {
        "imported": raw.name,
        "kind": raw.kind,
        "source": raw.source,
        **vars(settings),
        "technology": technology,
        "margins": list(settings.margins),
    }
    economy, observed = economy_of_flows(flows, settings, recipe)
    if not observed.feasible:
        raise InputError(
            f"the observed plan is not feasible: {100 * observed.shortfall:.3g} % short of "
            f"{observed.short!r}; check its row and the roles of rows and columns",
            where=raw.name,
        )
    remarks = (*raw.remarks, *flows.notes.remarks)
    full = recipe | {
        "remarks": list(remarks),
        "moved": recipe_lines(flows.notes.moved),
        # Bound to the hash: what is made of this economy has another optimum.
        "observed": {
            "sha256": economy.sha256,
            "feasible": observed.feasible,
            "shortfall": observed.shortfall,
            "value": observed.value,
            "upper": observed.upper,
            "optimum": observed.value if observed.optimal else None,
        },
    }
    report = ImportReport(
        name=raw.name,
        kind=raw.kind,
        products=len(raw.products),
        industries=len(raw.industries),
        technology=technology,
        trade=settings.trade,
        targets=settings.targets,
        moved=tuple(flows.notes.moved),
        roles=raw.roles,
        remarks=remarks,
        observed=observed,
    )
    return replace(economy, recipe=full), report


def _technology(raw: RawTable, settings: ImportSettings) -> str:
    if raw.make is None:
        if settings.technology in ("auto", "joint"):
            return "one product each"
        raise InputError(
            f"is {settings.technology}, and a symmetric table has no make table; leave it out",
            where="--technology",
        )
    return "joint" if settings.technology == "auto" else settings.technology
