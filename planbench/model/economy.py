"""An economy in von Neumann–Koopmans form: goods, activities, resources, plan targets.

The planning problem (Kantorovich 1939; Koopmans 1951, ch. III) is

    maximise   ω·z
    subject to (B − A) x − D z ≥ f      goods balances
               R x ≤ r                  resources
               0 ≤ x ≤ u,  z ≥ 0

with A = ``inputs``, B = ``outputs``, R = ``resource_use``, r = ``endowment``, u = ``capacity``,
D = ``assortment``, f = ``fixed_demand``, ω = ``weights``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    canonical_labels,
    canonical_matrix,
    canonical_vector,
    sha256_of,
)


@dataclass(frozen=True, eq=False)
class Interior:
    """A price system and a plan with slack everywhere; used to repair answers, never trusted.

    Attributes
    ----------
    goods_prices : ndarray, shape (goods,)
        p⁰ ≥ 0, with D'p⁰ > 0.
    resource_prices : ndarray, shape (resources,)
        w⁰ ≥ 0, with w⁰R − p⁰(B − A) > 0 wherever the capacity is infinite.
    activities : ndarray, shape (activities,) or None
        x⁰ with (B − A)x⁰ ≥ f, Rx⁰ ≤ r, 0 ≤ x⁰ ≤ u, with slack where there can be any.
    """

    goods_prices: FloatArray
    resource_prices: FloatArray
    activities: FloatArray | None


@dataclass(frozen=True, eq=False)
class Economy:
    """An economy; build it with :func:`make_economy`, which checks everything once.

    Attributes
    ----------
    inputs : csc_array, shape (goods, activities)
        A ≥ 0, units of a good used per unit of an activity.
    outputs : csc_array, shape (goods, activities)
        B ≥ 0, units of a good made per unit of an activity.
    resource_use : csc_array, shape (resources, activities)
        R ≥ 0, units of a resource per unit of an activity.
    endowment : ndarray, shape (resources,)
        r ≥ 0, units available.
    capacity : ndarray, shape (activities,)
        u in [0, ∞], upper limit of an activity.
    assortment : csc_array, shape (goods, targets)
        D ≥ 0, final goods in one unit of each target; no zero column.
    fixed_demand : ndarray, shape (goods,)
        f, final use that must be met whatever the rest; f < 0 is a stock.
    weights : ndarray, shape (targets,)
        ω > 0, weight of each target in the objective.
    goods, activities, resources, targets : tuple of str or None
        Labels; None where they are only numbered.
    units : tuple of str or None
        Unit of each good.
    name : str
    recipe : mapping
        How it was made, in JSON values; not part of the hash.
    interior : Interior or None
        Computed once and carried; not part of the hash.
    """

    inputs: Matrix
    outputs: Matrix
    resource_use: Matrix
    endowment: FloatArray
    capacity: FloatArray
    assortment: Matrix
    fixed_demand: FloatArray
    weights: FloatArray
    goods: tuple[str, ...] | None = None
    activities: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    name: str = "economy"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    interior: Interior | None = None

    @property
    def n_goods(self) -> int:
        """Number of goods."""
        return int(self.inputs.shape[0])

    @property
    def n_activities(self) -> int:
        """Number of activities."""
        return int(self.inputs.shape[1])

    @property
    def n_resources(self) -> int:
        """Number of resources."""
        return int(self.resource_use.shape[0])

    @property
    def n_targets(self) -> int:
        """Number of plan targets."""
        return int(self.assortment.shape[1])

    @property
    def nnz(self) -> int:
        """Stored non-zeros of A, B, R and D together."""
        return int(self.inputs.nnz + self.outputs.nnz + self.resource_use.nnz + self.assortment.nnz)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays (without labels and interior)."""
        total = 0
        for m in (self.inputs, self.outputs, self.resource_use, self.assortment):
            total += m.data.nbytes + m.indices.nbytes + m.indptr.nbytes
        for v in (self.endowment, self.capacity, self.fixed_demand, self.weights):
            total += v.nbytes
        return total

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical arrays; labels, name, recipe and interior do not count."""
        return sha256_of(
            [
                ("inputs", self.inputs),
                ("outputs", self.outputs),
                ("resource_use", self.resource_use),
                ("endowment", self.endowment),
                ("capacity", self.capacity),
                ("assortment", self.assortment),
                ("fixed_demand", self.fixed_demand),
                ("weights", self.weights),
            ]
        )

    def good(self, i: int) -> str:
        """Label of good `i`, or ``good-i``."""
        return self.goods[i] if self.goods else f"good-{i}"

    def activity(self, j: int) -> str:
        """Label of activity `j`, or ``activity-j``."""
        return self.activities[j] if self.activities else f"activity-{j}"

    def resource(self, i: int) -> str:
        """Label of resource `i`, or ``resource-i``."""
        return self.resources[i] if self.resources else f"resource-{i}"

    def target(self, k: int) -> str:
        """Label of target `k`, or ``target-k``."""
        return self.targets[k] if self.targets else f"target-{k}"


def make_economy(
    *,
    inputs: Any,
    outputs: Any,
    resource_use: Any,
    endowment: Any,
    assortment: Any,
    capacity: Any = None,
    fixed_demand: Any = None,
    weights: Any = None,
    goods: Sequence[str] | None = None,
    activities: Sequence[str] | None = None,
    resources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    name: str = "economy",
    recipe: Mapping[str, Any] | None = None,
    interior: Interior | None = None,
) -> Economy:
    """Check and build an :class:`Economy`; the only door into the type.

    Matrices may be dense or sparse; a vector ``assortment`` is one target. Missing
    ``capacity`` is infinite, ``fixed_demand`` zero, ``weights`` one.

    Raises
    ------
    InputError
        On wrong shapes, NaN or infinite entries, forbidden signs, repeated labels or a
        zero column of the assortment; the message names the field.
    """
    a = canonical_matrix(inputs, None, "inputs", nonnegative=True)
    n, m = int(a.shape[0]), int(a.shape[1])
    if n == 0 or m == 0:
        raise InputError(f"an economy needs goods and activities, not {n} x {m}", where="inputs")
    b = canonical_matrix(outputs, (n, m), "outputs", nonnegative=True)
    r = canonical_matrix(resource_use, None, "resource_use", nonnegative=True)
    if r.shape[1] != m:
        raise InputError(f"has {plural(r.shape[1], 'column')}, expected {m}", where="resource_use")
    if getattr(assortment, "ndim", 2) == 1 or (
        isinstance(assortment, list | tuple) and assortment and np.ndim(assortment[0]) == 0
    ):
        assortment = np.reshape(np.asarray(assortment, dtype=np.float64), (-1, 1))
    d = canonical_matrix(assortment, None, "assortment", nonnegative=True)
    if d.shape[0] != n:
        raise InputError(f"has {plural(d.shape[0], 'row')}, expected {n}", where="assortment")
    k = int(d.shape[1])
    if k == 0:
        raise InputError("an economy needs at least one target", where="assortment")
    target_labels = canonical_labels(targets, k, "targets")
    empty = np.flatnonzero(np.diff(d.indptr) == 0)
    if empty.size:
        which = target_labels[int(empty[0])] if target_labels else f"target {int(empty[0])}"
        raise InputError(
            f"{which} asks for no good at all; give its column an entry or drop it",
            where="assortment",
        )
    w = canonical_vector(weights, k, "weights", lower=0.0, default=1.0)
    if w.min() <= 0:
        raise InputError("a weight is zero; weights must be positive", where="weights")
    return Economy(
        inputs=a,
        outputs=b,
        resource_use=r,
        endowment=canonical_vector(endowment, int(r.shape[0]), "endowment", lower=0.0),
        capacity=canonical_vector(
            capacity, m, "capacity", lower=0.0, allow_infinite=True, default=np.inf
        ),
        assortment=d,
        fixed_demand=canonical_vector(fixed_demand, n, "fixed_demand", default=0.0),
        weights=w,
        goods=canonical_labels(goods, n, "goods"),
        activities=canonical_labels(activities, m, "activities"),
        resources=canonical_labels(resources, int(r.shape[0]), "resources"),
        targets=target_labels,
        units=canonical_labels(units, n, "units", distinct=False),
        name=name,
        recipe=dict(recipe or {}),
        interior=interior,
    )
