"""The door into the type Economy: what it refuses, and with which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.model import Economy, make_economy

GOOD: dict[str, Any] = {
    "inputs": [[0.0, 0.2], [0.3, 0.0]],
    "outputs": [[1.0, 0.0], [0.0, 1.0]],
    "resource_use": [[1.0, 2.0]],
    "endowment": [10.0],
    "assortment": np.array([1.0, 1.0]),
}


def build(**changes: Any) -> Economy:
    return make_economy(**{**GOOD, **changes})


def test_a_plain_economy_gets_its_defaults() -> None:
    economy = build()
    assert economy.n_goods == economy.n_activities == 2
    assert np.isinf(economy.capacity).all()
    assert not economy.fixed_demand.any()
    assert economy.weights.tolist() == [1.0]
    assert economy.good(1) == "good-1"
    assert economy.target(0) == "target-0"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("inputs", [[0.0, -0.2], [0.3, 0.0]], "inputs: entry (row 0, column 1) is -0.2"),
        ("inputs", [[0.0, np.nan], [0.3, 0.0]], "inputs: entry (row 0, column 1) is nan"),
        ("inputs", np.zeros((0, 0)), "inputs"),
        ("inputs", "iron", "inputs: not a matrix of numbers"),
        ("outputs", [[1.0, 0.0]], "outputs: has shape 1 x 2, expected 2 x 2"),
        ("outputs", [[1.0, np.inf], [0.0, 1.0]], "outputs: entry (row 0, column 1) is inf"),
        ("resource_use", [[1.0]], "resource_use: has 1 column, expected 2"),
        ("resource_use", [[1.0, -2.0]], "resource_use: entry (row 0, column 1) is -2"),
        ("endowment", [1.0, 2.0], "endowment: has shape (2,), expected (1,)"),
        ("endowment", [-1.0], "endowment: entry 0 is -1"),
        ("endowment", [np.inf], "endowment: entry 0 is inf"),
        ("endowment", ["many"], "endowment: not a list of numbers"),
        ("capacity", [1.0, -1.0], "capacity: entry 1 is -1"),
        ("capacity", [1.0, np.nan], "capacity: entry 1 is nan"),
        ("assortment", [[1.0, 0.0], [1.0, 0.0]], "assortment: target 1 asks for no good at all"),
        ("assortment", [1.0, -1.0], "assortment: entry (row 1, column 0) is -1"),
        ("assortment", [1.0], "assortment: has 1 row, expected 2"),
        ("assortment", np.zeros((2, 0)), "assortment: an economy needs at least one target"),
        ("fixed_demand", [0.0, np.inf], "fixed_demand: entry 1 is inf"),
        ("weights", [0.0], "weights: a weight is zero"),
        ("weights", [-1.0], "weights: entry 0 is -1"),
        ("goods", ["iron"], "goods: has 1 label, expected 2"),
        ("goods", ["iron", "iron"], "goods: label 'iron' occurs twice"),
        ("activities", ["make", " "], "activities: label 1 is empty"),
        ("resources", ["a", "b"], "resources: has 2 labels, expected 1"),
        ("targets", ["a", "b"], "targets: has 2 labels, expected 1"),
        ("units", ["kg"], "units: has 1 entry, expected 2"),
    ],
)
def test_each_field_is_refused_by_name_in_one_line(field: str, value: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        build(**{field: value})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_target_is_named_by_its_label() -> None:
    with pytest.raises(InputError, match="bread asks for no good"):
        build(assortment=[[0.0], [0.0]], targets=["bread"])


def test_capacity_zero_and_infinity_are_allowed() -> None:
    assert build(capacity=[0.0, np.inf]).capacity.tolist() == [0.0, np.inf]


def test_duplicates_are_summed_and_zeros_dropped() -> None:
    """Otherwise two spellings of one economy would have two hashes."""
    doubled = sp.coo_array(([0.1, 0.1, 0.3, 0.0], ([0, 0, 1, 1], [1, 1, 0, 1])), shape=(2, 2))
    economy = build(inputs=doubled)
    assert economy.inputs.nnz == 2
    assert economy.inputs.has_canonical_format
    np.testing.assert_allclose(economy.inputs.toarray(), GOOD["inputs"])


def test_a_canonical_matrix_is_not_copied() -> None:
    """A million goods must not be copied at the boundary."""
    matrix = sp.csc_array(np.array(GOOD["inputs"]))
    matrix.sum_duplicates()
    assert build(inputs=matrix).inputs is matrix


def test_the_callers_matrix_is_left_as_it_was() -> None:
    unsorted = sp.csc_array(
        (np.array([0.2, 0.1]), np.array([1, 0]), np.array([0, 2, 2])), shape=(2, 2)
    )
    build(inputs=unsorted)
    assert unsorted.indices.tolist() == [1, 0]


def test_small_indices_are_int32() -> None:
    wide = sp.csc_array(np.array(GOOD["inputs"]))
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    economy = build(inputs=wide)
    assert economy.inputs.indices.dtype == economy.inputs.indptr.dtype == np.int32
