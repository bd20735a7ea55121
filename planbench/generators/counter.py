"""Any linear objective on activities as an ordinary economy: a counter good.

An activity that is to count c_j gives c_j units of a good that nothing uses, and the one target
is that good. Output, employment or the use of a resource can so be maximised; what was the
target before becomes a fixed demand, or is dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.staircase import pile
from planbench.model.arrays import canonical_vector
from planbench.model.economy import Economy, make_economy


def with_counter(economy: Economy, counts: Any, *, name: str = "count") -> Economy:
    """Economy whose only target is the counter good, the last of its goods.

    Parameters
    ----------
    economy : Economy
    counts : array_like, shape (activities,)
        Units counted per unit of each activity, ≥ 0 and not all 0.
    name : str
        Label of the good and of the target.

    Raises
    ------
    InputError
        On counts of a wrong shape or sign, or none above 0.
    """
    amounts = canonical_vector(counts, economy.n_activities, "counts", lower=0.0)
    if not amounts.any():
        raise InputError("counts nothing; give an activity a positive count", where="counts")
    n = economy.n_goods
    empty = sp.csc_array((1, economy.n_activities))
    return make_economy(
        inputs=pile([economy.inputs, empty]),
        outputs=pile([economy.outputs, sp.csc_array(amounts[None, :])]),
        resource_use=economy.resource_use,
        endowment=economy.endowment,
        capacity=economy.capacity,
        assortment=sp.csc_array((np.ones(1), ([n], [0])), shape=(n + 1, 1)),
        fixed_demand=np.append(economy.fixed_demand, 0.0),
        goods=[*economy.goods, name] if economy.goods else None,
        activities=economy.activities,
        resources=economy.resources,
        targets=[name],
        units=[*economy.units, "units"] if economy.units else None,
        name=economy.name,
        recipe={**economy.recipe, "counter": name},
    )
