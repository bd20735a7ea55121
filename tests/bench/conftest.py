"""Tiny economies by name, and fake solvers to run suites with."""

from pathlib import Path

import numpy as np
import pytest

from planbench.bench.suite import make_suite
from planbench.catalogue.instance import Instance
from planbench.errors import InputError
from planbench.model import make_economy, make_linear_program


@pytest.fixture(autouse=True)
def adapter(monkeypatch):
    """Make the misbehaving solvers known, here and in workers."""
    path = Path(__file__).parents[1] / "measure" / "misbehaving_adapter.py"
    monkeypatch.setenv("PLANBENCH_ADAPTERS", str(path))


def tiny(name):
    """Economy called ``tiny-N``, with N units of its resource; ``lp`` is a general program."""
    if name == "lp":
        program = make_linear_program(
            matrix=[[1.0, 2.0]], cost=[1.0, 1.0], row_lower=[-np.inf], row_upper=[4.0],
            maximise=True,
        )  # fmt: skip
        return Instance(name, general=program)
    kind, _, amount = name.partition("-")
    if kind != "tiny" or amount == "huge":
        raise InputError(f"no instance {name}")
    economy = make_economy(
        inputs=[[0.0, 0.2], [0.1, 0.0]],
        outputs=np.eye(2),
        resource_use=[[1.0, 2.0]],
        endowment=[float(amount)],
        assortment=[1.0, 1.0],
        name=name,
    )
    return Instance(name, economy=economy, recipe={"amount": amount})


@pytest.fixture
def load():
    return tiny


@pytest.fixture
def suite_of():
    """Make a suite from the given fields, with small limits."""

    def make(**fields):
        defaults = {
            "name": "mine",
            "budget_s": 100.0,
            "time_limit_s": 20.0,
            "memory_limit": "1 GiB",
            "repeats": 1,
            "polish": False,
            "rerun_disturbed": False,
        }
        return make_suite({**defaults, **fields}, "suite")

    return make
