"""Brackets stay useful on every built-in and generated kind when an exact answer is disturbed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.answers import reference

from planbench.catalogue.builtin import list_builtin
from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify

GENERATED = (
    "gen:goods=200,seed=1",
    "gen:goods=200,structure=powerlaw,resources=20,resources_per_activity=3,seed=2",
    "gen:goods=150,structure=sectors,byproducts=0.1,capacities=0.1,seed=3",
    "gen:goods=200,structure=layered,targets=3,seed=4",
    "gen:goods=150,final_share=0.2,unit_spread=3,seed=5",
    "gen:goods=120,planted=true,byproducts=0.2,seed=6",
)


@pytest.mark.parametrize(
    "name", [*(b.name for b in list_builtin() if b.name != "leontief-1000"), *GENERATED]
)
def test_noise_of_1e_8_leaves_a_gap_below_1e_4(name):
    """A bracket that a last-digit disturbance blows up would call good solvers loose."""
    instance = load_instance(name)
    assert instance.economy is not None
    reply = reference(instance.lp)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        noisy = replace(
            reply,
            x=reply.x * (1 + 1e-8 * rng.standard_normal(reply.x.size)),
            y=reply.y * (1 + 1e-8 * rng.standard_normal(reply.y.size)),
        )
        certificate = certify(instance.lp, instance.economy, noisy, polish=False)
        assert certificate.raw_gap is not None
        assert certificate.raw_gap < 1e-4, (name, seed, certificate)
