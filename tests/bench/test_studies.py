"""Studies measure what they say: plans after a shock, and plans from wrong data."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.bench.request import Conditions
from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.debate.studies import (
    COLD,
    WARM,
    bad_data,
    carry_out_techniques,
    check_replanners,
    cut_resource,
    noisy_economy,
    plan_from,
    replan,
)
from planbench.errors import InputError
from planbench.model import make_economy
from planbench.records.schema import STUDY

SMALL = "gen:goods=120,techniques=2,resources=3,seed=1"


@pytest.fixture(scope="module")
def instance():
    return load_instance(SMALL)


def test_simplex_takes_up_its_basis(instance):
    """From the old basis a few pivots must do; from nothing hundreds."""
    rows = list(replan(instance, ["highs-ds"], repeats=2))
    assert {(r.value, r.repeat) for r in rows} == {(s, k) for s in (COLD, WARM) for k in (0, 1)}
    assert all(r.verdict == "certified" and r.suite == STUDY for r in rows)
    cold = {r.iterations["simplex"] for r in rows if r.value == COLD}
    warm = {r.iterations["simplex"] for r in rows if r.value == WARM}
    assert max(warm) < min(cold) / 5
    assert len(warm) == 1, "each warm start must begin at the old plan, not at the last one"
    assert len({r.lower_bound for r in rows}) <= 4
    bounds = [r.lower_bound for r in rows]
    assert max(bounds) - min(bounds) <= 1e-6 * max(bounds), "warm and cold agree on the optimum"


@pytest.mark.parametrize("solver", ["two-level", "primal-dual"])
def test_planners_take_up_their_state(instance, solver):
    pytest.importorskip("numba")
    rows = list(replan(instance, [solver], repeats=1))
    assert [r.value for r in rows] == [COLD, WARM]
    assert all(r.raw_gap is not None and r.raw_gap <= 1e-6 for r in rows)
    assert rows[0].iterations["rounds"] >= 1


def test_cut_falls_on_the_scarcest_resource(instance):
    """Cutting what nobody wants would be no shock."""
    rows = list(replan(instance, ["highs-ds"], repeats=1, left=0.5))
    shock = rows[0].instance.recipe["shock"]
    assert shock["left"] == 0.5
    uncut = load_instance(SMALL)
    old, _ = plan_from("highs-ds", uncut.economy, uncut.lp, 1e-6)
    rents = old.y[uncut.economy.n_goods :] * uncut.economy.endowment
    assert shock["resource"] == int(np.argmax(rents))
    optimum = float(uncut.lp.cost @ old.x)
    assert rows[0].upper_bound < 0.9 * optimum, "less of the scarcest resource, less of the plan"


def test_cut_changes_one_endowment_only(instance):
    changed = cut_resource(instance.economy, 1, 0.8)
    ratio = changed.endowment / instance.economy.endowment
    assert ratio == pytest.approx([1.0, 0.8, 1.0])
    assert changed.sha256 != instance.economy.sha256
    assert changed.inputs is instance.economy.inputs


def test_refusals_are_rows():
    """An economy a planner does not take must not look like one that was not tried."""
    five_years = load_instance("cockshott-five-year")
    (row,) = replan(five_years, ["two-level"])
    assert row.ended == "refused"
    assert "two-level" in row.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"left": 0.0}, "--left"), ({"left": 1.5}, "--left"), ({"resource": 7}, "--resource")],
)
def test_bad_shocks_are_refused(instance, changes, words):
    with pytest.raises(InputError, match=words):
        list(replan(instance, ["highs-ds"], **changes))


def test_unknown_replanner_names_those_there_are():
    with pytest.raises(InputError, match="cannot start from an old plan; choose from two-level"):
        check_replanners(["two-level", "cbc"])


def test_noise_has_mean_one_and_its_spread(instance):
    economy = load_instance("gen:goods=2000,seed=1").economy
    seen = noisy_economy(economy, 0.3, seed=5)
    ratio = seen.inputs.data / economy.inputs.data
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert np.log(ratio).std() == pytest.approx(0.3, rel=0.02)
    assert np.array_equal(seen.inputs.indices, economy.inputs.indices)
    again = noisy_economy(economy, 0.3, seed=5)
    assert np.array_equal(again.resource_use.data, seen.resource_use.data), "seeded"
    assert seen.outputs is economy.outputs


def test_loss_grows_with_noise_and_techniques_keep_most(instance):
    rows = list(bad_data(
        instance, "highs-ds", noises=(0.01, 0.3), seeds=(1, 2),
        conditions=Conditions(30.0, 2 << 30, polish=False),
    ))  # fmt: skip
    assert [r.value for r in rows] == [0.0] * 2 + [0.01] * 4 + [0.3] * 4
    assert {r.instance.sha256 for r in rows} == {instance.sha256}, "judged on the true economy"
    assert all(r.raw_gap < 1e-6 for r in rows[:2]), "true data lose nothing, however carried out"

    def loss(noise, way):
        mine = [r for r in rows if r.value == noise and r.options["carried_out"] == way]
        return np.mean([r.raw_gap for r in mine])

    for way in ("levels", "techniques"):
        assert 1e-6 < loss(0.01, way) < loss(0.3, way) <= 1
    assert loss(0.3, "techniques") < loss(0.3, "levels")
    assert all(r.polished_gap is None for r in rows), "polish would plan anew from true data"


def test_techniques_carried_out_by_hand():
    """Grain by the second technique alone, in the plan's proportions of bread to grain."""
    economy = make_economy(
        inputs=[[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]],
        outputs=[[2.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        resource_use=[[1.0, 3.0, 1.0]],
        endowment=[10.0],
        assortment=[[0.0], [1.0]],
    )
    made = carry_out_techniques(economy, np.array([0.0, 7.0, 1.0, 1.0]))
    # A loaf needs half a grain (1.5 labour) and 1 labour: 4 loaves of 10 labour.
    assert made == pytest.approx([0.0, 2.0, 4.0, 4.0])
    halves = carry_out_techniques(economy, np.array([0.5, 1.0, 9.0, 1.0]))
    # Equal outputs of both techniques: .25 grain at half a labour, .25 at 3.
    assert halves == pytest.approx(np.array([0.125, 0.25, 1.0, 1.0]) * 10 / 1.875)


def test_joint_production_has_no_techniques_to_keep():
    economy = load_instance("us-bea-71").economy
    assert carry_out_techniques(economy, np.ones(economy.n_activities + 1)) is None


@pytest.mark.parametrize("noise", [0.0, -1.0, 5.0])
def test_senseless_noise_is_refused(instance, noise):
    with pytest.raises(InputError, match="--noise"):
        list(bad_data(
            instance, "highs-ds", noises=(noise,),
            conditions=Conditions(1.0, 2 << 30, polish=False),
        ))  # fmt: skip


def test_general_programs_are_no_economies(instance):
    program = Instance(name="lp", general=instance.lp)
    with pytest.raises(InputError, match="no economy"):
        next(replan(program, []))
    with pytest.raises(InputError, match="no economy"):
        next(bad_data(program, "highs-ds", conditions=Conditions(1.0, 2 << 30)))
