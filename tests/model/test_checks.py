"""Sense checks: which economies are refused, which goods they name, and which pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from support.full import examples

from planbench.errors import InputError
from planbench.model import Economy, make_economy
from planbench.model import checks as checks_module
from planbench.model.checks import check_economy, live_activities, one_good_each, value_iteration


def economy(**changes: Any) -> Economy:
    """Iron needs coal, coal needs iron, bread needs both; productive."""
    fields: dict[str, Any] = {
        "inputs": [[0.0, 0.2, 0.1], [0.4, 0.0, 0.1], [0.0, 0.0, 0.0]],
        "outputs": np.eye(3),
        "resource_use": [[1.0, 1.0, 1.0]],
        "endowment": [10.0],
        "assortment": np.array([0.0, 0.0, 1.0]),
        "goods": ["iron", "coal", "bread"],
        "activities": ["smelt", "dig", "bake"],
        "name": "small",
    }
    return make_economy(**{**fields, **changes})


def message(economy_: Economy) -> str:
    with pytest.raises(InputError) as caught:
        check_economy(economy_)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_productive_economy_passes_without_remarks() -> None:
    assert check_economy(economy()) == ()


def test_a_good_nobody_makes_is_named_with_what_needs_it() -> None:
    text = message(economy(outputs=np.diag([1.0, 0.0, 1.0])))
    assert "nobody can make 'coal'" in text
    assert "'bread'" in text


def test_a_stock_of_what_nobody_makes_is_enough() -> None:
    """A stock, however small, lets a small multiple of the target be delivered."""
    joint = economy(
        inputs=[[0.0, 0.1], [0.4, 0.1], [0.0, 0.0]],
        outputs=[[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]],
        resource_use=[[1.0, 1.0]],
        activities=["smelt", "bake"],
        fixed_demand=[0, -1, 0],
    )
    assert check_economy(joint) == ()


def test_an_activity_that_makes_nothing_passes() -> None:
    """Disposal is legitimate; it must neither be refused nor upset the test of the others."""
    disposal = economy(outputs=np.diag([1.0, 1.0, 0.0]), assortment=np.array([1.0, 0.0, 0.0]))
    assert check_economy(disposal) == ()


def test_capacity_zero_counts_as_nobody() -> None:
    assert "nobody can make 'bread'" in message(economy(capacity=[np.inf, np.inf, 0.0]))


def test_a_resource_of_which_there_is_none_counts_as_nobody() -> None:
    assert "cannot be delivered" in message(economy(endowment=[0.0]))


def test_where_comes_first() -> None:
    with pytest.raises(InputError, match=r"^folder/x: "):
        check_economy(economy(endowment=[0.0]), where="folder/x")


def test_goods_of_an_unproductive_pair_are_named_and_others_not() -> None:
    """Iron and coal eat each other up; bread only suffers from it."""
    text = message(economy(inputs=[[0.0, 2.0, 0.1], [0.6, 0.0, 0.1], [0.0, 0.0, 0.0]]))
    assert "not productive" in text
    assert "'iron', 'coal'" in text
    assert "'bread'" not in text


def test_exactly_self_reproducing_goods_are_unproductive() -> None:
    """A rate of growth of exactly one leaves nothing over."""
    assert "'iron'" in message(economy(inputs=[[1.0, 0.2, 0.1], [0.4, 0, 0.1], [0, 0, 0]]))


def test_alternating_growth_is_seen() -> None:
    """A cycle whose increments rise and fall in turn (4 and 1/2) still grows without bound."""
    assert "'iron'" in message(economy(inputs=[[0.0, 4.0, 0.1], [0.5, 0, 0.1], [0, 0, 0]]))


def test_a_useless_technique_beside_a_good_one_is_allowed() -> None:
    two = economy(
        inputs=[[0.0, 0.2, 0.1, 5.0], [0.4, 0.0, 0.1, 0.0], [0.0, 0.0, 0.0, 0.0]],
        outputs=[[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]],
        resource_use=[[1.0, 1.0, 1.0, 0.0]],
        activities=["smelt", "dig", "bake", "waste"],
    )
    assert check_economy(two) == ()


def test_an_unproductive_good_that_no_target_needs_is_remarked() -> None:
    four = make_economy(
        inputs=[[0.2, 0.0], [0.0, 1.5]],
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=np.array([1.0, 0.0]),
        goods=["corn", "gold"],
    )
    (remark,) = check_economy(four)
    assert "'gold'" in remark


def test_goods_made_without_labour_are_checked_all_the_same() -> None:
    """With rents alone as cost, a free but unproductive cycle would look costless."""
    free = make_economy(
        inputs=[[0.0, 2.0], [2.0, 0.0]],
        outputs=np.eye(2),
        resource_use=[[0.0, 0.0]],
        endowment=[1.0],
        assortment=np.array([1.0, 1.0]),
    )
    assert "not productive" in message(free)


def test_many_goods_are_counted_not_listed() -> None:
    n = 12
    text = message(
        make_economy(
            inputs=2 * np.eye(n),
            outputs=np.eye(n),
            resource_use=np.ones((1, n)),
            endowment=[1.0],
            assortment=np.ones(n),
        )
    )
    assert "'good-4' and 7 more (12 goods)" in text
    assert "good-5" not in text


def test_joint_production_out_of_reach_names_the_target() -> None:
    """One activity makes wool and uses up all the mutton it yields."""
    sheep = make_economy(
        inputs=[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]],
        outputs=[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        goods=["wool", "mutton", "grain"],
        targets=["clothes", "meat", "bread"],
    )
    text = message(sheep)
    assert "'meat'" in text
    assert "clothes" not in text
    assert "'bread'" not in text


def test_fixed_demand_beyond_the_labour_is_refused() -> None:
    assert "fixed demand cannot be met" in message(economy(fixed_demand=[0.0, 0.0, 1000.0]))


def test_fixed_demand_within_the_labour_passes() -> None:
    assert check_economy(economy(fixed_demand=[0.0, 0.0, 1.0])) == ()


def test_units_of_very_different_size_do_not_matter() -> None:
    """Tonnes of one good and micrograms of another must not look like zero."""
    size = np.array([1e9, 1e-9, 1.0])
    plain = economy(fixed_demand=[0.0, 0.0, 1e-3])
    scaled = economy(
        inputs=plain.inputs.toarray() * size[:, None],
        outputs=plain.outputs.toarray() * size[:, None],
        assortment=plain.assortment.toarray() * size[:, None],
        fixed_demand=plain.fixed_demand * size,
    )
    assert check_economy(scaled) == ()


def test_too_large_for_the_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_module, "LARGEST_LP", 1)
    (remark,) = check_economy(economy(fixed_demand=[0.0, 0.0, 1.0]))
    assert "was not checked" in remark


def test_dead_activities_take_down_those_that_need_them() -> None:
    usable, available = live_activities(
        make_economy(
            inputs=np.diag([0.5, 0.5, 0.5], 1),
            outputs=np.diag([0.0, 1.0, 1.0, 1.0]),
            resource_use=np.zeros((1, 4)),
            endowment=[1.0],
            assortment=np.array([0.0, 0.0, 0.0, 1.0]),
        )
    )
    assert usable.tolist() == [True, False, False, False]
    assert available.tolist() == [False] * 4


@st.composite
def random_economies(draw: st.DrawFn) -> Economy:
    n = draw(st.integers(1, 6))
    m = n + draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0.2, 0.6, 1.0, 2.0]))
    makes = np.append(np.arange(n), rng.integers(0, n, m - n))
    outputs = np.zeros((n, m))
    outputs[makes, np.arange(m)] = rng.uniform(0.5, 2.0, m)
    inputs = size * rng.random((n, m)) * (rng.random((n, m)) < 2.0 / n)
    wanted = np.zeros(n)
    wanted[rng.integers(0, n)] = 1.0
    return make_economy(
        inputs=inputs,
        outputs=outputs,
        resource_use=np.ones((1, m)),
        endowment=[1.0],
        assortment=wanted,
    )


@given(random_economies())
@examples(200)
def test_value_iteration_agrees_with_linear_programming(economy_: Economy) -> None:
    """A good is makeable exactly if (B − A)x ≥ e_i, x ≥ 0 has a solution.

    Prices close in on their limit at a rate below 1 − 1/(largest price), so value iteration owes
    a decision only where no good is dear; elsewhere it may not contradict the linear program.
    """
    assert one_good_each(economy_)
    m, n = economy_.n_activities, economy_.n_goods
    found = value_iteration(economy_, np.ones(m, dtype=bool), np.zeros(n, dtype=bool))
    net = (economy_.outputs - economy_.inputs).toarray()
    units = np.eye(n)
    answers = [linprog(np.ones(m), A_ub=-net, b_ub=-unit, method="highs") for unit in units]
    length = np.array([a.fun if a.status == 0 else np.inf for a in answers])
    impossible = np.array([a.status == 2 for a in answers])
    assert not (found.makeable & impossible).any()
    # Plans of enormous length are on the edge, where rounding may decide either way.
    assert not (found.unmakeable & (length < 1e6)).any()
    if (impossible | (length < 200)).all():
        assert (found.makeable == ~impossible).all()


@given(random_economies())
@examples(100)
def test_what_passes_has_a_positive_optimum_and_what_is_refused_has_not(
    economy_: Economy,
) -> None:
    from planbench.model import to_linear_program

    program = to_linear_program(economy_)
    matrix, n = program.matrix.toarray(), economy_.n_goods
    answer = linprog(
        -program.cost,
        A_ub=np.vstack([-matrix[:n], matrix[n:]]),
        b_ub=np.concatenate([-program.row_lower[:n], program.row_upper[n:]]),
        method="highs",
    )
    assert answer.status == 0
    try:
        check_economy(economy_)
    except InputError:
        assert -answer.fun < 1e-5
    else:
        assert -answer.fun > 0
