"""How the links spread over suppliers and buyers.

A link is an input of more than 1e-4 of the value of output: below that, real tables hold
traces of rounding and balancing. Weighted out-degrees and universal suppliers count all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.generators.statistics.blocks import per_column, per_row
from planbench.generators.statistics.facts import ABOVE, THRESHOLDS
from planbench.model.arrays import Matrix

Sizes = npt.NDArray[np.number[Any]]

LINK = THRESHOLDS[0]
#: Largest suppliers that are taken for the tail, as a share of the goods; fewest of them.
TAIL_SHARE = 0.2
_FEWEST_IN_TAIL = 5
_TOP_SHARE = 0.1
_UNIVERSAL = 0.9


def study_links(matrix: Matrix) -> tuple[dict[str, Any], dict[str, str]]:
    """Study in- and out-degrees of a matrix of input coefficients, goods × activities.

    The matrix has at least one entry.

    Returns
    -------
    figures : dict
    missing : dict
        Why a figure is not given.
    """
    goods = matrix.shape[0]
    counts = np.diff(matrix.indptr)
    filled = np.flatnonzero(counts)
    figures: dict[str, Any] = {}
    missing: dict[str, str] = {}
    suppliers = per_column(matrix, ABOVE * LINK)
    buyers = per_row(matrix, ABOVE * LINK)
    strength = matrix @ np.ones(matrix.shape[1])
    users = per_row(matrix)
    figures["out_strength_cv"] = _variation(strength)
    figures["universal_share"] = float(np.mean(users >= _UNIVERSAL * filled.size))
    if buyers.any():
        figures["in_degree_cv"] = _variation(suppliers)
        figures["out_degree_cv"] = _variation(buyers)
        figures["top_supplier_share"] = top_share(buyers, _TOP_SHARE)
    else:
        missing = dict.fromkeys(
            ("in_degree_cv", "out_degree_cv", "top_supplier_share"),
            f"no input is above {LINK:g} of the value of output",
        )
    count = round(TAIL_SHARE * goods)
    tail = hill(strength, count) if count >= _FEWEST_IN_TAIL else None
    if tail is None:
        missing["out_tail_exponent"] = missing["out_tail_count"] = (
            f"{TAIL_SHARE:.0%} of the goods are fewer than {_FEWEST_IN_TAIL} suppliers"
            if count < _FEWEST_IN_TAIL
            else "the largest suppliers are all alike"
        )
    else:
        figures["out_tail_exponent"], figures["out_tail_count"] = tail, count
    return figures, missing


def hill(sizes: Sizes, count: int) -> float | None:
    """Exponent α of a tail P(X > x) ∝ x^−α by Hill (1975) from the `count` largest sizes.

    1/α is the mean of ln(X_(i) / X_(count + 1)) over the largest. None where there are not
    `count` + 1 positive sizes, or where those are all alike.
    """
    if count < 1 or sizes.size <= count:
        return None
    largest = np.partition(sizes, sizes.size - count - 1)[sizes.size - count - 1 :]
    least = largest[0]
    if not least > 0:
        return None
    mean = float(np.log(largest[1:] / least).mean())
    return 1.0 / mean if mean > 1e-9 else None


def top_share(sizes: Sizes, share: float) -> float:
    """Part of the sum of `sizes` that the largest `share` of them make, at least one."""
    count = max(1, round(share * sizes.size))
    largest = np.partition(sizes, sizes.size - count)[sizes.size - count :]
    return float(largest.sum() / sizes.sum())


def _variation(values: Sizes) -> float:
    return float(values.std() / values.mean())
