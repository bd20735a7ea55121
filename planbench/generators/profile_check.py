"""Compare economies made from a profile with the table, each figure within a stated bound.

Figures that a table has at its own size only (how many inputs exceed 1 % of cost, how many
buyers a good has) are compared there; elsewhere with what the profile's laws say for that size
and density.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from planbench.errors import PlanbenchError
from planbench.generators.coefficients import (
    LEFT_OF_DEVIATION,
    SUM_CLIP,
    Columns,
    draw_profiled,
    draw_profiled_degrees,
    sum_deviation,
)
from planbench.generators.draws import Purpose, lognormal_weights, normal, raw, stream
from planbench.generators.laws import parse_law
from planbench.generators.profile import TableProfile
from planbench.generators.statistics import StudyLimits, study_inputs
from planbench.generators.statistics.blocks import blocks, owners, per_row
from planbench.generators.statistics.coefficients import TAIL_SHARE, top_share
from planbench.generators.structure import Profiled, profiled, supplier_classes
from planbench.model.arrays import Matrix
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
    sums = normal(raw(stream(seed, Purpose.COLUMN_SUMS), goods), SUM_CLIP)
    sums *= sum_deviation(profile)
    sums += profile.coefficients.column_sum
    columns = Columns(
        structure=profiled(profile, goods, mean, seed),
        degrees=draw_profiled_degrees(profile, mean, goods, goods, seed),
        sums=sums,
        weights=lognormal_weights(0.0),
        techniques=1,
    )
    return draw_profiled(columns, profile, seed)


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
    wanted: list[tuple[str, float, Any, float, str]] = [
        ("inputs", mean, statistics.inputs_mean, 0.05 * mean + 0.1, "inputs per product"),
        (
            "in-degree CV",
            *spread,
            0.06 + 0.1 * profile.inputs.cv,
            "of their number",
        ),
        ("column sum", sizes.column_sum, statistics.column_sum_mean, 0.04, "mean"),
        (
            "its deviation",
            min(sizes.column_sum_deviation, LEFT_OF_DEVIATION * sum_deviation(profile)),
            statistics.column_sum_deviation,
            0.05,
            "as far as sums stay within 0 and 1",
        ),
        ("sigma", sizes.sigma, statistics.log_deviation, 0.2, "of ln coefficient"),
        ("spectral radius", sizes.spectral_radius, statistics.spectral_radius, 0.15, "of A"),
        ("links of the top 10 %", *top, 0.08, "of suppliers"),
        ("inside communities", profile.communities.inside, near, 0.05, "share of flows, as drawn"),
        ("upstream", profile.order.upstream, up, 0.04, "share of flows, as drawn"),
    ]
    if suppliers.tail_exponent is not None:
        # Hill's estimate from the table itself errs by α/√k.
        tail, count = suppliers.tail_exponent, TAIL_SHARE * profile.goods
        bound = 0.4 + 2.0 * tail / math.sqrt(count)
        wanted.append(("tail exponent", tail, statistics.out_tail_exponent, bound, "Hill"))
    if own_size:
        inputs = profile.inputs
        for name, value, found in (
            ("inputs > 0.01 %", inputs.above_1e_4, statistics.inputs_above_1e_4),
            ("inputs > 0.1 %", inputs.above_1e_3, statistics.inputs_above_1e_3),
            ("inputs > 1 %", inputs.above_1e_2, statistics.inputs_above_1e_2),
        ):
            wanted.append((name, value, found, 0.25 * value + 0.5, "at the table's size"))
        degrees_cv, strength_cv = suppliers.degree_cv, suppliers.strength_cv
        where = "at the table's size"
        wanted += [
            (
                "out-degree CV",
                degrees_cv,
                statistics.out_degree_cv,
                0.15 * degrees_cv + 0.05,
                where,
            ),
            (
                "weighted out-degree CV",
                strength_cv,
                statistics.out_strength_cv,
                0.4 * strength_cv,
                where,
            ),
            ("modularity", profile.communities.modularity, statistics.modularity, 0.1, "Louvain"),
            (
                "triangularity",
                profile.order.triangularity,
                statistics.triangularity,
                0.08,
                "best order found",
            ),
        ]
    checked = []
    for name, value, found, bound, says in wanted:
        if found is None:
            raise PlanbenchError(f"{name} of the made economy was not computed: {says}")
        checked.append(CheckedFigure(name, float(value), float(found), bound, says))
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


def check_economy(profile: TableProfile, economy: Economy) -> tuple[CheckedFigure, ...]:
    """Compare by-products, labour and final demand of an economy made from `profile`.

    The economy must have one technique per good and physical units of value 1.
    """
    made = economy.outputs.sum()
    checked = [
        CheckedFigure(
            "by-products",
            profile.byproducts,
            float((made - economy.n_activities) / made),
            0.03,
            "share of output",
        ),
        CheckedFigure(
            "goods in final demand",
            profile.final_demand.share,
            float(np.count_nonzero(np.diff(economy.assortment.tocsr().indptr)) / economy.n_goods),
            0.5 / math.sqrt(economy.n_goods),
            "share of goods",
        ),
    ]
    if profile.value_added is not None and economy.n_resources > 1:
        use = economy.resource_use
        labour = use[[0]].toarray().ravel() / np.asarray(use.sum(axis=0)).ravel()
        checked.append(
            CheckedFigure(
                "labour", profile.value_added.labour, float(labour.mean()), 0.06, "of value added"
            )
        )
    return tuple(checked)
