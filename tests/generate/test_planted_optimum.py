"""Planted optima: the value a recipe claims is the optimum, at any size."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog
from support.full import full_only

from planbench.catalogue.resolve import load_instance
from planbench.generators import GeneratorRecipe, generate, parse_inline, plant
from planbench.generators.planted import Planted, planted_holds
from planbench.io.csv_folder import save_economy as save_folder
from planbench.io.npz import save_npz
from planbench.model import to_linear_program
from planbench.model.economy import Economy

RECIPES = [
    "structure=powerlaw",
    "techniques=1,resources=1,structure=sectors,final_share=.1",
    "techniques=3,resources=8,resources_per_activity=3,byproducts=1,capacities=1,structure=layered",
    "byproducts=.4,capacities=.3,final_share=.3,targets=3,unit_spread=2",
    "inputs=density:0.3,techniques=3,column_sum=.8,capacities=.5,targets=2",
    "closed=true,targets=2,byproducts=0.2",
    "closed=true,structure=layered,techniques=3,resources=3",
]


def solved_value(planted: Planted) -> float:
    economy = planted.economy
    program = to_linear_program(economy)
    rows = sp.csr_array(program.matrix)
    n = economy.n_goods
    result = linprog(
        program.minimisation_cost,
        A_ub=sp.vstack([-rows[:n], rows[n:]]),
        b_ub=np.concatenate([-economy.fixed_demand, economy.endowment]),
        bounds=np.column_stack([program.col_lower, program.col_upper]),
        method="highs-ds",
        # Prices are about 1/n: the solver's own 1e-7 would leave 1e-8 of the value open.
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert result.status == 0, result.message
    return -float(result.fun)


def check_values(seeds: range) -> None:
    for seed in seeds:
        for text in RECIPES:
            recipe = parse_inline(f"goods={50 + seed * 37 % 250},{text},planted=true,seed={seed}")
            planted = plant(recipe)
            value = solved_value(planted)
            assert value == pytest.approx(planted.optimum, rel=1e-9), recipe.canonical()


def test_solver_finds_the_planted_value() -> None:
    check_values(range(4))


@full_only
def test_solver_finds_the_planted_value_over_many_seeds() -> None:
    check_values(range(4, 30))


def optimality(planted: Planted) -> dict[str, float]:
    """Largest violations of the optimality conditions, each scaled by its own terms."""
    economy, plan = planted.economy, planted.plan
    assert plan.p is not None
    assert plan.w is not None
    assert plan.v is not None
    a, b, d = economy.inputs, economy.outputs, economy.assortment
    made, used, asked = b @ plan.x, a @ plan.x, d @ plan.z
    goods = (made - used - asked - economy.fixed_demand) / (
        made + used + asked + abs(economy.fixed_demand) + 1e-300
    )
    use = economy.resource_use @ plan.x
    resources = (economy.endowment - use) / np.maximum(economy.endowment, 1e-300)
    rent = economy.resource_use.T @ plan.w
    returns, costs = b.T @ plan.p, a.T @ plan.p
    activities = (rent + costs + plan.v - returns) / (rent + costs + plan.v + returns)
    targets = (d.T @ plan.p - economy.weights) / economy.weights
    limited = np.isfinite(economy.capacity)
    dual = math.fsum(plan.w * economy.endowment) - math.fsum(plan.p * economy.fixed_demand)
    dual += math.fsum(plan.v[limited] * economy.capacity[limited])
    primal = math.fsum(economy.weights * plan.z)
    assert (plan.v[~limited] == 0).all()
    assert min(plan.p.min(), plan.w.min(), plan.v.min(), plan.x.min(), plan.z.min()) >= 0
    assert primal == planted.optimum
    return {
        "goods": float(-goods.min()),
        "resources": float(-resources.min()),
        "capacities": float((plan.x - economy.capacity).max()),
        "activities": float(-activities.min()),
        "targets": float(-targets.min()),
        "objectives": abs(primal - dual) / abs(primal),
    }


@pytest.mark.parametrize("text", RECIPES)
def test_optimality_conditions_hold_to_rounding(text: str) -> None:
    errors = optimality(plant(parse_inline(f"goods=300,{text},planted=true,seed=9")))
    assert max(errors.values()) < 1e-12, errors


def test_optimum_is_known_at_a_hundred_thousand_goods() -> None:
    text = "byproducts=.2,capacities=.2,final_share=.5,targets=3,unit_spread=2,structure=powerlaw"
    errors = optimality(plant(parse_inline(f"goods=1e5,inputs=6,{text},planted=true")))
    assert max(errors.values()) < 1e-12, errors


def test_every_feature_takes_part() -> None:
    """Idle and running techniques, binding and loose limits, free goods, either sign of f."""
    text = "goods=300,byproducts=.4,capacities=.4,final_share=.4,resources=8,techniques=3,targets=3"
    planted = plant(parse_inline(f"{text},planted=true"))
    economy, plan = planted.economy, planted.plan
    assert plan.p is not None
    assert plan.w is not None
    assert plan.v is not None
    shares: dict[str, Any] = {
        "running": plan.x > 0,
        "binding capacities": plan.v > 0,
        "free goods": plan.p == 0,
        "free resources": plan.w == 0,
        "positive fixed demand": economy.fixed_demand > 0,
        "stocks": economy.fixed_demand < 0,
        "loose capacities": np.isfinite(economy.capacity) & (plan.x < economy.capacity),
    }
    for name, mask in shares.items():
        assert 0 < mask.sum() < mask.size, name
    running = plan.x.reshape(300, 3).astype(bool).sum(axis=1)
    assert set(np.unique(running)) >= {1, 2, 3}


def test_disturbed_plan_is_not_optimal() -> None:
    """The check of the conditions itself can fail."""
    planted = plant(parse_inline("goods=60,planted=true"))
    assert planted.plan.p is not None
    planted.plan.p[:] *= 1 + 1e-6 * np.sin(np.arange(60))
    assert max(optimality(planted).values()) > 1e-9


def economy_and_optimum(recipe: GeneratorRecipe) -> tuple[Economy, float]:
    planted = plant(recipe)
    return planted.economy, planted.optimum


def test_recipe_leads_to_the_planted_optimum() -> None:
    recipe = parse_inline("goods=60,planted=true,seed=2")
    economy, optimum = economy_and_optimum(recipe)
    assert economy.recipe["planted_optimum"] == optimum
    assert generate(recipe).sha256 == economy.sha256
    asked_for = economy_and_optimum(recipe.model_copy(update={"planted": False}))
    assert asked_for[0].name == economy.name
    assert "planted_optimum" not in generate(parse_inline("goods=60")).recipe


def test_closed_economy_has_no_fixed_demand() -> None:
    """Planners that take neither stocks nor fixed demand would refuse it for a single bit."""
    for seed in range(5):
        planted = plant(
            parse_inline(f"goods=500,structure=powerlaw,closed=true,planted=true,seed={seed}")
        )
        assert (planted.economy.fixed_demand == 0).all()
        assert (planted.plan.x > 0).any()


@pytest.mark.parametrize("text", RECIPES)
def test_planted_optimum_is_confirmed_from_what_the_economy_carries(text: str) -> None:
    economy, optimum = economy_and_optimum(parse_inline(f"goods=60,planted=true,seed=1,{text}"))
    assert planted_holds(economy, optimum)
    assert not planted_holds(economy, optimum * (1 + 1e-6))
    assert not planted_holds(replace(economy, interior=None), optimum)


@pytest.mark.parametrize("text", RECIPES)
@pytest.mark.parametrize(
    "field", ["inputs", "outputs", "resource_use", "endowment", "assortment", "weights"]
)
@pytest.mark.parametrize("factor", [1.0 - 1e-6, 1.0 + 1e-6])
def test_a_changed_economy_loses_its_planted_optimum(text: str, field: str, factor: float) -> None:
    """Less or more of anything that binds gives another optimum, however little."""
    economy, optimum = economy_and_optimum(parse_inline(f"goods=60,planted=true,seed=1,{text}"))
    assert not planted_holds(replace(economy, **{field: factor * getattr(economy, field)}), optimum)


def test_a_plan_beyond_a_capacity_that_earned_nothing_is_refused() -> None:
    """Such a capacity is in no price: only the plan tells that it is too small now."""
    text = "goods=60,planted=true,seed=1,capacities=1,techniques=3"
    economy, optimum = economy_and_optimum(parse_inline(text))
    assert economy.interior is not None
    assert economy.interior.activities is not None
    x = economy.interior.activities / 0.9
    slack = (x > 0) & (x < 0.999 * economy.capacity)
    assert slack.any()
    assert planted_holds(economy, optimum)
    less = np.where(slack, 0.5 * x, economy.capacity)
    assert not planted_holds(replace(economy, capacity=less), optimum)


def test_a_target_emptied_since_has_no_planted_optimum() -> None:
    economy, optimum = economy_and_optimum(parse_inline("goods=60,planted=true,seed=1"))
    assert not planted_holds(replace(economy, assortment=0.0 * economy.assortment), optimum)
    nothing = sp.csc_array(economy.assortment.shape)
    assert not planted_holds(replace(economy, assortment=nothing), optimum)


def test_info_of_a_changed_file_says_so(tmp_path: Path) -> None:
    """The file's own hash is in order: it was saved again, with the old recipe."""
    economy, optimum = economy_and_optimum(parse_inline("goods=60,planted=true,seed=1"))
    save_npz(economy, tmp_path / "same.npz")
    assert load_instance(str(tmp_path / "same.npz")).optimum == optimum
    save_npz(replace(economy, endowment=0.5 * economy.endowment), tmp_path / "less.npz")
    changed = load_instance(str(tmp_path / "less.npz"))
    assert changed.optimum is None
    assert "planted_optimum" not in changed.recipe
    assert "was changed since it was generated" in changed.recipe["remarks"][0]


def test_a_csv_folder_keeps_no_prices_and_claims_no_optimum(tmp_path: Path) -> None:
    """What cannot be checked is not shown, and the reason is no change of the economy."""
    economy, _ = economy_and_optimum(parse_inline("goods=30,planted=true,seed=1"))
    save_folder(economy, tmp_path / "folder")
    loaded = load_instance(str(tmp_path / "folder"))
    assert loaded.sha256 == economy.sha256
    assert loaded.optimum is None
    assert "carries no prices" in loaded.recipe["remarks"][0]
