"""Who of many suppliers delivers to whom of many buyers, exactly and with few links.

Suppliers and buyers of a commodity lay their amounts along a line of the same length, one
after another; where two pieces overlap, the one delivers the overlap to the other. Both sums
are met exactly with at most suppliers + buyers − 1 links (the north-west corner rule of the
transportation problem, Dantzig 1951), and random orders make random partners.
"""

from __future__ import annotations

import numpy as np

from planbench.errors import PlanbenchError
from planbench.generators.draws import IntArray
from planbench.model.arrays import FloatArray

_UNITS = 2.0**58


def cut_line(supply: FloatArray, demand: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Match supplies and demands of the same total, in the order given.

    Parameters
    ----------
    supply : ndarray, shape (suppliers,)
        Amounts ≥ 0, not all zero.
    demand : ndarray, shape (buyers,)
        Amounts > 0.

    Returns
    -------
    supplier, buyer : ndarray of int64, shape (links,)
    amount : ndarray, shape (links,)
        > 0; what a buyer gets adds up to its demand, to rounding of that demand, and what a
        supplier gives to its supply, to rounding of the total.
    """
    bought = _lengths(demand, least=1)
    given = _lengths(supply, least=0)
    # The two differ by rounding; the largest supplier evens it out.
    given[int(np.argmax(given))] += int(bought.sum()) - int(given.sum())
    # The last bit of a place says whose piece ends there; equal places end both.
    ends = np.concatenate([np.cumsum(given) << 1, (np.cumsum(bought) << 1) | 1])
    ends.sort(kind="stable")
    of_buyer = (ends & 1).astype(np.int64)
    place = ends >> 1
    length = np.diff(place, prepend=0)
    buyer = np.cumsum(of_buyer) - of_buyer
    supplier = np.arange(ends.size) - buyer
    real = length > 0
    supplier, buyer, amount = supplier[real], buyer[real], length[real].astype(np.float64)
    got = np.bincount(buyer, weights=amount, minlength=demand.size)
    if not (got > 0).all():
        raise PlanbenchError("a buyer got nothing; this is a bug of planbench")
    amount *= (demand / got)[buyer]
    return supplier, buyer, amount


def _lengths(amounts: FloatArray, least: int) -> IntArray:
    total = np.cumsum(amounts)[-1]
    units = np.rint(amounts * (_UNITS / total)).astype(np.int64)
    lengths: IntArray = np.maximum(units, least)
    return lengths
