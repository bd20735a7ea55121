"""A reference plan that delivers final demand and a growth of every good, computed cheaply.

Endowments and capacities are set from it, so that resources are comparably scarce and the
economy is feasible with slack everywhere.
"""

from __future__ import annotations

import numpy as np

from planbench.errors import PlanbenchError
from planbench.generators.draws import round_bits
from planbench.model.arrays import FloatArray, Matrix

_SWEEPS = 2000
#: Activity levels are rounded to this many bits: sums of products may differ in the last
#: digit between versions, levels may not.
LEVEL_BITS = 12


def growth_plan(
    inputs: Matrix,
    share: FloatArray,
    demand: FloatArray,
    retained: float,
    guess: float,
) -> FloatArray:
    """Output of each good that covers its use as an input, grown by 1/retained, and `demand`.

    Solves X = demand + A x / retained with x_j = share_j X_good(j) by Neumann sweeps until no
    good's output would rise by more than half of the growth asked for, so that
    X − A x > 0 holds good by good (a von Neumann growth plan; von Neumann 1937).

    Parameters
    ----------
    inputs : csc_array, shape (goods, activities)
        Activities in the order of the goods they make, equally many for each.
    share : ndarray, shape (activities,)
        Share of each activity in its good's output, in units of activity per unit of good.
    demand : ndarray, shape (goods,)
        Final demand, above 0.
    retained : float
        In (largest column sum in value, 1); growth factor is its inverse.
    guess : float
        Typical column sum in value, for the start.

    Returns
    -------
    ndarray, shape (goods,)
        With :data:`LEVEL_BITS` significant bits.
    """
    techniques = inputs.shape[1] // inputs.shape[0]
    limit = 1.0 + 0.5 * (1.0 / retained - 1.0)

    def sweep(output: FloatArray) -> FloatArray:
        level = np.repeat(output, techniques)
        level *= share
        used: FloatArray = inputs @ level
        used /= retained
        used += demand
        return used

    # Sum the tail of the series as if every round used the same share, and a little more:
    # from above, most goods meet the rule at once.
    first = sweep(demand)
    output = demand + (first - demand) * (1.2 / (1.0 - guess / retained))
    for _ in range(_SWEEPS):
        following = sweep(output)
        if bool((following <= limit * output).all()):
            return round_bits(output, LEVEL_BITS)
        output = following
    raise PlanbenchError(f"no reference plan within {_SWEEPS} sweeps; this is a bug of planbench")
