"""The instances that ship with planbench, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

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


@dataclass(frozen=True)
class BuiltinInfo:
    """What a listing says of a built-in instance.

    Attributes
    ----------
    name : str
    goods, activities : int
    description, source : str
        One line each.
    optimum : float or None
        Optimal objective where it is known.
    """

    name: str
    goods: int
    activities: int
    description: str
    optimum: float | None
    source: str


#: An instance and its description in one line.
_Entry = tuple[Instance, str]


def _entry_of(economy: Economy, description: str, optimum: float, source: str) -> _Entry:
    instance = Instance(
        name=economy.name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=optimum,
        source=source,
    )
    return instance, description


def _golden(name: str) -> _Entry:
    case = golden_cases()[name]
    return _entry_of(case.economy, case.description, case.optimum, case.source)


def _leontief(economy: Economy, description: str) -> _Entry:
    source = "closed form of W. Leontief, The Structure of American Economy (1941)"
    optimum = float(economy.weights @ solve_leontief(economy).z)
    return _entry_of(economy, description, optimum, source)


def _table(name: str) -> _Entry:
    table = read_table(tables_folder() / name)
    economy, plan = economy_of_table(table)
    description = f"{table.title}: observed use and make table, labour and capital"
    # The observed plan is optimal by duality (see tables.folder), so its value is the optimum.
    optimum = float(economy.weights @ plan.z)
    return _entry_of(economy, description, optimum, table.table.source)


@cache
def _makers() -> dict[str, Callable[[], _Entry]]:
    makers: dict[str, Callable[[], _Entry]] = {
        "leontief-3": lambda: _leontief(three_goods(), "three goods, one technique, one resource"),
        "leontief-1000": lambda: _leontief(
            random_leontief(1000, seed=1), "a thousand goods with random suppliers, one technique"
        ),
    }
    for name in golden_cases():
        makers[name] = lambda name=name: _golden(name)  # type: ignore[misc]
    for name in table_names():
        makers[name] = lambda name=name: _table(name)  # type: ignore[misc]
    return makers


@cache
def _entry(name: str) -> _Entry:
    return _makers()[name]()


def builtin_names() -> tuple[str, ...]:
    """Names of all built-in instances, sorted."""
    return tuple(sorted(_makers()))


def list_builtin() -> tuple[BuiltinInfo, ...]:
    """Describe every built-in instance, sorted by name."""
    infos = []
    for name in builtin_names():
        instance, description = _entry(name)
        economy = instance.economy
        assert economy is not None
        infos.append(
            BuiltinInfo(
                name=name,
                goods=economy.n_goods,
                activities=economy.n_activities,
                description=description,
                optimum=instance.optimum,
                source=instance.source,
            )
        )
    return tuple(infos)


def load_builtin(name: str) -> Instance:
    """Built-in instance `name`.

    Raises
    ------
    InputError
        When no built-in instance has that name.
    """
    if name not in _makers():
        raise InputError(f"no built-in instance {name!r}; choose from {', '.join(builtin_names())}")
    return replace(_entry(name)[0], name=name)
