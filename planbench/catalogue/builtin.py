"""The instances that ship with planbench, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from planbench.catalogue.golden import golden_cases
from planbench.catalogue.instance import Instance
from planbench.catalogue.leontief import random_leontief, solve_leontief, three_goods
from planbench.errors import InputError
from planbench.model.economy import Economy
from planbench.tables.folder import (
    economy_of_table,
    read_table,
    table_names,
    tables_folder,
)


def _instance(economy: Economy, description: str, optimum: float, source: str) -> Instance:
    return Instance(
        name=economy.name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=optimum,
        source=source,
        description=description,
    )


def _golden(name: str) -> Instance:
    case = golden_cases()[name]
    return _instance(case.economy, case.description, case.optimum, case.source)


def _leontief(economy: Economy, description: str) -> Instance:
    source = "closed form of W. Leontief, The Structure of American Economy (1941)"
    optimum = float(economy.weights @ solve_leontief(economy).z)
    return _instance(economy, description, optimum, source)


def table_instance(folder: Path) -> Instance:
    """Instance of the supply and use table in a folder.

    Its observed plan is optimal by duality (see :mod:`planbench.tables.folder`), so its value is
    the optimum.

    Raises
    ------
    InputError
        When the folder holds no such table.
    """
    table = read_table(folder)
    economy, plan = economy_of_table(table)
    description = f"{table.title}: observed use and make table, labour and capital"
    return _instance(economy, description, float(economy.weights @ plan.z), table.table.source)


@cache
def _makers() -> dict[str, Callable[[], Instance]]:
    makers: dict[str, Callable[[], Instance]] = {
        "leontief-3": lambda: _leontief(three_goods(), "three goods, one technique, one resource"),
        "leontief-1000": lambda: _leontief(
            random_leontief(1000, seed=1), "a thousand goods with random suppliers, one technique"
        ),
    }
    for name in golden_cases():
        makers[name] = lambda name=name: _golden(name)  # type: ignore[misc]
    for name in table_names():
        makers[name] = lambda name=name: table_instance(tables_folder() / name)  # type: ignore[misc]
    return makers


@cache
def _made(name: str) -> Instance:
    return replace(_makers()[name](), name=name)


def builtin_names() -> tuple[str, ...]:
    """Names of all built-in instances, sorted."""
    return tuple(sorted(_makers()))


def list_builtin() -> tuple[Instance, ...]:
    """All built-in instances, sorted by name."""
    return tuple(_made(name) for name in builtin_names())


def load_builtin(name: str) -> Instance:
    """Built-in instance `name`.

    Raises
    ------
    InputError
        When no built-in instance has that name.
    """
    if name not in _makers():
        raise InputError(f"no built-in instance {name!r}; choose from {', '.join(builtin_names())}")
    # A copy: what is computed at first use is not kept for ever.
    return replace(_made(name))
