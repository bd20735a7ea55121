"""Study an economy: every figure of :class:`EconomyStatistics`, exact or marked as an estimate."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.generators.statistics.coefficients import study_density, study_links, study_sizes
from planbench.generators.statistics.facts import (
    GROUPS,
    EconomyStatistics,
    Found,
    StudyLimits,
    figure_fields,
)
from planbench.generators.statistics.goods_graph import (
    GoodsGraph,
    goods_graph,
    study_communities,
    study_factor,
    study_order,
    study_spectrum,
)
from planbench.generators.statistics.value import ValueInputs, equal_weights, value_inputs
from planbench.model.arrays import canonical_matrix, canonical_vector
from planbench.model.economy import Economy

LIMITS = StudyLimits()


def study_economy(
    economy: Economy,
    *,
    seed: int = 0,
    limits: StudyLimits = LIMITS,
    groups: Collection[str] = GROUPS,
) -> EconomyStatistics:
    """Compute the statistics of an economy.

    Parameters
    ----------
    economy : Economy
    seed : int
        Of every sample and random start, at least 0.
    limits : StudyLimits
        Up to where figures are exact.
    groups : collection of str
        Groups of figures to compute, of ``GROUPS``; sizes always are.

    Returns
    -------
    EconomyStatistics

    Raises
    ------
    InputError
        On an unknown group.
    """
    found = _study(value_inputs(economy), seed, limits, groups)
    return replace(
        found,
        nonzeros=int(economy.inputs.nnz),
        density=economy.inputs.nnz / (economy.n_goods * economy.n_activities),
        resources=economy.n_resources,
    )


def study_inputs(
    matrix: Any,
    *,
    main: npt.ArrayLike | None = None,
    output: npt.ArrayLike | None = None,
    seed: int = 0,
    limits: StudyLimits = LIMITS,
    groups: Collection[str] = GROUPS,
) -> EconomyStatistics:
    """Compute the statistics of a bare matrix of input coefficients.

    Parameters
    ----------
    matrix : sparse array or array_like, shape (goods, activities)
        Value of input per value of output, ≥ 0.
    main : array_like of int, shape (activities,), optional
        Good that each activity makes, −1 for none; good j for activity j if missing and the
        matrix is square. Without it nothing is said of eigenvalues, orders, communities and
        factors.
    output : array_like, shape (activities,), optional
        Value of output of each activity, ≥ 0; if missing the output of every good counts one.
    seed, limits, groups
        As in :func:`study_economy`.

    Raises
    ------
    InputError
        On a matrix with negative or infinite entries, a wrong length, or an unknown group.
    """
    a = canonical_matrix(matrix, None, "matrix", nonnegative=True)
    goods, activities = a.shape
    makes = _main(main, goods, activities)
    if output is not None:
        weights = canonical_vector(output, activities, "output", lower=0.0)
    elif makes is not None:
        weights = equal_weights(makes, goods)
    else:
        weights = np.ones(activities)
    inputs = ValueInputs(
        coefficients=a,
        main=makes,
        output=weights,
        byproduct_share=None,
        price_basis="coefficients as given",
        level_basis="as given" if output is not None else "every good counts one",
    )
    found = _study(inputs, seed, limits, groups)
    unknown = dict.fromkeys(("resources", "byproduct_share"), "unknown from inputs alone")
    return replace(found, missing={**unknown, **found.missing})


def _main(main: npt.ArrayLike | None, goods: int, activities: int) -> npt.NDArray[np.int64] | None:
    if main is None:
        return np.arange(goods, dtype=np.int64) if goods == activities else None
    makes = np.asarray(main)
    if makes.shape != (activities,) or not np.issubdtype(makes.dtype, np.integer):
        raise InputError(f"give {activities} whole numbers, one for each column", where="main")
    if makes.size and (makes.min() < -1 or makes.max() >= goods):
        raise InputError(f"give goods from 0 to {goods - 1}, or -1", where="main")
    return makes.astype(np.int64)


OF_INPUTS: dict[str, Callable[[ValueInputs, StudyLimits, int], Found]] = {
    "inputs": study_density,
    "coefficients": study_sizes,
    "links": study_links,
}
OF_GRAPH: dict[str, Callable[[GoodsGraph, StudyLimits, int], Found]] = {
    "spectrum": study_spectrum,
    "order": study_order,
    "communities": study_communities,
    "factor": study_factor,
}


def _study(
    inputs: ValueInputs, seed: int, limits: StudyLimits, groups: Collection[str]
) -> EconomyStatistics:
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        raise InputError(f"no group {unknown[0]!r}; known are {', '.join(GROUPS)}", where="groups")
    empty = inputs.coefficients.nnz == 0
    graph = goods_graph(inputs) if set(groups) & set(OF_GRAPH) and not empty else None
    figures: dict[str, Any] = {}
    estimates: dict[str, str] = {}
    missing: dict[str, str] = {}
    for group in GROUPS:
        if group not in groups or group == "size":
            continue
        if empty:
            found = _nothing(group, "no activity has inputs")
        elif group in OF_INPUTS:
            found = OF_INPUTS[group](inputs, limits, seed)
        elif graph is None:
            found = _nothing(group, "it is not known which good an activity makes; give main")
        else:
            found = OF_GRAPH[group](graph, limits, seed)
        figures |= found[0]
        estimates |= found[1]
        missing |= found[2]
    return EconomyStatistics(
        goods=inputs.n_goods,
        activities=inputs.n_activities,
        nonzeros=int(inputs.coefficients.nnz),
        density=inputs.coefficients.nnz / max(1, inputs.n_goods * inputs.n_activities),
        byproduct_share=inputs.byproduct_share,
        price_basis=inputs.price_basis,
        level_basis=inputs.level_basis,
        estimates=estimates,
        missing=missing,
        **figures,
    )


def _nothing(group: str, why: str) -> Found:
    names = [f.name for f in figure_fields() if f.metadata["group"] == group]
    return {}, {}, dict.fromkeys(names, why)
