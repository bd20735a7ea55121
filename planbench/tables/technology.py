"""From industries that make several products to one activity for each product.

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

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.model.arrays import FloatArray
from planbench.model.products import backward, solve
from planbench.tables.flows import Flows, Moved

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
