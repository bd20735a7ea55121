"""Fit a profile to a real table, and compare economies made from a profile with the table.

Most figures are measured (:mod:`planbench.generators.statistics`). What decides who supplies whom
and how unequal amounts are is first read off the table and then corrected in a few rounds:
an economy of the table's own size is made from the profile so far, measured in the same way,
and the laws are shifted by what differs (the method of simulated moments, McFadden 1989).

The comparison (:func:`check_profile`) has a stated bound for each figure. Figures that a table
has at its own size only (how many inputs exceed 1 % of cost, how many buyers a good has) are
compared there; elsewhere with what the profile's laws say for that size and density.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import brentq

from planbench.errors import InputError, PlanbenchError
from planbench.generators.coefficients import LEFT_OF_DEVIATION, draw_profiled, sum_deviation
from planbench.generators.laws import parse_law
from planbench.generators.observed import MONEY
from planbench.generators.profile import USUAL_TAIL, TableProfile, make_profile
from planbench.generators.statistics import EconomyStatistics, StudyLimits, study_inputs
from planbench.generators.statistics.coefficients import TAIL_SHARE, top_share
from planbench.generators.statistics.facts import blocks, owners, per_row
from planbench.generators.statistics.value import value_inputs, value_prices
from planbench.generators.structure import Profiled, profiled, supplier_classes
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix
from planbench.model.economy import Economy

#: The spectral radius has converged to three digits long before the second eigenvalue.
_LIMITS = StudyLimits(spectrum_steps=15)
_CHEAP = ("size", "inputs", "coefficients", "links")
#: Goods that are compared in all, in at most so many economies.
GOODS_COMPARED, MOST_COMPARED = 1500, 12
#: Below this many goods bounds are wider.
_SMALL = 100.0


@dataclass(frozen=True)
class CheckedFigure:
    """A figure of the table, or of the profile's law, against the made economy's.

    Attributes
    ----------
    name : str
    wanted, found : float
    bound : float
        Largest difference allowed, in the figure's own unit.
    says : str
        What it is, in a few words.
    """

    name: str
    wanted: float
    found: float
    bound: float
    says: str

    @property
    def holds(self) -> bool:
        """Whether the difference is within the bound."""
        return abs(self.found - self.wanted) <= self.bound


def matrix_of_profile(
    profile: TableProfile, goods: int, *, regime: str = "published", seed: int = 0
) -> Matrix:
    """Input coefficients in value of an economy made from a profile, one technique per good.

    The same as those of ``gen:profile=…,goods=…,regime=…,techniques=1``.

    Returns
    -------
    csc_array, shape (goods, goods)
    """
    mean = parse_law(str(profile.mean_inputs(goods, regime))).mean(goods)
    return draw_profiled(profile, goods, mean, seed).matrix


def check_profile(
    profile: TableProfile, goods: int, *, regime: str = "published", seed: int = 0
) -> tuple[CheckedFigure, ...]:
    """Compare economies made from a profile with it, figure by figure.

    Small economies are made several times and the mean is compared, so that at least
    :data:`GOODS_COMPARED` goods are. Bounds are wider by √(100 / n) below 100 goods.

    Parameters
    ----------
    profile : TableProfile
    goods : int
    regime : str
        Density regime.
    seed : int
        Of the first economy; the others follow.
    """
    samples = []
    for k in range(max(1, min(MOST_COMPARED, -(-GOODS_COMPARED // goods)))):
        matrix = matrix_of_profile(profile, goods, regime=regime, seed=seed + k)
        samples.append(_figures(profile, matrix, regime, seed + k))
    wider = max(1.0, math.sqrt(_SMALL / goods))
    return tuple(
        CheckedFigure(
            first.name,
            first.wanted,
            sum(sample[i].found for sample in samples) / len(samples),
            wider * first.bound,
            first.says,
        )
        for i, first in enumerate(samples[0])
    )


def _figures(
    profile: TableProfile, matrix: Matrix, regime: str, seed: int
) -> tuple[CheckedFigure, ...]:
    goods = int(matrix.shape[0])
    own_size = goods == profile.goods and regime == "published"
    groups = (*_CHEAP, "spectrum", "order", "communities") if own_size else (*_CHEAP, "spectrum")
    statistics = study_inputs(matrix, groups=groups, limits=_LIMITS)
    mean = profile.mean_inputs(goods, regime)
    sizes, suppliers = profile.coefficients, profile.suppliers
    law = profiled(profile, goods, mean, seed)
    if own_size:
        # The table's own figures count links above 1e-4 of output.
        top = suppliers.top_share, statistics.top_supplier_share
        spread = profile.inputs.cv, statistics.in_degree_cv
    else:
        # How many are above it depends on how many there are; the law speaks of all.
        buyers = per_row(matrix)
        top = predicted_top_share(profile, goods), top_share(buyers, 0.1)
        degrees = np.diff(matrix.indptr)
        spread = profile.inputs.drawn_cv, float(degrees.std() / degrees.mean())
    near, up = planted_shares(law, matrix)
    checked: list[CheckedFigure] = []

    def check(name: str, wanted: float, found: float | None, bound: float, says: str) -> None:
        if found is None:
            raise PlanbenchError(f"{name} of the made economy was not computed: {says}")
        checked.append(CheckedFigure(name, float(wanted), float(found), bound, says))

    check("inputs", mean, statistics.inputs_mean, 0.05 * mean + 0.1, "inputs per product")
    check("in-degree CV", *spread, 0.06 + 0.1 * profile.inputs.cv, "of their number")
    check("column sum", sizes.column_sum, statistics.column_sum_mean, 0.04, "mean")
    deviation = min(sizes.column_sum_deviation, LEFT_OF_DEVIATION * sum_deviation(profile))
    found = statistics.column_sum_deviation
    check("its deviation", deviation, found, 0.05, "as far as sums stay within 0 and 1")
    check("sigma", sizes.sigma, statistics.log_deviation, 0.2, "of ln coefficient")
    check("spectral radius", sizes.spectral_radius, statistics.spectral_radius, 0.15, "of A")
    check("links of the top 10 %", *top, 0.08, "of suppliers")
    where = "share of flows, as drawn"
    check("inside communities", profile.communities.inside, near, 0.05, where)
    check("upstream", profile.order.upstream, up, 0.04, where)
    if suppliers.tail_exponent is not None:
        # Hill's estimate from the table itself errs by α/√k.
        tail, count = suppliers.tail_exponent, TAIL_SHARE * profile.goods
        bound = 0.4 + 2.0 * tail / math.sqrt(count)
        check("tail exponent", tail, statistics.out_tail_exponent, bound, "Hill")
    if own_size:
        where = "at the table's size"
        for percent, exponent in (("0.01", 4), ("0.1", 3), ("1", 2)):
            field = f"above_1e_{exponent}"
            value, found = getattr(profile.inputs, field), getattr(statistics, f"inputs_{field}")
            check(f"inputs > {percent} %", value, found, 0.25 * value + 0.5, where)
        degrees_cv, strength_cv = suppliers.degree_cv, suppliers.strength_cv
        bound = 0.15 * degrees_cv + 0.05
        check("out-degree CV", degrees_cv, statistics.out_degree_cv, bound, where)
        found, bound = statistics.out_strength_cv, 0.4 * strength_cv
        check("weighted out-degree CV", strength_cv, found, bound, where)
        check("modularity", profile.communities.modularity, statistics.modularity, 0.1, "Louvain")
        wanted, found = profile.order.triangularity, statistics.triangularity
        check("triangularity", wanted, found, 0.08, "best order found")
    return tuple(checked)


def planted_shares(law: Profiled, matrix: Matrix) -> tuple[float, float]:
    """Shares of flows inside the communities and upstream in the order the law planted.

    Each activity weighs as its coefficients do.
    """
    near = up = 0.0
    for columns, entries in blocks(matrix.indptr):
        row, column = matrix.indices[entries], owners(matrix.indptr, columns)
        near += float(np.sum(matrix.data[entries], where=law.block[row] == law.block[column]))
        up += float(np.sum(matrix.data[entries], where=row < column))
    total = float(matrix.data.sum())
    return near / total, up / total


def predicted_top_share(profile: TableProfile, goods: int) -> float:
    """Share of links of the 10 % of goods with most buyers, by the law of suppliers."""
    counts, links = supplier_classes(profile, goods)
    held, amount = counts[::-1].astype(np.float64), links[::-1]
    upto = np.clip(0.1 * goods - (np.cumsum(held) - held), 0.0, held)
    return float((upto @ amount) / (held @ amount))


_Mask = npt.NDArray[np.bool_]
_ROUNDS = 8
#: Economies made per round; their mean is compared.
_SEEDS = 3
_LEAST_ENTRIES = 5
_SWEEPS = 20
_LEAST_SIGMA = 0.1
_STEEPEST = 0.9
#: Range of the slope of ln mean coefficient on ln links.
_SLOPES = (-0.8, 1.2)
#: How far the links that are drawn with may go from the table's, as a factor.
_LINKS_ROOM = 2.0
#: How far the slope of sizes may go from the one measured.
_SLOPE_ROOM = 0.15


@dataclass(frozen=True, eq=False)
class TableFigures:
    """What of a table a profile is fitted to.

    Attributes
    ----------
    coefficients : csc_array, shape (goods, activities)
        Value of input per value of output, own use spread over the other inputs.
    main : ndarray of int64, shape (activities,)
        Good each activity mainly makes.
    byproducts : float
        Share of output that is not the main good.
    labour : ndarray, shape (activities,) or None
        Compensation of employees as a share of value added; NaN where there is none of it.
    final : ndarray, shape (goods,)
        Value of final use, 0 where there is none.
    """

    coefficients: Matrix
    main: npt.NDArray[np.int64]
    byproducts: float
    labour: FloatArray | None
    final: FloatArray


def figures_of_economy(economy: Economy) -> TableFigures:
    """Take from an economy what a profile is fitted to.

    Labour are the resources of that name, perhaps in several regions; prices are those of
    :func:`planbench.generators.statistics.value.value_prices`. Foreign exchange and the
    activities that trade for it are left out.

    Raises
    ------
    InputError
        When some activity makes nothing of value.
    """
    found = value_inputs(economy)
    if found.main is None or (found.main < 0).any():
        raise InputError(
            "an activity makes nothing of value; a profile needs one good per activity",
            where=economy.name,
        )
    prices, _ = value_prices(economy)
    final = np.asarray(economy.assortment.sum(axis=1)).ravel() * prices
    goods, activities = _without_trade(economy)
    labour = _labour(economy)
    number = np.cumsum(goods) - 1
    main = number[found.main[activities]]
    return TableFigures(
        coefficients=fold_own_use(found.coefficients[goods][:, activities], main),
        main=main,
        byproducts=float(found.byproduct_share or 0.0),
        labour=None if labour is None else labour[activities],
        final=final[goods],
    )


def _without_trade(economy: Economy) -> tuple[_Mask, _Mask]:
    """Goods and activities that are not foreign exchange and trade for it."""
    goods = np.array(
        [not any(word in economy.good(i).lower() for word in MONEY) for i in range(economy.n_goods)]
    )
    activities = np.ones(economy.n_activities, dtype=np.bool_)
    if not goods.all():
        money = (~goods).astype(np.float64)
        touches = (economy.outputs.T @ money > 0) | (economy.inputs.T @ money > 0)
        activities = ~(touches & (np.diff(economy.resource_use.indptr) == 0))
    return goods, activities


def _labour(economy: Economy) -> FloatArray | None:
    names = [economy.resource(i).lower() for i in range(economy.n_resources)]
    which = np.array([name.endswith("labour") for name in names])
    if not which.any() or which.all():
        return None
    rents = np.ones(economy.n_resources)
    if economy.interior is not None and (economy.interior.resource_prices > 0).all():
        rents = economy.interior.resource_prices
    added = economy.resource_use.T @ rents
    own = economy.resource_use.T @ np.where(which, rents, 0.0)
    return np.where(added > 0, own / np.where(added > 0, added, 1.0), np.nan)


def fold_own_use(coefficients: Any, main: npt.NDArray[np.int64]) -> Matrix:
    """Spread each activity's use of its own good over its other inputs, in proportion.

    An activity that uses nothing else keeps an empty column.
    """
    a = canonical_matrix(coefficients, None, "coefficients", nonnegative=True)
    column = np.repeat(np.arange(a.shape[1]), np.diff(a.indptr))
    own = a.indices == main[column]
    total = np.bincount(column, weights=a.data, minlength=a.shape[1])
    other = np.bincount(column[~own], weights=a.data[~own], minlength=a.shape[1])
    scale = np.where(other > 0, total / np.where(other > 0, other, 1.0), 0.0)
    folded = sp.csc_array(
        (a.data[~own] * scale[column[~own]], (a.indices[~own], column[~own])), shape=a.shape
    )
    folded.sum_duplicates()
    return folded


def fit_profile(
    table: TableFigures, *, name: str, title: str, source: str, seed: int = 0
) -> TableProfile:
    """Fit a profile.

    Parameters
    ----------
    table : TableFigures
    name, title, source : str
        What the profile says of itself.
    seed : int
        Of the economies it is corrected with.

    Raises
    ------
    InputError
        When a figure cannot be measured, e.g. because the extra that finds communities is
        missing, or is out of the range of profiles.
    """
    if table.coefficients.nnz == 0:
        raise InputError("has no inputs besides own use; a profile needs some", where=name)
    studied = study_inputs(table.coefficients, main=table.main)
    links = supplier_links(table.coefficients)
    slope, size_sigma, own_sigma = _fit_sizes(table.coefficients)
    values = _first_values(table, studied, links)
    values |= {"name": name, "title": title, "source": source}
    values["coefficients"]["own_sigma"] = own_sigma
    steepness = 1.0 / (values["suppliers"]["tail_exponent"] or USUAL_TAIL) / max(1.0 + slope, 0.5)
    values["suppliers"] |= {
        "steepness": min(_STEEPEST, steepness),
        "size_slope": slope,
        "size_sigma": size_sigma,
    }
    where = f"profile of {name}"
    wanted = {figure: _figure(studied, figure) for figure in _MATCHED}
    for _ in range(_ROUNDS):
        profile = make_profile(_rounded(values), where=where)
        made = [matrix_of_profile(profile, profile.goods, seed=seed + k) for k in range(_SEEDS)]
        studies = [study_inputs(matrix, groups=_CORRECTED) for matrix in made]
        found = {
            figure: sum(float(_figure(one, figure)) for one in studies) / _SEEDS
            for figure in _MATCHED
        }
        buyers = np.sum([supplier_links(matrix) / _SEEDS for matrix in made], axis=0)
        ratio = _bands(links) / np.maximum(_bands(buyers), 1e-12)
        near = _normal(_bands(links))
        drawn = np.asarray(values["suppliers"]["links"]) * np.clip(ratio, 0.5, 2.0)
        values["suppliers"]["links"] = _normal(
            np.clip(drawn, near / _LINKS_ROOM, near * _LINKS_ROOM)
        )
        _correct(values, slope, wanted, found)
    return make_profile(_rounded(values), where=where)


def supplier_links(coefficients: Matrix) -> FloatArray:
    """Buyers of each good, largest first; a good without a buyer counts as a quarter of a buyer."""
    buyers = np.bincount(coefficients.indices, minlength=coefficients.shape[0])
    ranked: FloatArray = np.maximum(np.sort(buyers)[::-1], 0.25)
    return ranked


def _bands(ranked: FloatArray) -> FloatArray:
    """Means over the bands of ranks of a profile, while they hold a good."""
    n = ranked.size
    total = np.concatenate([[0.0], np.cumsum(ranked)])
    count = max(1, int(2 * math.log2(n)))
    edges = n * 2.0 ** (-0.5 * np.arange(count + 1))
    upto = np.interp(edges, np.arange(n + 1), total)
    means: FloatArray = (upto[:-1] - upto[1:]) / (edges[:-1] - edges[1:])
    return means


def _normal(links: FloatArray) -> FloatArray:
    """Scale to mean 1 over all goods, the strongest band standing for all above it.

    Links rise towards the top, as they do in what is ranked.
    """
    links = np.maximum.accumulate(links)
    share = 2.0 ** (-0.5 * np.arange(links.size + 1))
    mean = float(links @ (share[:-1] - share[1:]) + links[-1] * share[-1])
    return links / mean


def _fit_sizes(coefficients: Matrix) -> tuple[float, float, float]:
    """Slope and deviation of suppliers' own sizes, and the deviation within suppliers.

    Logarithms of coefficients are split into a part of the buyer, a part of the supplier and
    a rest (two-way analysis of variance by alternating means).
    """
    goods, activities = coefficients.shape
    buyer = np.repeat(np.arange(activities), np.diff(coefficients.indptr))
    supplier = coefficients.indices
    rest = np.log(coefficients.data)
    bought = np.maximum(np.bincount(supplier, minlength=goods), 1)
    buys = np.maximum(np.bincount(buyer, minlength=activities), 1)
    effect = np.zeros(goods)
    for _ in range(_SWEEPS):
        rest = rest - (np.bincount(buyer, rest, activities) / buys)[buyer]
        step = np.bincount(supplier, rest, goods) / bought
        effect += step
        rest = rest - step[supplier]
    own = float(rest.std())
    enough = bought >= min(_LEAST_ENTRIES, activities // 2)
    weight = bought[enough].astype(np.float64)
    x, y = np.log(weight), effect[enough]
    x -= np.average(x, weights=weight)
    y -= np.average(y, weights=weight)
    spread = np.average(x**2, weights=weight)
    covariance = np.average(x * y, weights=weight)
    slope = float(np.clip(covariance / spread, *_SLOPES)) if spread > 0 else 0.0
    noise = np.average(own**2 / weight, weights=weight)
    variance = float(np.average((y - slope * x) ** 2, weights=weight) - noise)
    return slope, math.sqrt(max(variance, 0.0)), max(own, _LEAST_SIGMA)


def _figure(studied: EconomyStatistics, name: str) -> Any:
    value = getattr(studied, name)
    if value is None:
        why = studied.missing.get(name, "it is not defined for this table")
        raise InputError(f"no profile without {name}: {why}", where="calibrate")
    return value


#: Figures of a profile that are measured, by section and name, and what they are measured as.
_MEASURED = {
    "inputs": {
        "mean": "inputs_mean",
        "cv": "in_degree_cv",
        "drawn_cv": "in_degree_cv",
        "above_1e_4": "inputs_above_1e_4",
        "above_1e_3": "inputs_above_1e_3",
        "above_1e_2": "inputs_above_1e_2",
    },
    "coefficients": {
        "column_sum": "column_sum_mean",
        "column_sum_deviation": "column_sum_deviation",
        "sigma": "log_deviation",
        "spectral_radius": "spectral_radius",
    },
    "suppliers": {
        "degree_cv": "out_degree_cv",
        "strength_cv": "out_strength_cv",
        "top_share": "top_supplier_share",
        "universal_share": "universal_share",
    },
    "communities": {"modularity": "modularity"},
    "order": {"triangularity": "triangularity", "upstream": "triangularity"},
}
#: Figures by which the laws are corrected, and the groups they are in.
_MATCHED = (
    "top_supplier_share",
    "out_strength_cv",
    "triangularity",
    "modularity",
    "in_degree_cv",
)
_CORRECTED = ("size", "coefficients", "links", "order", "communities")


def _first_values(
    table: TableFigures, studied: EconomyStatistics, links: FloatArray
) -> dict[str, Any]:
    goods, activities = table.coefficients.shape
    values: dict[str, Any] = {
        section: {field: _figure(studied, name) for field, name in fields.items()}
        for section, fields in _MEASURED.items()
    }
    values |= {
        "goods": goods,
        "activities": activities,
        "byproducts": min(table.byproducts, 0.5),
        "final_demand": _final_values(table.final),
    }
    values["suppliers"] |= {
        "tail_exponent": studied.out_tail_exponent,
        "links": _normal(_bands(links)),
    }
    shares = community_shares(
        int(_figure(studied, "communities")), _figure(studied, "largest_community")
    )
    modularity = max(0.0, values["communities"]["modularity"])
    values["communities"] = {
        "modularity": modularity,
        # Q = Σ (e_cc − a_c²) with a_c the communities' shares (Newman & Girvan 2004).
        "inside": min(0.99, modularity + sum(share * share for share in shares)),
        "shares": shares,
    }
    values["order"]["upstream"] = min(values["order"]["upstream"], 0.995)
    if table.labour is not None and np.isfinite(table.labour).any():
        inside = np.clip(table.labour[np.isfinite(table.labour)], 0.0, 1.0)
        values["value_added"] = {
            "labour": float(inside.mean()),
            "labour_deviation": float(inside.std()),
        }
    return values


def _final_values(final: FloatArray) -> dict[str, float]:
    amounts = final[final > 0]
    if amounts.size == 0:
        raise InputError("the table has no final use; a profile needs some", where="calibrate")
    return {"share": amounts.size / final.size, "sigma": float(np.log(amounts).std())}


def community_shares(count: int, largest: float) -> tuple[float, ...]:
    """Shares of `count` communities that fall geometrically from the largest and add up to 1."""
    largest = min(max(largest, 1.0 / count), 1.0)
    powers = np.arange(count)

    def missing(ratio: float) -> float:
        return 1.0 - largest * float((ratio**powers).sum())

    ratio = 0.0 if missing(0.0) <= 0 else brentq(missing, 0.0, 1.0) if missing(1.0) < 0 else 1.0
    shares = [largest * ratio**k for k in range(count)]
    # What is too small to hold a good of a small economy is left to the others.
    shares = [share for share in shares if share >= 0.005]
    return tuple(share / sum(shares) for share in shares)


def _correct(
    values: dict[str, Any], around: float, wanted: dict[str, Any], found: dict[str, float]
) -> None:
    """Shift the laws by what differs between the table and economies made from them."""
    inputs, suppliers = values["inputs"], values["suppliers"]
    order, communities = values["order"], values["communities"]
    difference = {name: wanted[name] - found[name] for name in _MATCHED}
    # Links count above a size: the more large suppliers deliver at once, the more are theirs.
    suppliers["size_slope"] = min(
        max(suppliers["size_slope"] + difference["top_supplier_share"], around - _SLOPE_ROOM),
        around + _SLOPE_ROOM,
    )
    # Strength is number times size: what degrees leave unexplained is in the sizes.
    step = math.log((1.0 + wanted["out_strength_cv"] ** 2) / (1.0 + found["out_strength_cv"] ** 2))
    between = max(0.0, suppliers["size_sigma"] ** 2 + 0.5 * step)
    suppliers["size_sigma"] = min(math.sqrt(between), 0.95 * values["coefficients"]["sigma"])
    # The best order and communities found show more structure than was drawn.
    order["upstream"] = min(max(order["upstream"] + difference["triangularity"], 0.5), 0.995)
    inside = communities["inside"] + communities["modularity"] - found["modularity"]
    chance = sum(share * share for share in communities["shares"])
    communities["inside"] = min(max(inside, chance), 0.99)
    change = inputs["cv"] / max(found["in_degree_cv"], 1e-3)
    inputs["drawn_cv"] = min(inputs["drawn_cv"] * min(max(change, 0.5), 2.0), 2.0)


def _rounded(values: Any) -> Any:
    """Five significant digits: a profile holds figures, not the table."""
    if isinstance(values, dict):
        return {name: _rounded(value) for name, value in values.items()}
    if isinstance(values, np.ndarray | tuple | list):
        return tuple(_rounded(float(value)) for value in values)
    return float(f"{values:.5g}") if isinstance(values, float) else values
