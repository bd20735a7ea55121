"""Inputs in value: what makes coefficients of goods in kilograms and litres comparable.

A coefficient is c_ij = p_i A_ij / (p·B_j), the value of input i per value of everything that
activity j makes; it does not depend on the units of goods and activities. Prices p are, in
this order,

1. those of the interior the economy carries, where all are positive (a generated economy
   carries the values it was drawn in, a table the prices of its year);
2. one for all goods, where they are stated to be in one and the same unit and that unit can
   be of value: in it, 9 of 10 activities make at least what they use;
3. least-cost prices, p_i = min over j of (wR_j + pA_j) / B_ij with every resource's endowment
   worth the same, w_k = 1/r_k: value iteration. Of an activity that makes several goods each is
   charged with the whole cost. A good that is only in stock is priced like a resource;
4. one for every amount as given, when no prices were found; said in ``price_basis``.

Levels decide how much an activity weighs in flows and in the mean technique: those of the
interior plan the economy carries; otherwise every good counts one, shared equally by its
techniques.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray, Matrix, largest_of_columns
from planbench.model.economy import Economy

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_SWEEPS = 500
_CONVERGED = 1e-9
#: Share of the activities that do not lose, where one unit of each good is worth the same.
_BREAK_EVEN = 0.9
#: Inputs of more than this times the output are no technique, and would leave the arithmetic.
_LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class ValueInputs:
    """Input coefficients in value, with what each activity makes and how much it weighs.

    Attributes
    ----------
    coefficients : csc_array, shape (goods, activities)
        c_ij ≥ 0; columns of activities that make nothing of value are empty.
    main : ndarray of int64, shape (activities,)
        Good that makes up most of an activity's output; −1 where there is none.
    output : ndarray, shape (activities,)
        Value of output, the weight of an activity, ≥ 0.
    byproduct_share : float or None
        Share of all output that is not its activity's main good; None where nothing is made.
    price_basis, level_basis : str
    nonzeros, resources : int
        Inputs of the economy in all, those of activities left out included; its resources.
    """

    coefficients: Matrix
    main: IntArray
    output: FloatArray
    byproduct_share: float | None
    price_basis: str
    level_basis: str
    nonzeros: int
    resources: int

    @property
    def n_goods(self) -> int:
        """Number of goods."""
        return int(self.coefficients.shape[0])

    @property
    def n_activities(self) -> int:
        """Number of activities."""
        return int(self.coefficients.shape[1])


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
def value_inputs(economy: Economy) -> ValueInputs:
    """Input coefficients of `economy` in value; see the head of this module."""
    prices, price_basis = value_prices(economy)
    a, b = economy.inputs, economy.outputs
    made = sp.csc_array((b.data * prices[b.indices], b.indices, b.indptr), shape=b.shape)
    revenue = _column_sums(made)
    main, largest = largest_of_columns(made)
    # A good without a price has no value; what uses it cannot run.
    unpriced = prices <= 0
    live = revenue > 0
    if unpriced.any():
        live &= (a.T @ unpriced.astype(np.float64)) == 0
    used = _per_output(a, prices, np.where(live, revenue, 1.0))
    live &= _column_sums(used) <= _LARGEST
    if not live.all():
        used = used.copy()
        used.data[np.repeat(~live, np.diff(used.indptr))] = 0.0
        price_basis += f"; {int((~live).sum()):,} activities make nothing of value and are left out"
    if not used.data.all():
        used = used.copy()
        used.eliminate_zeros()
    main = np.where(live, main, -1)

    output, level_basis = _weights(economy, revenue, live, main)
    total = float(output.sum())
    share = (
        float(output @ ((revenue - largest) / np.where(live, revenue, 1.0))) / total
        if total > 0
        else None
    )
    return ValueInputs(
        coefficients=used,
        main=main,
        output=output,
        byproduct_share=share,
        price_basis=price_basis,
        level_basis=level_basis,
        nonzeros=int(a.nnz),
        resources=economy.n_resources,
    )


def value_prices(economy: Economy) -> tuple[FloatArray, str]:
    """Prices to weigh goods with, and where they come from; see the head of this module.

    Returns
    -------
    prices : ndarray, shape (goods,)
        > 0, or 0 for goods that can be neither made nor taken from a stock.
    basis : str
    """
    interior = economy.interior
    if interior is not None:
        carried = interior.goods_prices
        if carried.shape == (economy.n_goods,) and np.isfinite(carried).all() and carried.min() > 0:
            return carried, "prices the economy carries"
    if _one_unit_of_value(economy):
        assert economy.units is not None
        return np.ones(economy.n_goods), f"all goods are in one unit, {economy.units[0]}"
    found = _least_cost(economy)
    if found is not None:
        return found, "least-cost prices with all resources worth the same"
    return np.ones(economy.n_goods), "amounts as given, for no prices were found"


def _one_unit_of_value(economy: Economy) -> bool:
    """Tell money from tonnes: nearly every activity makes at least what it uses."""
    if economy.units is None or len(set(economy.units)) != 1:
        return False
    used, made = _column_sums(economy.inputs), _column_sums(economy.outputs)
    return bool((used <= made).mean() >= _BREAK_EVEN)


@np.errstate(all="ignore")
def _least_cost(economy: Economy) -> FloatArray | None:
    """Least-cost prices, 0 for what cannot be made; None when they do not converge."""
    rent = np.where(economy.endowment > 0, 1.0 / economy.endowment, np.inf)
    usable = economy.capacity > 0
    direct = np.where(usable, _times(economy.resource_use, rent), np.inf)
    made = economy.outputs.tocoo()
    makes, maker, amount = made.coords[0], made.coords[1], made.data
    unmade = np.ones(economy.n_goods, dtype=bool)
    unmade[makes] = False
    stock = -economy.fixed_demand
    given = np.where(unmade & (stock > 0), 1.0 / stock, np.where(unmade, np.inf, 0.0))
    prices = given
    for _ in range(_SWEEPS):
        cost = direct + _times(economy.inputs, prices)
        new = np.where(unmade, given, np.inf)
        np.minimum.at(new, makes, cost[maker] / amount)
        if np.isnan(new).any():
            return None
        finite, known = np.isfinite(new), np.isfinite(prices)
        moved = np.abs(new - prices)[finite & known]
        prices, settled = new, (moved <= _CONVERGED * new[finite & known]).all()
        if settled and np.array_equal(finite, known):
            break
    else:
        return None
    finite = np.isfinite(prices)
    if not finite.any() or not (prices[finite] > 0).all():
        return None
    return np.where(finite, prices, 0.0)


def _times(matrix: Matrix, vector: FloatArray) -> FloatArray:
    """Multiply the transpose of `matrix` by `vector`, with 0 · ∞ = 0."""
    forbidden = np.isinf(vector)
    out: FloatArray = matrix.T @ np.where(forbidden, 0.0, vector)
    if forbidden.any():
        out[(matrix.T @ forbidden.astype(np.float64)) > 0] = np.inf
    return out


def _weights(
    economy: Economy, revenue: FloatArray, live: BoolArray, main: IntArray
) -> tuple[FloatArray, str]:
    interior = economy.interior
    if interior is not None and interior.activities is not None:
        level = interior.activities
        if level.shape == revenue.shape and np.isfinite(level).all() and level.min() >= 0:
            output = np.where(live, level * revenue, 0.0)
            if output.sum() > 0:
                return output, "levels of the plan the economy carries"
    return equal_weights(main, economy.n_goods), "every good counts one, its techniques equally"


def equal_weights(main: IntArray, goods: int) -> FloatArray:
    """Weight of activities when the output of every good counts one."""
    techniques = np.bincount(main[main >= 0], minlength=goods)
    return np.where(main >= 0, 1.0 / np.maximum(techniques[main], 1), 0.0)


def _per_output(matrix: Matrix, prices: FloatArray, revenue: FloatArray) -> Matrix:
    """Entries by the price of their row over the revenue of their column.

    Shares the indices of `matrix`, and its entries too where all prices and revenues are 1.
    """
    if (prices == 1.0).all() and (revenue == 1.0).all():
        return matrix
    data = prices[matrix.indices]
    data *= matrix.data
    data /= np.repeat(revenue, np.diff(matrix.indptr))
    out = sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    out.has_canonical_format = True
    return out


def _column_sums(matrix: Matrix) -> FloatArray:
    return np.asarray(matrix.sum(axis=0)).ravel()
