"""The SHA-256 by which an instance is known: it must see values and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from planbench.model import Economy, make_economy, make_linear_program

A = np.array([[0.0, 0.25, 0.1], [0.5, 0.0, 0.0], [0.0, 0.3, 0.2]])


def build(**changes: Any) -> Economy:
    fields: dict[str, Any] = {
        "inputs": A,
        "outputs": np.eye(3),
        "resource_use": [[1.0, 2.0, 3.0]],
        "endowment": [10.0],
        "assortment": np.array([1.0, 2.0, 0.0]),
        "capacity": [np.inf, 5.0, np.inf],
        "fixed_demand": [0.0, -1.0, 0.0],
        "weights": [2.0],
    }
    return make_economy(**{**fields, **changes})


def test_known_value() -> None:
    """A changed hash orphans every record and manifest; this pins the scheme."""
    assert build().sha256 == "42ab08866ee31679486d8c031df66343892ba04265496f6c7ddcdfc28da766e9"


def test_index_width_does_not_count() -> None:
    from planbench.model.arrays import sha256_of

    narrow = sp.csc_array(A)
    wide = sp.csc_array(A)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert narrow.indices.dtype != wide.indices.dtype
    assert sha256_of([("a", narrow)]) == sha256_of([("a", wide)])


def test_negative_zero_is_zero() -> None:
    assert build(fixed_demand=[-0.0, -1.0, -0.0]).sha256 == build().sha256


def test_order_of_construction_does_not_count() -> None:
    rows, columns = np.nonzero(A)
    order = np.random.default_rng(0).permutation(rows.size)
    shuffled = sp.coo_array((A[rows, columns][order], (rows[order], columns[order])), shape=(3, 3))
    assert build(inputs=shuffled).sha256 == build().sha256


def test_labels_name_and_recipe_do_not_count() -> None:
    labelled = build(
        goods=["a", "b", "c"], units=["kg"] * 3, name="other", recipe={"x": 1}, targets=["t"]
    )
    assert labelled.sha256 == build().sha256


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": A * (1 + 1e-15)},
        {"inputs": A.T},
        {"outputs": 2 * np.eye(3)},
        {"resource_use": [[1.0, 2.0, 4.0]]},
        {"endowment": [11.0]},
        {"capacity": None},
        {"assortment": np.array([1.0, 2.0, 1.0])},
        {"fixed_demand": [0.0, 1.0, 0.0]},
        {"weights": [1.0]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_array_counts(change: dict[str, Any]) -> None:
    assert build(**change).sha256 != build().sha256


def test_swapping_two_fields_of_one_shape_counts() -> None:
    """Fields are hashed by name, not only by content."""
    plain = build(inputs=A, outputs=np.eye(3))
    swapped = build(inputs=np.eye(3), outputs=A)
    assert plain.sha256 != swapped.sha256


@pytest.mark.parametrize(
    "change",
    [
        {"maximise": True},
        {"offset": 1.0},
        {"cost": [1.0, 3.0]},
        {"row_upper": [5.0]},
        {"col_upper": [1.0, 1.0]},
        {"matrix": [[1.0, 2.0]]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_linear_program_counts(change: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "matrix": [[1.0, 1.0]],
        "cost": [1.0, 2.0],
        "row_lower": [0.0],
        "row_upper": [4.0],
    }
    plain = make_linear_program(**fields).sha256
    assert make_linear_program(**fields, col_names=["x", "y"], name="n").sha256 == plain
    assert make_linear_program(**{**fields, **change}).sha256 != plain
