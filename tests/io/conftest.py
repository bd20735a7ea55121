"""Small economies and programs that use every field of the formats."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program


@pytest.fixture(scope="session")
def economy() -> Economy:
    """Two goods, three activities, two resources, two targets; labels, interior, recipe."""
    return make_economy(
        inputs=[[0.1, 0.0, 0.3], [0.2, 1 / 3, 0.0]],
        outputs=[[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]],
        resource_use=[[0.3, 0.7, 0.1], [0.0, 1e-7, 1e9]],
        endowment=[100.0, 2.5e10],
        capacity=[np.inf, 40.1, 0.0],
        assortment=[[1.0, 0.0], [0.1, 2.0]],
        fixed_demand=[-5.0, 0.1 + 0.2],
        weights=[1.0, 0.25],
        goods=["iron, cast", 'the "best" corn'],
        activities=["smelt", "grow; old way", "grow new"],
        resources=["labour", "land"],
        targets=["home", "away"],
        units=["t", ""],
        name="two goods",
        recipe={"made": "by hand", "numbers": [1, 2.5, None]},
        interior=Interior(np.array([1.0, 2.0]), np.array([0.5, 0.25]), np.array([1.0, 2.0, 0.0])),
    )


@pytest.fixture(scope="session")
def program() -> LinearProgram:
    """Every type of row and bound, an offset, maximisation, an empty column and a free row."""
    inf = np.inf
    return make_linear_program(
        matrix=[
            [1.0, 0.1, 0.0, 0.0, 0.0, 3.0, 0.0],
            [0.0, -2.5, 1e-9, 0.0, 0.0, 0.0, 1.0],
            [1 / 3, 0.0, 0.0, 1e15, 0.0, 0.0, 0.0],
            [0.0, 7.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0],
        ],
        cost=[1.0, 0.0, -0.1, 2.0, 0.0, 0.0, 1e-300],
        row_lower=[-inf, 0.3, 1.5, -1.0, -inf],
        row_upper=[4.0, inf, 1.5, 2.0, inf],
        col_lower=[0.0, -inf, -inf, -3.5, 0.0, 2.0, 0.0],
        col_upper=[inf, inf, -1.0, 0.7, inf, 2.0, 9.0],
        maximise=True,
        offset=12.125,
        row_names=["cap", "floor", "equal", "range", "free"],
        col_names=["a", "b", "c", "d", "nothing", "f", "g"],
        name="every kind",
    )
