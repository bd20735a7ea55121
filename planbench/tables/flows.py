"""A table with every figure in its place: what is left is non-negative where it must be.

The rules, in their order (docs/importing.md explains them):

1. *prices*: purchases at purchasers' prices are brought to basic prices;
2. *negative use* of a product by an industry is an output of it, *negative output* an input;
3. *no output*: an industry without output is left out, and so is a product that nobody makes,
   trades or uses; what the industry used is final use;
4. *exports* that are negative are imports, and the other way round;
5. *imports not stated* are what is used beyond domestic output (one region only);
6. *discrepancy*: what supply exceeds use by is final use, what it falls short is fixed supply;
7. *other value added* is output less inputs less compensation, so that cost equals revenue.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.products import column_sums
from planbench.tables.names import chosen, is_trade
from planbench.tables.raw import RawTable

TECHNOLOGIES = ("auto", "joint", "industry", "commodity")
TRADES = ("activities", "net")
TARGETS = ("one", "columns", "regions")
RESOURCES = ("auto", "regions", "pooled")
PRICES = ("auto", "basic", "purchasers")


@dataclass(frozen=True)
class ImportSettings:
    """Choices of :func:`planbench.tables.import_table`.

    Attributes
    ----------
    technology : {"auto", "joint", "industry", "commodity"}
        ``joint``: activities are industries and by-products joint outputs (``auto`` for a
        supply and use table). ``industry`` and ``commodity``: an activity for each product, by
        industry- or commodity-technology. A symmetric table has an activity for each industry.
    trade : {"activities", "net"}
        Exports and imports as activities that earn and spend foreign exchange, or final use
        net of imports.
    targets : {"one", "columns", "regions"}
        One target, one for each column of final use, or one for each region.
    resources : {"auto", "regions", "pooled"}
        Whether labour and capital stay in their region; ``auto`` is ``regions`` for a
        multi-region table.
    trade_limit : float
        Exports and imports of each product are at most this many times the observed ones.
    prices : {"auto", "basic", "purchasers"}
        Whether purchases are at purchasers' prices; ``auto`` compares use with supply.
    margins : tuple of str
        Trade and transport products of a table at purchasers' prices, by name or shell
        pattern; found by their figures if missing.
    """

    technology: str = "auto"
    trade: str = "activities"
    targets: str = "one"
    resources: str = "auto"
    trade_limit: float = 2.0
    prices: str = "auto"
    margins: tuple[str, ...] = ()

    def checked(self) -> ImportSettings:
        """Return the settings themselves if they make sense.

        Raises
        ------
        InputError
            Naming the option and what it may be.
        """
        choices = (
            ("technology", TECHNOLOGIES),
            ("trade", TRADES),
            ("targets", TARGETS),
            ("resources", RESOURCES),
            ("prices", PRICES),
        )
        for option, known in choices:
            if getattr(self, option) not in known:
                raise InputError(
                    f"is {getattr(self, option)!r}; give {', '.join(known[:-1])} or {known[-1]}",
                    where=f"--{option}",
                )
        if not (math.isfinite(self.trade_limit) and self.trade_limit >= 1):
            raise InputError(
                f"is {self.trade_limit:g}; give a number of at least 1, such as 2",
                where="--trade-limit",
            )
        return self


@dataclass(frozen=True, eq=False)
class BasicPrices:
    """How purchases at purchasers' prices become purchases at basic prices.

    Attributes
    ----------
    kept : ndarray, shape (commodities,)
        Share of a purchase that stays with the commodity; above 1 where it is subsidised.
    paid_as_margin : ndarray, shape (commodities,)
        Share that is bought from the trade and transport commodities instead.
    split : ndarray, shape (commodities,)
        Shares of these in it, together 1, or all 0 where there are none.
    moved : tuple of str
        What that moves, one line each.
    """

    kept: FloatArray
    paid_as_margin: FloatArray
    split: FloatArray
    moved: tuple[str, ...]

    def of(self, purchases: FloatArray) -> FloatArray:
        """Purchases at basic prices, shape (commodities, buyers)."""
        paid = column_sums(self.paid_as_margin[:, None] * purchases)
        return np.asarray(self.kept[:, None] * purchases + np.multiply.outer(self.split, paid))


def basic_prices(
    supply: FloatArray,
    bought: FloatArray,
    margins: Sequence[int],
    commodities: Sequence[str],
    where: str,
) -> BasicPrices:
    """Uniform rates of margins and product taxes (rule 1 of docs/tables.md).

    Parameters
    ----------
    supply : ndarray, shape (commodities,)
        Domestic output and imports at basic prices.
    bought : ndarray, shape (commodities,)
        All purchases at purchasers' prices.
    margins : sequence of int
        Trade and transport commodities.
    commodities : sequence of str
    where : str
        For messages.

    Raises
    ------
    InputError
        When nobody buys a commodity, or margins exceed what is paid above basic prices.
    """
    moved: list[str] = []
    above = bought - supply
    carrier = np.zeros(len(commodities), dtype=bool)
    carrier[list(margins)] = True
    carrier &= above < 0
    margin = np.where(carrier, -above, 0.0)
    if (bought[~carrier] <= 0).any():
        at = int(np.flatnonzero(~carrier & (bought <= 0))[0])
        raise InputError(f"nobody buys {commodities[at]!r}; drop the row", where=where)
    kept = np.where(carrier, 1.0, supply / np.where(carrier, 1.0, bought))
    marked_up = np.where(~carrier & (above > 0), above, 0.0)
    delivered, paid = math.fsum(margin.tolist()), math.fsum(marked_up.tolist())
    rate = delivered / paid if paid > 0 else 0.0
    if rate > 1 or (delivered > 0 and paid == 0):
        raise InputError(
            f"margins of {delivered:g} exceed the {paid:g} that purchasers pay "
            "above basic prices; check which commodities are named as margins",
            where=where,
        )
    moved.append(
        f"margins: {delivered:.0f} of {paid:.0f} paid above basic prices is bought "
        f"from {int(carrier.sum())} trade and transport commodities, the rest is product tax"
    )
    for i in np.flatnonzero(~carrier & (above < 0)).tolist():
        moved.append(
            f"subsidy: purchases of {commodities[i]} scaled by {kept[i]:.6f} to basic prices"
        )
    return BasicPrices(
        kept=kept,
        paid_as_margin=np.maximum(1.0 - kept, 0.0) * rate,
        split=margin / delivered if delivered > 0 else margin,
        moved=tuple(moved),
    )


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


@dataclass(frozen=True, eq=False)
class Flows:
    """Flows of a year, money units; see the head of this module.

    Attributes
    ----------
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
    moved : tuple of Moved
    remarks : tuple of str
    """

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
    moved: tuple[Moved, ...]
    remarks: tuple[str, ...] = ()

    @property
    def net_final_use(self) -> FloatArray:
        """What is left for final use by goods balances: make and imports less use and exports."""
        made = self.outputs.sum(axis=1) - self.inputs.sum(axis=1)
        return np.asarray(made + self.imports - self.exports)


def flows_of(raw: RawTable, settings: ImportSettings) -> Flows:
    """Put every figure of a table in its place.

    Raises
    ------
    InputError
        When margins cannot be what they are said to be, or no industry makes anything.
    """
    moved: list[Moved] = []
    remarks: list[str] = []
    n, m = len(raw.products), len(raw.industries)
    zero_n, zero_m = np.zeros(n), np.zeros(m)
    use, final = raw.use, raw.final_use
    exports = zero_n if raw.exports is None else raw.exports
    imports = zero_n if raw.imports is None else raw.imports
    import_use = zero_m if raw.import_use is None else raw.import_use
    final_import_use = raw.final_import_use
    if final_import_use is None:
        final_import_use = np.zeros(final.shape[1])
    make = _make(raw, exports, imports, remarks)

    at_purchasers, carriers = _margins(raw, make, settings, remarks)
    if at_purchasers:
        supply = make.sum(axis=1) + imports
        bought = use.sum(axis=1) + final.sum(axis=1) + exports
        prices = basic_prices(supply, bought, carriers, raw.products, raw.name)
        before = use.sum() + final.sum() + exports.sum()
        use = sp.csc_array(prices.of(use.toarray()))
        final, exports = prices.of(final), prices.of(exports[:, None])[:, 0]
        taxes = before - use.sum() - final.sum() - exports.sum()
        moved.append(
            Moved("prices", "all purchases", float(taxes), "product taxes, out of the flows")
        )
        remarks += prices.moved

    inputs, outputs = _signs(use, make, raw, moved)
    level = np.asarray(make.sum(axis=0))
    exports, imports = _trade_signs(exports, imports, raw, moved)

    keep = level > 0
    if not keep.any():
        raise InputError("no industry has any output; is it the right table?", where=raw.name)
    spent = np.asarray(inputs.sum(axis=0))
    for j in np.flatnonzero(~keep):
        moved.append(
            Moved("no output", raw.industries[j], float(spent[j]), "left out, its inputs final use")
        )
    inputs, outputs = inputs[:, keep], outputs[:, keep]
    labour = None if raw.compensation is None else raw.compensation[keep]
    if labour is not None and not (labour > 0).any():
        labour = None
        remarks.append("compensation of employees is 0 everywhere: one resource, value added")
    flows = Flows(
        goods=raw.products,
        industries=_kept(raw.industries, keep),
        inputs=inputs,
        outputs=outputs,
        level=level[keep],
        labour=_paid(labour, _kept(raw.industries, keep), moved),
        other=zero_m[keep],
        import_use=import_use[keep],
        resource_use=np.zeros((0, int(keep.sum())))
        if raw.resource_use is None
        else raw.resource_use[:, keep],
        final_use=final,
        final_import_use=final_import_use,
        exports=exports,
        imports=imports,
        final_uses=raw.final_uses,
        resources=raw.resources,
        in_money=raw.entries == "money",
        industry_regions=None
        if raw.industry_regions is None
        else _kept(raw.industry_regions, keep),
        final_regions=raw.final_regions,
        moved=(),
    )
    _refuse_negative_resources(flows, raw.name)
    flows = _trade(flows, raw, settings, moved, remarks)
    rounding = (
        None
        if raw.product_rounding is None
        else dict(zip(raw.products, raw.product_rounding, strict=True))
    )
    flows = _without_idle_goods(flows, moved)
    earned = np.asarray(flows.outputs.sum(axis=0) - flows.inputs.sum(axis=0)) - flows.import_use
    other = earned - (0.0 if flows.labour is None else flows.labour)
    if flows.in_money:
        _compare_value_added(raw, keep, earned, remarks)
    else:
        other = np.zeros(earned.size)
    flows = _discrepancies(flows, rounding, raw.name, moved)
    return replace(flows, other=other, moved=tuple(moved), remarks=tuple(remarks))


def _kept(labels: tuple[str, ...], keep: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(label for label, kept in zip(labels, keep, strict=True) if kept)


def _make(raw: RawTable, exports: FloatArray, imports: FloatArray, remarks: list[str]) -> Matrix:
    """Make table; that of a symmetric table is the diagonal of its outputs."""
    if raw.make is None:
        output = raw.output
        if output is None:
            output = raw.use.sum(axis=1) + raw.final_use.sum(axis=1) + exports - imports
            remarks.append("outputs are not stated: they are what is used, less imports")
        return sp.csc_array(sp.diags_array(np.asarray(output)))
    for stated, axis, what in ((raw.output, 0, "industry"), (raw.supply, 1, "product")):
        if stated is None:
            continue
        apart = np.asarray(raw.make.sum(axis=axis)) - stated
        at = int(np.argmax(np.abs(apart)))
        if np.abs(apart).sum() > NEGLIGIBLE * np.abs(stated).sum():
            label = (raw.industries, raw.products)[axis][at]
            if axis == 0 and raw.output_rounding is not None:
                _refuse_stated_outputs(raw, apart)
            remarks.append(
                f"outputs by {what} differ from the cells of the make table by "
                f"{np.abs(apart).sum():.6g} in all, most ({apart[at]:.6g}) at {label}: "
                "the cells are used"
            )
    return raw.make


def _refuse_stated_outputs(raw: RawTable, apart: FloatArray) -> None:
    """Refuse outputs that are not what the make table holds, beyond rounding."""
    assert raw.output is not None
    assert raw.output_rounding is not None
    size = np.abs(raw.output)
    wrong = np.flatnonzero(np.abs(apart) > raw.output_rounding + NEGLIGIBLE * size)
    if wrong.size:
        at = int(wrong[np.argmax(np.abs(apart[wrong]))])
        raise InputError(
            f"the stated output of {raw.industries[at]!r} is {raw.output[at]:.6g}, and the make "
            f"table holds {raw.output[at] + apart[at]:.6g}; correct the figures, or give "
            "--gross-outputs uses to go by the make table",
            where=raw.name,
        )


def _refuse_negative_resources(flows: Flows, name: str) -> None:
    if (flows.resource_use < 0).any():
        k, j = np.argwhere(flows.resource_use < 0)[0]
        raise InputError(
            f"{flows.resources[k]!r} is {flows.resource_use[k, j]:g} in {flows.industries[j]!r}; a "
            "resource cannot be negative: correct it, or --drop the row",
            where=name,
        )


def _margins(
    raw: RawTable, make: Matrix, settings: ImportSettings, remarks: list[str]
) -> tuple[bool, list[int]]:
    """Whether purchases are at purchasers' prices, and which products deliver margins."""
    comparable = raw.make is not None and raw.imports is not None and raw.final_use.shape[1] > 0
    if settings.prices == "basic" or (settings.prices == "auto" and not comparable):
        return False, []
    if not comparable:
        raise InputError(
            "purchasers' prices ask for a make table, imports and final use; one is missing",
            where="--prices",
        )
    supply = np.asarray(make.sum(axis=1) + raw.imports)
    exports = 0.0 if raw.exports is None else raw.exports
    bought = np.asarray(raw.use.sum(axis=1) + raw.final_use.sum(axis=1) + exports)
    apart, whole = float(np.abs(bought - supply).sum()), float(np.abs(supply).sum())
    if settings.prices == "auto" and apart <= SAME_PRICES * whole and not settings.margins:
        return False, []
    if settings.margins:
        found = sorted(chosen(settings.margins, raw.products, "--margins", raw.name))
    else:
        found = [
            int(i)
            for i in np.flatnonzero(bought < supply)
            if bought[i] < MARGIN_SHARE * supply[i] or is_trade(raw.products[i])
        ]
    remarks.append(
        f"purchases differ from supply by {apart:.6g} of {whole:.6g}: taken as purchasers' prices, "
        f"with margins of {', '.join(raw.products[i] for i in found) or 'no product'}"
    )
    return True, found


def _signs(use: Matrix, make: Matrix, raw: RawTable, moved: list[Moved]) -> tuple[Matrix, Matrix]:
    """Make inputs and outputs ≥ 0: negative uses are outputs, negative outputs inputs."""
    below_use, below_make = _negative(use), _negative(make)
    for part, rule, treatment in (
        (below_use, "negative use", "an output of the industry"),
        (below_make, "negative output", "an input of the industry"),
    ):
        entries = part.tocoo()
        for i, j, amount in zip(entries.row, entries.col, entries.data, strict=True):
            place = f"{raw.products[i]} by {raw.industries[j]}"
            moved.append(Moved(rule, place, -float(amount), treatment))
    inputs = sp.csc_array(use + below_use + below_make)
    outputs = sp.csc_array(make + below_make + below_use)
    for matrix in (inputs, outputs):
        matrix.eliminate_zeros()
    return inputs, outputs


def _negative(matrix: Matrix) -> Matrix:
    """Negative entries as positive amounts."""
    part = matrix.copy()
    part.data = np.maximum(-part.data, 0.0)
    part.eliminate_zeros()
    return part


def _trade_signs(
    exports: FloatArray, imports: FloatArray, raw: RawTable, moved: list[Moved]
) -> tuple[FloatArray, FloatArray]:
    for line, rule, treatment in (
        (exports, "negative exports", "imports"),
        (imports, "negative imports", "exports"),
    ):
        for i in np.flatnonzero(line < 0):
            moved.append(Moved(rule, raw.products[i], float(line[i]), treatment))
    out = np.maximum(exports, 0.0) + np.maximum(-imports, 0.0)
    into = np.maximum(imports, 0.0) + np.maximum(-exports, 0.0)
    return out, into


def _paid(
    labour: FloatArray | None, industries: tuple[str, ...], moved: list[Moved]
) -> FloatArray | None:
    if labour is None:
        return None
    for j in np.flatnonzero(labour < 0):
        moved.append(
            Moved("negative compensation", industries[j], float(labour[j]), "other value added")
        )
    return np.maximum(labour, 0.0)


def _trade(
    flows: Flows, raw: RawTable, settings: ImportSettings, moved: list[Moved], remarks: list[str]
) -> Flows:
    """Find imports that are not stated; net final use of trade where that is asked for."""
    if (
        not flows.in_money
        and settings.trade != "net"
        and (flows.exports.any() or flows.imports.any() or flows.import_use.any())
    ):
        raise InputError(
            "is in quantities, so exports and imports have no prices; give --trade net",
            where=raw.name,
        )
    if settings.trade == "net":
        if flows.exports.any() or flows.imports.any():
            net = flows.exports - flows.imports
            regions = flows.final_regions
            flows = replace(
                flows,
                final_use=np.column_stack([flows.final_use, net]),
                final_uses=(*flows.final_uses, "net exports"),
                final_import_use=np.append(flows.final_import_use, 0.0),
                final_regions=None if regions is None else (*regions, "abroad"),
                exports=np.zeros(net.size),
                imports=np.zeros(net.size),
            )
        return flows
    stated = raw.imports is not None or raw.import_use is not None
    if stated or raw.product_regions is not None or not flows.in_money:
        return flows
    wanted = flows.inputs.sum(axis=1) + flows.final_use.sum(axis=1) + flows.exports
    lacking = np.maximum(wanted - flows.outputs.sum(axis=1), 0.0)
    lacking[lacking <= NEGLIGIBLE * np.abs(wanted)] = 0.0
    if lacking.any():
        remarks.append(
            f"imports are not stated: they are what is used beyond domestic output, "
            f"{lacking.sum():.6g} of {plural(int((lacking > 0).sum()), 'product')}"
        )
        for i in np.flatnonzero(lacking):
            moved.append(Moved("imports not stated", flows.goods[i], float(lacking[i]), "imports"))
    return replace(flows, imports=flows.imports + lacking)


def _without_idle_goods(flows: Flows, moved: list[Moved]) -> Flows:
    """Leave out goods that nobody makes, uses or trades."""
    alive = (
        (flows.inputs.sum(axis=1) > 0)
        | (flows.outputs.sum(axis=1) > 0)
        | (flows.exports + flows.imports > 0)
        | (flows.final_use != 0).any(axis=1)
    )
    if alive.all():
        return flows
    for i in np.flatnonzero(~alive):
        moved.append(Moved("idle product", flows.goods[i], 0.0, "left out"))
    return replace(
        flows,
        goods=_kept(flows.goods, alive),
        inputs=sp.csc_array(flows.inputs[alive]),
        outputs=sp.csc_array(flows.outputs[alive]),
        final_use=flows.final_use[alive],
        exports=flows.exports[alive],
        imports=flows.imports[alive],
    )


def _discrepancies(
    flows: Flows, rounding: dict[str, float] | None, name: str, moved: list[Moved]
) -> Flows:
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
    for i in np.flatnonzero(apart):
        if rounding is not None and abs(apart[i]) > rounding[flows.goods[i]]:
            made = float(flows.outputs[[i]].sum() + flows.imports[i])
            raise InputError(
                f"the output of {flows.goods[i]!r}{' with imports' if flows.imports[i] else ''} is "
                f"{made:.6g}, and its uses add up to {made - apart[i]:.6g}; correct the figures, "
                "or give --gross-outputs uses (output is what is used) or stated (the rest is "
                "final use)",
                where=name,
            )
        treatment = "final use" if apart[i] > 0 else "fixed supply"
        moved.append(Moved("discrepancy", flows.goods[i], float(apart[i]), treatment))
    if not apart.any():
        return flows
    # What is left over goes to the buyers in proportion; what is missing is a column of its
    # own, whose negative entries become fixed supply as all of them do.
    positive = np.maximum(flows.final_use, 0.0)
    total = positive.sum(axis=1)
    everyone = positive.sum(axis=0) / max(positive.sum(), 1e-300)
    share = np.where(
        total[:, None] > 0, positive / np.where(total > 0, total, 1.0)[:, None], everyone
    )
    final = flows.final_use + np.maximum(apart, 0.0)[:, None] * share
    regions = flows.final_regions
    return replace(
        flows,
        final_use=np.column_stack([final, np.minimum(apart, 0.0)]),
        final_uses=(*flows.final_uses, "discrepancy"),
        final_import_use=np.append(flows.final_import_use, 0.0),
        final_regions=None if regions is None else (*regions, "discrepancy"),
    )


def _compare_value_added(
    raw: RawTable, keep: npt.NDArray[np.bool_], earned: FloatArray, remarks: list[str]
) -> None:
    if raw.value_added is None:
        return
    stated = raw.value_added[keep]
    apart = earned - stated
    if raw.industry_rounding is not None and raw.make is None:
        room = raw.industry_rounding[keep] + NEGLIGIBLE * np.abs(stated)
        if raw.product_rounding is not None:
            room = room + raw.product_rounding[keep]
        # Parts that are published may be less than the whole, not more.
        wrong = (np.abs(apart) > room) if raw.value_added_is_whole else (apart < -room)
        if wrong.any():
            j = int(np.argmax(np.where(wrong, np.abs(apart), -1.0)))
            industry = _kept(raw.industries, keep)[j]
            raise InputError(
                f"industry {industry!r} has {earned[j]:.6g} left of its output for value added, "
                f"and the table states {stated[j]:.6g}; correct the figures, or give --entries "
                "quantities (each row in a unit of its own), or --gross-outputs uses (stated value "
                "added does not count)",
                where=raw.name,
            )
    if np.abs(apart).sum() > 1e-3 * np.abs(stated).sum():
        remarks.append(
            f"value added is output less inputs, {earned.sum():.6g}; the rows of value added hold "
            f"{stated.sum():.6g} (taxes on products and prices may lie between)"
        )


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
