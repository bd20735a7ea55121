"""A table with every figure in its place: what is left is non-negative where it must be.

The rules, in their order (docs/importing.md explains them):

1. *prices*: purchases at purchasers' prices are brought to basic prices;
2. *negative use* of a product by an industry is an output of it, *negative output* an input;
3. *exports* that are negative are imports, and the other way round;
4. *no output*: an industry without output is left out, and so is a product that nobody makes,
   trades or uses; what the industry used is final use;
5. *imports not stated* are what is used beyond domestic output (one region only);
6. *discrepancy*: what supply exceeds use by is final use, what it falls short is fixed supply;
7. *other value added* is output less inputs less compensation, so that cost equals revenue.

From industries that make several products to one activity for each product.

With V the make table (products × industries), U the use table, x the outputs of industries and
q those of products (Miller & Blair 2009, ch. 5; UN Handbook of Supply and Use Tables 2018,
ch. 12, models A and B):

- *industry technology*: each industry makes all its products from the same inputs; product k
  takes over the inputs of its makers by their shares in it, A q̂ = U x̂⁻¹ V';
- *commodity technology*: each product is made from the same inputs wherever it is made,
  A V = U, so A = U V⁻¹. This gives negative inputs. They are set to zero, and what is left is
  scaled by rows and columns in turn (RAS: Stone 1961; Bacharach 1970) until every input is
  used as much as published and every product costs what it earns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.products import backward, column_sums, solve
from planbench.tables.names import chosen, is_trade
from planbench.tables.options import ImportSettings
from planbench.tables.raw import RawTable

#: Use and supply that differ by a larger share are at different prices.
SAME_PRICES = 0.01
#: A product bought for less than this share of its supply delivers margins; trade and
#: transport do whenever they are bought for less.
MARGIN_SHARE = 0.95
#: Lines of one rule that a recipe holds; the rest is one line with its sum.
LINES_PER_RULE = 500
#: Differences below this share of a row's (column's) total are rounding and not listed.
NEGLIGIBLE = 1e-9


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
class Notes:
    """What is to be reported: figures that were moved, and remarks, in order."""

    moved: list[Moved] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def move(
        self,
        rule: str,
        places: Sequence[str],
        amounts: FloatArray,
        where: npt.NDArray[np.bool_],
        treatment: str,
    ) -> None:
        """List the amounts that are selected by `where`."""
        for i in np.flatnonzero(where).tolist():
            self.moved.append(Moved(rule, places[i], float(amounts[i]), treatment))


@dataclass(frozen=True, eq=False)
class Flows:
    """Flows of a year, money units; see the head of this module.

    Attributes
    ----------
    name, unit : str
    goods, industries : tuple of str
    inputs, outputs : csc_array, shape (goods, industries)
        ≥ 0.
    level : ndarray, shape (industries,)
        Observed output, > 0.
    labour : ndarray, shape (industries,), or None
        Compensation of employees ≥ 0; None where the table does not state it.
    other : ndarray, shape (industries,)
        Other value added; negative where an industry is subsidised.
    import_use : ndarray, shape (industries,)
        Bought straight from abroad.
    resource_use : ndarray, shape (resources, industries)
        Primary inputs in units of their own.
    final_use : ndarray, shape (goods, final uses)
        As published, with its signs.
    final_import_use : ndarray, shape (final uses,)
    exports, imports : ndarray, shape (goods,)
        ≥ 0.
    final_uses : tuple of str
    resources : tuple of str
    in_money : bool
        Whether all products are in one unit, so that inputs and value added make the output.
    industry_regions, final_regions : tuple of str or None
    notes : Notes
    """

    name: str
    unit: str
    goods: tuple[str, ...]
    industries: tuple[str, ...]
    inputs: Matrix
    outputs: Matrix
    level: FloatArray
    labour: FloatArray | None
    other: FloatArray
    import_use: FloatArray
    resource_use: FloatArray
    final_use: FloatArray
    final_import_use: FloatArray
    exports: FloatArray
    imports: FloatArray
    final_uses: tuple[str, ...]
    resources: tuple[str, ...]
    in_money: bool
    industry_regions: tuple[str, ...] | None
    final_regions: tuple[str, ...] | None
    notes: Notes

    @property
    def net_final_use(self) -> FloatArray:
        """What is left for final use by goods balances: make and imports less use and exports."""
        return exact_sums(1, self.outputs, -self.inputs, self.imports, -self.exports)

    def with_final_use(self, label: str, amounts: FloatArray, region: str) -> Flows:
        """Flows with one more column of final use."""
        regions = self.final_regions
        return replace(
            self,
            final_use=np.column_stack([self.final_use, amounts]),
            final_uses=(*self.final_uses, label),
            final_import_use=np.append(self.final_import_use, 0.0),
            final_regions=None if regions is None else (*regions, region),
        )


def exact_sums(axis: int, *parts: Matrix | FloatArray) -> FloatArray:
    """Sum columns (axis 0) or rows (axis 1) over matrices and vectors, each rounded once.

    The hash of an economy is then the same on every machine.
    """
    blocks = [
        sp.csc_array(p if p.ndim == 2 else p[None, :] if axis == 0 else p[:, None]) for p in parts
    ]
    table = sp.vstack(blocks, format="csc") if axis == 0 else sp.hstack(blocks, format="csr")
    return np.array([math.fsum(table.data[a:b].tolist()) for a, b in pairwise(table.indptr)])


def flows_of(raw: RawTable, settings: ImportSettings) -> Flows:
    """Put every figure of a table in its place.

    Raises
    ------
    InputError
        When margins cannot be what they are said to be, or no industry makes anything.
    """
    notes = Notes()
    n, m = len(raw.products), len(raw.industries)
    exports, imports, import_use, final_import_use = (
        np.zeros(size) if line is None else line
        for line, size in (
            (raw.exports, n),
            (raw.imports, n),
            (raw.import_use, m),
            (raw.final_import_use, raw.final_use.shape[1]),
        )
    )
    make = _make(raw, exports, imports, notes.remarks)
    use, final, exports = _at_basic_prices(raw, make, exports, settings, notes)
    inputs, outputs = _signs(use, make, raw, notes)
    level = np.asarray(make.sum(axis=0))
    notes.move("negative exports", raw.products, exports, exports < 0, "imports")
    notes.move("negative imports", raw.products, imports, imports < 0, "exports")
    exports, imports = (
        np.maximum(exports, 0.0) + np.maximum(-imports, 0.0),
        np.maximum(imports, 0.0) + np.maximum(-exports, 0.0),
    )
    keep = level > 0
    if not keep.any():
        raise InputError("no industry has any output; is it the right table?", where=raw.name)
    spent = np.asarray(inputs.sum(axis=0))
    notes.move("no output", raw.industries, spent, ~keep, "left out, its inputs final use")
    inputs, outputs = sp.csc_array(inputs[:, keep]), sp.csc_array(outputs[:, keep])
    used = (inputs.sum(axis=1) > 0) | (final != 0).any(axis=1)
    alive = used | (outputs.sum(axis=1) > 0) | (exports + imports > 0)
    notes.move("idle product", raw.products, np.zeros(n), ~alive, "left out")

    industries = _kept(raw.industries, keep)
    labour = None if raw.compensation is None else raw.compensation[keep]
    if labour is not None:
        notes.move("negative compensation", industries, labour, labour < 0, "other value added")
        labour = np.maximum(labour, 0.0)
        if not labour.any():
            labour = None
            notes.remarks.append(
                "compensation of employees is 0 everywhere: one resource, value added"
            )
    resource_use = np.zeros((0, m)) if raw.resource_use is None else raw.resource_use
    resource_use = resource_use[:, keep]
    if (resource_use < 0).any():
        k, j = np.argwhere(resource_use < 0)[0]
        raise InputError(
            f"{raw.resources[k]!r} is {resource_use[k, j]:g} in {industries[j]!r}; a "
            "resource cannot be negative: correct it, or --drop the row",
            where=raw.name,
        )
    flows = Flows(
        name=raw.name,
        unit=raw.unit,
        goods=_kept(raw.products, alive),
        industries=industries,
        inputs=sp.csc_array(inputs[alive]),
        outputs=sp.csc_array(outputs[alive]),
        level=level[keep],
        labour=labour,
        other=np.zeros(len(industries)),
        import_use=import_use[keep],
        resource_use=resource_use,
        final_use=final[alive],
        final_import_use=final_import_use,
        exports=exports[alive],
        imports=imports[alive],
        final_uses=raw.final_uses,
        resources=raw.resources,
        in_money=raw.entries == "money",
        industry_regions=None
        if raw.industry_regions is None
        else _kept(raw.industry_regions, keep),
        final_regions=raw.final_regions,
        notes=notes,
    )
    flows = _trade(flows, raw, settings)
    if flows.in_money:
        earned = flows.outputs, -flows.inputs, -flows.import_use
        _compare_value_added(flows, exact_sums(0, *earned), raw, keep)
        paid = () if labour is None else (-labour,)
        flows = replace(flows, other=exact_sums(0, *earned, *paid))
    rounding = raw.product_rounding
    return _discrepancies(flows, None if rounding is None else rounding[alive])


def _kept(labels: tuple[str, ...], keep: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(label for label, kept in zip(labels, keep, strict=True) if kept)


def _make(raw: RawTable, exports: FloatArray, imports: FloatArray, remarks: list[str]) -> Matrix:
    """Make table; that of a symmetric table is the diagonal of its outputs.

    Stated outputs that are not the sums of a make table, beyond rounding, are refused.
    """
    if raw.make is None:
        output = raw.output
        if output is None:
            output = raw.use.sum(axis=1) + raw.final_use.sum(axis=1) + exports - imports
            remarks.append("outputs are not stated: they are what is used, less imports")
        return sp.csc_array(sp.diags_array(np.asarray(output)))
    for stated, axis, what, labels in (
        (raw.output, 0, "industry", raw.industries),
        (raw.supply, 1, "product", raw.products),
    ):
        if stated is None:
            continue
        apart = np.asarray(raw.make.sum(axis=axis)) - stated
        if axis == 0 and raw.output_rounding is not None:
            room = raw.output_rounding + NEGLIGIBLE * np.abs(stated)
            wrong = np.where(np.abs(apart) > room, np.abs(apart), 0.0)
            if wrong.any():
                at = int(np.argmax(wrong))
                raise InputError(
                    f"the stated output of {labels[at]!r} is {stated[at]:.6g}, and the make table "
                    f"holds {stated[at] + apart[at]:.6g}; correct the figures, or give "
                    "--gross-outputs uses to go by the make table",
                    where=raw.name,
                )
        if np.abs(apart).sum() > NEGLIGIBLE * np.abs(stated).sum():
            at = int(np.argmax(np.abs(apart)))
            remarks.append(
                f"outputs by {what} differ from the cells of the make table by "
                f"{np.abs(apart).sum():.6g} in all, most ({apart[at]:.6g}) at {labels[at]}: "
                "the cells are used"
            )
    return raw.make


def _at_basic_prices(
    raw: RawTable, make: Matrix, exports: FloatArray, settings: ImportSettings, notes: Notes
) -> tuple[Matrix, FloatArray, FloatArray]:
    """Intermediate use, final use and exports without margins and product taxes.

    Rates are uniform (rule 1 of docs/tables.md). A share `kept` of a purchase stays with the
    product, above 1 where it is subsidised; a share `paid` is bought from the trade and transport
    products (`carrier`) instead; the rest is product tax.
    """
    basic = raw.use, raw.final_use, exports
    comparable = raw.make is not None and raw.imports is not None and raw.final_use.shape[1] > 0
    if settings.prices == "basic" or (settings.prices == "auto" and not comparable):
        return basic
    if not comparable:
        raise InputError(
            "purchasers' prices ask for a make table, imports and final use; one is missing",
            where="--prices",
        )
    supply = np.asarray(make.sum(axis=1) + raw.imports)
    bought = np.asarray(raw.use.sum(axis=1) + raw.final_use.sum(axis=1) + exports)
    above = bought - supply
    apart, whole = float(np.abs(above).sum()), float(np.abs(supply).sum())
    if settings.prices == "auto" and apart <= SAME_PRICES * whole and not settings.margins:
        return basic
    carrier = np.zeros(supply.size, dtype=bool)
    if settings.margins:
        carrier[list(chosen(settings.margins, raw.products, "--margins", raw.name))] = True
    else:
        trade = np.array([is_trade(product) for product in raw.products])
        carrier = (above < 0) & (trade | (bought < MARGIN_SHARE * supply))
    margins = ", ".join(_kept(raw.products, carrier)) or "no product"
    notes.remarks.append(
        f"purchases differ from supply by {apart:.6g} of {whole:.6g}: taken as purchasers' prices, "
        f"with margins of {margins}"
    )
    carrier &= above < 0
    unsold = ~carrier & (bought <= 0)
    if unsold.any():
        label = raw.products[int(np.argmax(unsold))]
        raise InputError(f"nobody buys {label!r}; drop the row", where=raw.name)
    margin = np.where(carrier, -above, 0.0)
    delivered = math.fsum(margin.tolist())
    available = math.fsum(np.where(~carrier, np.maximum(above, 0.0), 0.0).tolist())
    rate = delivered / available if available > 0 else 0.0
    if rate > 1 or (delivered > 0 and available == 0):
        raise InputError(
            f"margins of {delivered:g} exceed the {available:g} that purchasers pay "
            "above basic prices; check which commodities are named as margins",
            where=raw.name,
        )
    notes.remarks.append(
        f"margins: {delivered:.0f} of {available:.0f} paid above basic prices is bought "
        f"from {int(carrier.sum())} trade and transport commodities, the rest is product tax"
    )
    kept = np.where(carrier, 1.0, supply / np.where(carrier, 1.0, bought))
    for i in np.flatnonzero(~carrier & (above < 0)).tolist():
        notes.remarks.append(
            f"subsidy: purchases of {raw.products[i]} scaled by {kept[i]:.6f} to basic prices"
        )
    paid = np.maximum(1.0 - kept, 0.0) * rate
    split = margin / delivered if delivered > 0 else margin

    def converted(purchases: FloatArray) -> FloatArray:
        bought_as_margin = column_sums(paid[:, None] * purchases)
        return np.asarray(kept[:, None] * purchases + np.multiply.outer(split, bought_as_margin))

    use = sp.csc_array(converted(raw.use.toarray()))
    final, sent = converted(raw.final_use), converted(exports[:, None])[:, 0]
    taxes = float(bought.sum() - use.sum() - final.sum() - sent.sum())
    notes.moved.append(Moved("prices", "all purchases", taxes, "product taxes, out of the flows"))
    return use, final, sent


def _signs(use: Matrix, make: Matrix, raw: RawTable, notes: Notes) -> tuple[Matrix, Matrix]:
    """Make inputs and outputs ≥ 0: negative uses are outputs, negative outputs inputs."""
    below = []
    for matrix, rule, treatment in (
        (use, "negative use", "an output of the industry"),
        (make, "negative output", "an input of the industry"),
    ):
        part = matrix.copy()
        part.data = np.maximum(-part.data, 0.0)
        part.eliminate_zeros()
        below.append(part)
        entries = part.tocoo()
        for i, j, amount in zip(entries.row, entries.col, entries.data, strict=True):
            place = f"{raw.products[i]} by {raw.industries[j]}"
            notes.moved.append(Moved(rule, place, -float(amount), treatment))
    inputs, outputs = (sp.csc_array(matrix + below[0] + below[1]) for matrix in (use, make))
    for matrix in (inputs, outputs):
        matrix.eliminate_zeros()
    return inputs, outputs


def _trade(flows: Flows, raw: RawTable, settings: ImportSettings) -> Flows:
    """Find imports that are not stated; net final use of trade where that is asked for."""
    traded = bool(flows.exports.any() or flows.imports.any())
    if settings.trade == "net":
        if not traded:
            return flows
        none = np.zeros(len(flows.goods))
        net = flows.with_final_use("net exports", flows.exports - flows.imports, "abroad")
        return replace(net, exports=none, imports=none)
    if not flows.in_money:
        if traded or flows.import_use.any():
            raise InputError(
                "is in quantities, so exports and imports have no prices; give --trade net",
                where=raw.name,
            )
        return flows
    stated = raw.imports is not None or raw.import_use is not None
    if stated or raw.product_regions is not None:
        return flows
    wanted = flows.inputs.sum(axis=1) + flows.final_use.sum(axis=1) + flows.exports
    lacking = np.maximum(wanted - flows.outputs.sum(axis=1), 0.0)
    lacking[lacking <= NEGLIGIBLE * np.abs(wanted)] = 0.0
    if lacking.any():
        flows.notes.remarks.append(
            f"imports are not stated: they are what is used beyond domestic output, "
            f"{lacking.sum():.6g} of {plural(int((lacking > 0).sum()), 'product')}"
        )
        flows.notes.move("imports not stated", flows.goods, lacking, lacking > 0, "imports")
    return replace(flows, imports=flows.imports + lacking)


def _discrepancies(flows: Flows, rounding: FloatArray | None) -> Flows:
    """Make final use what the balances leave: report where that is not what was published.

    What rounding does not explain is refused, where it is known how figures are rounded.
    """
    net = flows.net_final_use
    if flows.final_use.shape[1] == 0:
        return replace(
            flows,
            final_use=net[:, None],
            final_uses=("net final use",),
            final_import_use=np.zeros(1),
            final_regions=None,
        )
    published = flows.final_use.sum(axis=1)
    turnover = flows.outputs.sum(axis=1) + flows.imports + np.abs(published)
    apart = np.where(np.abs(net - published) > NEGLIGIBLE * turnover, net - published, 0.0)
    if not apart.any():
        return flows
    wrong = np.zeros(apart.size, dtype=bool) if rounding is None else np.abs(apart) > rounding
    if wrong.any():
        i = int(np.argmax(wrong))
        made = float(flows.outputs[[i]].sum() + flows.imports[i])
        raise InputError(
            f"the output of {flows.goods[i]!r}{' with imports' if flows.imports[i] else ''} is "
            f"{made:.6g}, and its uses add up to {made - apart[i]:.6g}; correct the figures, "
            "or give --gross-outputs uses (output is what is used) or stated (the rest is "
            "final use)",
            where=flows.name,
        )
    for i in np.flatnonzero(apart).tolist():
        treatment = "final use" if apart[i] > 0 else "fixed supply"
        flows.notes.moved.append(Moved("discrepancy", flows.goods[i], float(apart[i]), treatment))
    # What is left over goes to the buyers in proportion; what is missing is a column of its
    # own, whose negative entries become fixed supply as all of them do.
    positive = np.maximum(flows.final_use, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    everyone = positive.sum(axis=0) / max(positive.sum(), 1e-300)
    share = np.where(total > 0, positive / np.where(total > 0, total, 1.0), everyone)
    final = flows.final_use + np.maximum(apart, 0.0)[:, None] * share
    flows = replace(flows, final_use=final)
    return flows.with_final_use("discrepancy", np.minimum(apart, 0.0), "discrepancy")


def _compare_value_added(
    flows: Flows, earned: FloatArray, raw: RawTable, keep: npt.NDArray[np.bool_]
) -> None:
    """Refuse, or remark, where stated value added is not output less inputs."""
    if raw.value_added is None:
        return
    stated = raw.value_added[keep]
    apart = earned - stated
    if raw.industry_rounding is not None and raw.make is None:
        room = raw.industry_rounding[keep] + NEGLIGIBLE * np.abs(stated)
        if raw.product_rounding is not None:
            room = room + raw.product_rounding[keep]
        # Parts that are published may be less than the whole, not more.
        excess = (np.abs(apart) if raw.value_added_is_whole else -apart) - room
        if (excess > 0).any():
            j = int(np.argmax(np.where(excess > 0, np.abs(apart), -1.0)))
            raise InputError(
                f"industry {flows.industries[j]!r} has {earned[j]:.6g} left of its output for "
                f"value added, and the table states {stated[j]:.6g}; correct the figures, or give "
                "--entries quantities (each row in a unit of its own), or --gross-outputs uses "
                "(stated value added does not count)",
                where=raw.name,
            )
    if np.abs(apart).sum() > 1e-3 * np.abs(stated).sum():
        flows.notes.remarks.append(
            f"value added is output less inputs, {earned.sum():.6g}; the rows of value added hold "
            f"{stated.sum():.6g} (taxes on products and prices may lie between)"
        )


def by_rule(moved: Iterable[Moved]) -> dict[str, list[Moved]]:
    """Figures by rule, the largest first; rules in the order in which they first appear."""
    out: dict[str, list[Moved]] = {}
    for figure in moved:
        out.setdefault(figure.rule, []).append(figure)
    return {rule: sorted(figures, key=lambda f: -abs(f.amount)) for rule, figures in out.items()}


def recipe_lines(moved: Iterable[Moved]) -> list[str]:
    """Lines for a recipe: at most :data:`LINES_PER_RULE` for each rule, the rest summed."""
    lines = []
    for rule, figures in by_rule(moved).items():
        lines += [str(figure) for figure in figures[:LINES_PER_RULE]]
        rest = figures[LINES_PER_RULE:]
        if rest:
            total = sum(abs(figure.amount) for figure in rest)
            lines.append(f"{rule}: {len(rest)} smaller ones, together {total:.6g}")
    return lines


#: Entries of a commodity-technology table that are smaller than this share of their column are
#: rounding of the solution.
ROUNDING = 1e-12
RAS_ROUNDS = 2000
RAS_TOLERANCE = 1e-12
#: Condition number of the make table from which its inverse means nothing.
CONDITION = 1e10


def by_product(flows: Flows, technology: str) -> Flows:
    """One activity for each product that is made, with observed output as its level.

    Parameters
    ----------
    flows : Flows
    technology : {"industry", "commodity"}

    Raises
    ------
    InputError
        When commodity technology is asked for and products and industries are not as many, or
        the make table is singular.
    """
    outputs = np.asarray(flows.outputs.sum(axis=1))
    made = outputs > 0
    table, rows = _stacked(flows)
    if technology == "industry":
        shares = sp.diags_array(1.0 / np.asarray(flows.outputs.sum(axis=0))) @ flows.outputs.T
        shares = sp.csc_array(shares)[:, made]
        spread = np.array([backward(shares, row) for row in table])
    else:
        spread = _commodity(flows, table, rows, made)
    n = len(flows.goods)
    goods = tuple(g for g, kept in zip(flows.goods, made, strict=True) if kept)
    regions = flows.industry_regions
    if regions is not None:
        # A product is made in the region of its largest maker.
        largest = np.asarray(flows.outputs.tocsr()[made].argmax(axis=1)).ravel()
        regions = tuple(regions[int(j)] for j in largest)
    diagonal = sp.csc_array(
        (outputs[made], (np.flatnonzero(made), np.arange(len(goods)))), shape=(n, len(goods))
    )
    inputs = sp.csc_array(spread[:n])
    inputs.eliminate_zeros()
    return replace(
        flows,
        industries=goods,
        inputs=inputs,
        outputs=diagonal,
        level=outputs[made],
        import_use=spread[n],
        labour=None if flows.labour is None else spread[n + 2],
        other=spread[n + 1],
        resource_use=spread[spread.shape[0] - len(flows.resources) :],
        industry_regions=regions,
    )


def _stacked(flows: Flows) -> tuple[FloatArray, list[str]]:
    """All that industries take in: products, foreign products, other value added, labour."""
    rows = [flows.inputs.toarray(), flows.import_use[None, :], flows.other[None, :]]
    names = [*flows.goods, "imports", "other value added"]
    if flows.labour is not None:
        rows.append(flows.labour[None, :])
        names.append("compensation")
    rows.append(flows.resource_use)
    names += flows.resources
    return np.vstack(rows), names


def _commodity(
    flows: Flows,
    table: FloatArray,
    rows: list[str],
    made: npt.NDArray[np.bool_],
) -> FloatArray:
    make = flows.outputs.toarray()[made]
    if make.shape[0] != make.shape[1]:
        raise InputError(
            "commodity technology asks for as many products as industries, not "
            f"{plural(make.shape[0], 'product')} of {plural(make.shape[1], 'industry')}; "
            "take joint or industry",
            where=flows.name,
        )
    products = [g for g, kept in zip(flows.goods, made, strict=True) if kept]
    if np.linalg.cond(make) > CONDITION:
        raise InputError(
            "the make table is singular, so commodity technology says nothing; take joint or "
            "industry",
            where=flows.name,
        )
    output = make.sum(axis=1)
    # A V = U, and flows are A q̂.
    spread = solve(make.T, table.T).T * output
    below = np.where(spread < -ROUNDING * output, -spread, 0.0)
    for i, j in zip(*np.nonzero(below), strict=True):
        flows.notes.moved.append(
            Moved(
                "negative by commodity technology",
                f"{rows[i]} for {products[j]}",
                -float(below[i, j]),
                "set to 0, the rest scaled to the published totals",
            )
        )
    spread = np.asarray(np.maximum(spread, 0.0))
    spread[spread < ROUNDING * output] = 0.0
    # Primary inputs in units of their own are no part of what a product costs.
    paid = spread[: len(rows) - len(flows.resources)]
    row_totals, column_totals = np.maximum(table.sum(axis=1), 0.0), output
    rounds, left = _ras(paid, row_totals[: paid.shape[0]], column_totals)
    flows.notes.remarks.append(
        f"commodity technology: {int((below > 0).sum())} negative entries, together "
        f"{below.sum():.6g}, set to 0; RAS of {rounds} rounds leaves {left:.1e} of the totals"
    )
    return spread


def _ras(table: FloatArray, row_totals: FloatArray, column_totals: FloatArray) -> tuple[int, float]:
    """Scale rows and columns of `table` in place to their totals; rounds, and what is left."""
    left, done = np.inf, 0
    while done < RAS_ROUNDS and left > RAS_TOLERANCE:
        done += 1
        sums = table.sum(axis=0)
        table *= np.where(sums > 0, column_totals / np.where(sums > 0, sums, 1.0), 1.0)
        sums = table.sum(axis=1)
        table *= np.where(sums > 0, row_totals / np.where(sums > 0, sums, 1.0), 1.0)[:, None]
        left = float(np.abs(table.sum(axis=0) - column_totals).sum() / column_totals.sum())
    return done, left
