"""From a published table, in files or read, to an economy with a report of what was done.

Units of an activity are money units of its output, so every price of the table is 1. Goods are
the products and, where there is trade, foreign exchange. An export takes a unit of a product
and makes a unit of foreign exchange, an import does the reverse; each is limited to a multiple
of what was observed. The deficit of the table is permitted: a negative fixed demand for foreign
exchange. (A surplus is a claim on abroad, part of final use.)

With ω = ΣD, the observed plan x, z = 1 and the prices p = 1, w = 1 satisfy every balance with
equality and let no activity gain, so both are optimal; where an industry is subsidised (its
inputs and wages exceed its output) it loses at these prices, and they prove an upper bound only.

Where each product is in a unit of its own there are no prices of the table. Each resource is then
worth 1 in all, shared by the resources, and a product what resources it takes, directly and
indirectly: p(B − A) = wR. At these no activity gains, and the observed plan, which uses up every
resource, is optimal.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.interior import bound_by_prices, shortfalls
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.plan import Plan
from planbench.model.products import column_sums, total_requirements
from planbench.tables.flows import (
    Flows,
    Moved,
    by_product,
    by_rule,
    exact_sums,
    flows_of,
    recipe_lines,
)
from planbench.tables.names import physical_unit
from planbench.tables.options import ImportSettings, ReadOptions
from planbench.tables.raw import RawTable, Role
from planbench.tables.read import read_raw_table

FOREIGN_EXCHANGE = "foreign exchange"
#: Value added up to this share of an industry's output is rounding.
ROUNDING = 1e-9
#: A share that is missing up to here is rounding.
FEASIBLE = 1e-9
#: Room for each good in the interior plan, as a share of its largest maker's output.
ROOM = 1e-3
ROUNDS = 500


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


def economy_of_flows(
    flows: Flows, settings: ImportSettings, recipe: dict[str, Any]
) -> tuple[Economy, Observed]:
    """Make the economy and check the observed plan in it.

    Figures moved here (negative final use, subsidised industries) are added to the notes.

    Parameters
    ----------
    flows : Flows
    settings : ImportSettings
    recipe : dict
        What the economy should say about itself.

    Raises
    ------
    InputError
        When no final use is left, or no resource is used at all.
    """
    assortment, fixed, targets, foreign = _targets(flows, settings)
    resource_flows, resources, own = _resources(flows, settings)
    if not resources:
        raise InputError(
            "no industry has any value added, so nothing would be scarce; check the rows of "
            "value added and the outputs",
            where=flows.name,
        )

    n, m = len(flows.goods), len(flows.industries)
    sent, bought = np.flatnonzero(flows.exports > 0), np.flatnonzero(flows.imports > 0)
    e, i = sent.size, bought.size
    inputs, outputs, use = (
        _per_unit(part, flows.level) for part in (flows.inputs, flows.outputs, resource_flows)
    )
    deficit = float(
        flows.imports.sum() + flows.import_use.sum() + foreign.sum() - flows.exports.sum()
    )
    goods = flows.goods
    if e or i or flows.import_use.any() or foreign.any():
        goods = (*goods, _free_name(FOREIGN_EXCHANGE, goods))
        inputs = _bordered(inputs, flows.import_use / flows.level, (sent, np.full(i, n)))
        outputs = _bordered(outputs, np.zeros(m), (np.full(e, n), bought))
        claims = max(-deficit, 0.0) * assortment.sum(axis=0) / assortment.sum()
        assortment = np.vstack([assortment, foreign + claims])
        fixed = np.append(fixed, -max(deficit, 0.0))
        if deficit < 0:
            flows.notes.moved.append(
                Moved("surplus", goods[-1], -deficit, "claims on abroad, final use")
            )
    level = np.concatenate([flows.level, flows.exports[sent], flows.imports[bought]])
    use = sp.hstack([use, sp.csc_array((len(resources), e + i))], format="csc")
    capacity = np.concatenate([np.full(m, np.inf), settings.trade_limit * level[m:]])
    endowment = exact_sums(1, resource_flows)
    p, w = np.ones(len(goods)), np.ones(len(resources))
    w[len(resources) - own :] = 0.0
    interior_rents = np.full(len(resources), 2.0)
    if not flows.in_money:
        w = 1.0 / (endowment * len(resources))
        p = _resource_values(inputs, outputs, use, w, flows.name)
        interior_rents = 2.0 * w
    taken = set(flows.industries)
    trade = [f"export {goods[k]}" for k in sent] + [f"import {goods[k]}" for k in bought]
    economy = make_economy(
        inputs=inputs,
        outputs=outputs,
        resource_use=use,
        endowment=endowment,
        assortment=assortment,
        capacity=capacity,
        fixed_demand=fixed,
        weights=column_sums(p[:, None] * assortment),
        goods=goods,
        activities=[*flows.industries, *(_free_name(label, taken) for label in trade)],
        resources=resources,
        targets=targets,
        units=[
            flows.unit if flows.in_money else physical_unit(label) or "own unit" for label in goods
        ],
        name=flows.name,
        recipe=recipe,
    )
    # Value added dearer than it is makes every industry lose.
    interior = Interior(
        goods_prices=p, resource_prices=interior_rents, activities=_roomy_plan(economy, level)
    )
    return replace(economy, interior=interior), check_observed(economy, level, p, w)


def _per_unit(flows: Matrix, level: FloatArray) -> Matrix:
    """Divide each column by the level of its activity."""
    out = sp.csc_array(flows, copy=True)
    out.data = out.data / np.repeat(level, np.diff(out.indptr))
    return out


def _resource_values(
    inputs: Matrix, outputs: Matrix, use: Matrix, w: FloatArray, name: str
) -> FloatArray:
    """Value the total resource requirements p of each product at w: p(B − A) = wR."""
    n, m = outputs.shape
    own = outputs.diagonal()
    if n != m or not (own > 0).all():
        raise InputError(
            f"is in quantities and has {n} products of {m} industries, so nothing says what they "
            "are worth; give a table with an industry for each product",
            where=name,
        )
    # p (B - A) = wR, one product after the other: what an industry takes but for its by-products.
    scale = sp.diags_array(1.0 / own)
    taken = sp.csr_array(scale @ (inputs - outputs + sp.diags_array(own)).T)
    p = total_requirements(taken, (w[:, None] * use.toarray()).sum(axis=0) / own)
    if p is None or not (p > 0).all():
        raise InputError(
            "takes more of a product to make it than is made, or makes one without any resource; "
            "check the figures and the rows of resources (--resource)",
            where=name,
        )
    return p


def _roomy_plan(economy: Economy, level: FloatArray) -> FloatArray:
    """Plan that delivers nothing and leaves some of every good and resource over.

    Half of the observed plan leaves half of the final use over. A good without final use gets
    its share :data:`ROOM` of what is made of it from its largest maker, and what that takes is
    made in turn, round by round, as in a Leontief series. Where the rounds come to no end it is
    half of the observed plan as it is.
    """
    flows = (economy.outputs @ sp.diags_array(level)).tocsr()
    largest = np.asarray(flows.argmax(axis=1)).ravel()
    made = np.asarray(flows.max(axis=1).toarray()).ravel()
    rate = np.where(made > 0, made / level[largest], np.inf)
    want = ROOM * made
    net = economy.outputs - economy.inputs
    x = 0.5 * level
    for _ in range(ROUNDS):
        lacking = want - (net @ x - economy.fixed_demand)
        if (lacking <= 0).all():
            return x
        np.add.at(x, largest, np.maximum(lacking + 0.1 * want, 0.0) / rate)
        if not (x <= np.minimum(economy.capacity, 0.9 * level)).all():
            break
    return 0.5 * level


def check_observed(
    economy: Economy,
    level: FloatArray,
    prices: FloatArray | None = None,
    rents: FloatArray | None = None,
) -> Observed:
    """Check the plan x = `level`, z = 1 in an economy at its prices, all 1 if missing."""
    ones = np.ones(economy.n_targets)
    p = np.ones(economy.n_goods) if prices is None else prices
    w = np.ones(economy.n_resources) if rents is None else rents
    short = shortfalls(economy, level, ones)
    worst, n = int(np.argmax(short)), economy.n_goods
    bound = bound_by_prices(economy, p, w)
    return Observed(
        plan=Plan(x=level, z=ones, p=p, w=w),
        shortfall=float(short[worst]),
        short=economy.good(worst) if worst < n else economy.resource(worst - n),
        value=float(economy.weights @ ones),
        upper=None if bound is None else bound[0],
    )


def _groups(labels: Sequence[str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct labels, and which of them each is."""
    names = list(dict.fromkeys(labels))
    return names, np.array([names.index(label) for label in labels], dtype=np.int64)


def _targets(
    flows: Flows, settings: ImportSettings
) -> tuple[FloatArray, FloatArray, list[str], FloatArray]:
    """Assortment, fixed supply (≤ 0), names, and foreign exchange asked for, by target."""
    count = len(flows.final_uses)
    if settings.targets == "columns":
        names, groups = list(flows.final_uses), np.arange(count)
    elif settings.targets == "one":
        label = "net final use" if settings.trade == "net" else "final use"
        names, groups = [label], np.zeros(count, dtype=np.int64)
    elif flows.final_regions is None:
        raise InputError(
            "is regions, and final uses are not stated by region; give one or columns",
            where="--targets",
        )
    else:
        names, groups = _groups(flows.final_regions)
    sums = np.zeros((len(flows.goods), len(names)))
    np.add.at(sums.T, groups, flows.final_use.T)
    if settings.targets == "one":
        # Exactly what the balances leave.
        sums = flows.net_final_use[:, None].copy()
        turnover = np.asarray(flows.outputs.sum(axis=1)) + flows.imports
        sums[np.abs(sums[:, 0]) <= 1e-12 * turnover] = 0.0
    foreign = np.zeros(len(names))
    np.add.at(foreign, groups, flows.final_import_use)
    for i, k in zip(*np.nonzero(sums < 0), strict=True):
        place = flows.goods[i] if len(names) == 1 else f"{flows.goods[i]} for {names[k]}"
        flows.notes.moved.append(
            Moved("negative final use", place, float(sums[i, k]), "fixed supply")
        )
    asked = np.maximum(sums, 0.0)
    kept = asked.sum(axis=0) > 0
    if (foreign < 0).any():
        k = int(np.argmin(foreign))
        message = f"imports by {names[k]!r} add up to {foreign[k]:g}; check their row"
        raise InputError(message, where=flows.name)
    if not kept.any():
        raise InputError(
            "no final use is left: industries use all that is made; check the columns of final "
            "use (--final)",
            where=flows.name,
        )
    for k in np.flatnonzero(~kept & (foreign > 0)):
        message = f"{names[k]!r} asks for foreign products only; --drop it"
        raise InputError(message, where=flows.name)
    names = [label for label, good in zip(names, kept, strict=True) if good]
    return asked[:, kept], np.minimum(sums, 0.0).sum(axis=1), names, foreign[kept]


def _resources(flows: Flows, settings: ImportSettings) -> tuple[Matrix, list[str], int]:
    """Resource flows (resources × industries) and their names; empty ones are left out.

    The last value counts those in units of their own, which come last.
    """
    kinds = [("value added", flows.other)]
    if flows.labour is not None:
        kinds = [("labour", flows.labour), ("capital", flows.other)]
    room = ROUNDING * flows.level
    flows.notes.move(
        "loss",
        flows.industries,
        flows.other,
        flows.other < -room,
        "no other value added; the industry runs at a loss at the prices of the table",
    )
    regions = flows.industry_regions
    if settings.resources == "regions" and regions is None:
        raise InputError("is regions, and the table has none; give pooled", where="--resources")
    if settings.resources == "pooled" or regions is None:
        regions = ("",) * len(flows.industries)
    names, rows = _groups(regions)
    place = rows, np.arange(rows.size)
    parts, labels = [], []
    for kind, amounts in kinds:
        part = sp.csr_array(
            (np.where(amounts > room, amounts, 0.0), place), shape=(len(names), rows.size)
        )
        used = np.flatnonzero(np.asarray(part.sum(axis=1)) > 0)
        parts.append(part[used])
        labels += [f"{names[k]} {kind}".strip() for k in used]
    own = np.flatnonzero((flows.resource_use > 0).any(axis=1))
    parts.append(sp.csr_array(flows.resource_use[own]))
    labels += [_free_name(flows.resources[k], labels, " (own unit)") for k in own]
    return sp.csc_array(sp.vstack(parts)), labels, own.size


def _bordered(
    block: Matrix, last: FloatArray, rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
) -> Matrix:
    """Append the row of foreign exchange and columns of exports and imports, ones in `rows`."""
    ones = np.concatenate(rows)
    trade = sp.csc_array(
        (np.ones(ones.size), (ones, np.arange(ones.size))), shape=(block.shape[0] + 1, ones.size)
    )
    left = sp.vstack([block, sp.csr_array(last[None, :])], format="csc")
    return sp.csc_array(sp.hstack([left, trade], format="csc"))


def _free_name(label: str, taken: Collection[str], suffix: str = " (trade)") -> str:
    while label in taken:
        label += suffix
    return label


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
