"""Economies in several regions: limits that are known, circles of inputs, transport, arguments."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.economies import KINDS, random_small
from support.full import examples
from support.solving import solve_exactly

from planbench.certificates import certify_plan
from planbench.errors import InputError
from planbench.generators import generate, parse_inline
from planbench.generators.over_regions import Regions, Transport, over_regions
from planbench.model import Economy, make_economy


def divide(economy: Economy, regions: Any, *, transport: Any = None, **division: Any) -> Economy:
    return over_regions(economy, Regions(regions, **division), transport=transport)


@examples(30)
@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.floats(0, 1))
def test_one_region_gives_back_the_economy(kind: str, seed: int, share: float) -> None:
    economy = random_small(kind, seed)
    assert divide(economy, 1, cross_share=share).sha256 == economy.sha256


@examples(25)
@given(
    st.sampled_from(KINDS),
    st.integers(0, 10**6),
    st.integers(2, 4),
    st.sampled_from([0.0, 0.4, 1.0]),
)
def test_equal_regions_do_as_well_as_the_whole(
    kind: str, seed: int, regions: int, share: float
) -> None:
    """Inputs dealt in a circle ask every region's goods for as much as the whole economy does.

    By symmetry and convexity an optimum is the same in all regions, whatever the share.
    """
    economy = random_small(kind, seed)
    whole, _ = solve_exactly(economy)
    parts, _ = solve_exactly(divide(economy, regions, cross_share=share, seed=seed))
    assert parts == pytest.approx(whole, rel=1e-6, abs=1e-9)


def unequal(seed: int, regions: int, resources: int) -> Any:
    return np.random.default_rng(seed).uniform(0.3, 1.7, (regions, resources))


def alone(economy: Economy, shares: Any) -> float:
    """Sum of the optima of the regions, each for itself."""
    shares = shares / shares.sum(axis=0)
    total = 0.0
    for row in shares:
        part = replace(
            economy,
            endowment=row * economy.endowment,
            capacity=row.mean() * economy.capacity,
            fixed_demand=row.mean() * economy.fixed_demand,
            interior=None,
        )
        total += solve_exactly(part)[0]
    return total


@examples(15)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_cost_of_transport_leads_from_apart_to_together(seed: int, regions: int) -> None:
    """All is lost on the way: the regions' own optima. Less loss is never worse.

    It never beats the whole.
    Without any cost it need not reach the whole, for resources stay where they are.
    """
    economy = generate(
        parse_inline(f"goods=12,inputs=3,resources=3,capacities=0.2,byproducts=0.3,seed={seed}")
    )
    shares = unequal(seed, regions, 3)
    whole, _ = solve_exactly(economy)

    def at(loss: float) -> float:
        transport = Transport(loss=loss)
        return solve_exactly(divide(economy, regions, shares=shares, transport=transport))[0]

    values = [at(loss) for loss in (1.0, 0.8, 0.2, 0.06, 0.01, 0.0)]
    slack = 1e-6 * whole
    assert values[0] == pytest.approx(alone(economy, shares), rel=1e-6)
    assert values[0] == pytest.approx(
        solve_exactly(divide(economy, regions, shares=shares))[0], rel=1e-9
    )
    assert values[-1] <= whole + slack
    assert all(later >= earlier - slack for earlier, later in itertools.pairwise(values))


def test_what_is_divided_adds_up() -> None:
    economy = generate(parse_inline("goods=30,capacities=0.3,seed=2"))
    economy = replace(economy, fixed_demand=np.linspace(-1, 0.001, 30), interior=None)
    shares = unequal(1, 4, economy.n_resources)
    parts = divide(economy, 4, shares=shares, cross_share=0.3)
    np.testing.assert_allclose(parts.endowment.reshape(4, -1).sum(axis=0), economy.endowment)
    np.testing.assert_allclose(parts.capacity.reshape(4, -1).sum(axis=0), economy.capacity)
    np.testing.assert_allclose(parts.fixed_demand.reshape(4, -1).sum(axis=0), economy.fixed_demand)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_exactly_the_share_of_inputs_crosses(share: float) -> None:
    """The knob is the share, in every region, and the amounts by good stay what they were."""
    economy = generate(parse_inline("goods=200,seed=4"))
    n, m, regions = economy.n_goods, economy.n_activities, 4
    entries = divide(economy, regions, cross_share=share, seed=9).inputs.tocoo()
    row, column = entries.coords
    crosses = row // n != column // m
    for region in range(regions):
        here = column // m == region
        assert crosses[here].sum() == round(share * economy.inputs.nnz)
    folded = np.zeros((n, m))
    np.add.at(folded, (row % n, column % m), entries.data)
    np.testing.assert_allclose(folded, regions * economy.inputs.toarray())
    # In a circle: every region asks the others for as much of a good as they ask it.
    asked = np.zeros((regions, n))
    np.add.at(asked, (row // n, row % n), entries.data)
    np.testing.assert_allclose(asked, np.tile(asked[0], (regions, 1)))


def test_seed_decides_which_inputs_cross() -> None:
    economy = generate(parse_inline("goods=50,seed=4"))
    first, again, other = (
        divide(economy, 3, cross_share=0.2, seed=seed).sha256 for seed in (1, 1, 2)
    )
    assert first == again != other


def two_places() -> Economy:
    """Coal and iron, a kind of labour for each; the target takes one of each."""
    return make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=np.eye(2),
        endowment=[10.0, 10.0],
        assortment=np.ones(2),
        goods=["coal", "iron"],
        activities=["dig", "smelt"],
        resources=["miners", "smelters"],
        targets=["household"],
        units=["t", "t"],
    )


def test_transport_by_hand_freight_and_loss() -> None:
    """All miners in region 1, all smelters in region 2, a household in each."""
    economy = two_places()
    shares = [[1.0, 0.0], [0.0, 1.0]]
    with_loss = Transport(loss=0.5)
    one = divide(economy, 2, shares=shares, transport=with_loss, common_target=True)
    # Each household gets z/2 of both; of 10 coal z/2 stay and z leave: 10 = 1.5 z.
    assert solve_exactly(one)[0] == pytest.approx(10 / 1.5)
    freight = Transport(carried=[1], freight=[[0.0], [0.5]])
    one = divide(economy, 2, shares=shares, transport=freight)
    # Only iron is carried, at half of itself: region 1 gets 10 / 1.5.
    assert solve_exactly(one)[0] == pytest.approx(10 / 1.5)
    assert one.activities is not None
    assert "carry iron from region 2 to region 1" in one.activities
    assert len([name for name in one.activities if name.startswith("carry")]) == 2


def test_labels_carry_the_region() -> None:
    one = divide(two_places(), 2)
    assert one.goods is not None
    assert one.goods[2] == "coal in region 2"
    assert one.activities is not None
    assert one.activities[3] == "smelt in region 2"
    assert one.resources == (
        "miners in region 1",
        "smelters in region 1",
        "miners in region 2",
        "smelters in region 2",
    )
    assert one.targets == ("household in region 1", "household in region 2")
    assert divide(two_places(), 2, common_target=True).targets == ("household",)


@pytest.mark.parametrize(("regions", "routes"), [(1, 0), (2, 2), (3, 6), (5, 10)])
def test_neighbours_in_a_ring_have_a_route_both_ways(regions: int, routes: int) -> None:
    economy = generate(parse_inline("goods=10"))
    one = divide(economy, regions, transport=Transport(carried=[4], loss=0.15))
    m = economy.n_activities * regions
    assert one.n_activities == m + routes
    if regions == 5:
        # From region 1 to regions 2 and 5.
        assert one.inputs[:, [m, m + 1]].indices.tolist() == [4, 4]
        assert one.outputs[:, [m, m + 1]].indices.tolist() == [10 + 4, 40 + 4]
        assert one.outputs[:, [m]].data[0] == pytest.approx(0.85)
        assert one.resource_use[:, m:].nnz == 0


@examples(15)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 1.0]), st.booleans())
def test_interior_is_carried_over_and_the_certificate_closes(
    seed: int, share: float, common: bool
) -> None:
    economy = generate(parse_inline(f"goods=12,inputs=3,resources=3,seed={seed}"))
    one = divide(
        economy,
        3,
        cross_share=share,
        shares=unequal(seed, 3, 3),
        common_target=common,
        transport=Transport(loss=0.1),
        seed=seed,
    )
    assert one.interior is not None
    assert one.interior.activities is not None
    _, plan = solve_exactly(one)
    gap = certify_plan(one, plan).raw_gap
    assert gap is not None
    assert gap < 1e-3


def test_transport_that_costs_nothing_leaves_no_interior() -> None:
    """Carrying a good there and back for nothing never loses, whatever the prices."""
    economy = generate(parse_inline("goods=10"))
    assert divide(economy, 2, transport=Transport()).interior is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"regions": 0}, "regions"),
        ({"cross_share": 1.5}, "cross_share"),
        ({"cross_share": float("nan")}, "cross_share"),
        ({"regions": 2.5}, "regions: is 2.5; give a whole number"),
        ({"shares": [1.0]}, "shares"),
        ({"shares": [1.0, -1.0]}, "shares"),
        ({"shares": [1.0, 0.0]}, "shares"),
        ({"shares": [[1.0], [2.0]]}, "shares"),
        ({"shares": "equal"}, "shares: give 2 shares"),
        ({"shares": ["a", "b"]}, "shares"),
        ({"shares": [[1.0, 2.0, 3.0], [1.0, 2.0]]}, "shares: has shape (3,)"),
        ({"shares": [1.0, float("nan")]}, "shares: entry 0 is nan"),
        ({"shares": [1.0, 1e400]}, "shares: entry 0 is inf"),
    ],
)
def test_bad_argument_is_named_in_one_line(arguments: dict[str, Any], words: str) -> None:
    regions = arguments.pop("regions", 2)
    with pytest.raises(InputError) as caught:
        divide(two_places(), regions, **arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"carried": [2]}, "transport.carried"),
        ({"carried": [0, 0]}, "transport.carried"),
        ({"carried": [0.5]}, "transport.carried"),
        ({"freight": [[1.0]]}, "transport.freight"),
        ({"loss": -0.1}, "transport.loss"),
        ({"loss": [0.1]}, "transport.loss"),
        ({"loss": "some"}, "transport.loss"),
        ({"carried": "all"}, "transport.carried"),
    ],
)
def test_bad_transport_is_named_in_one_line(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        divide(two_places(), 2, transport=Transport(**arguments))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
