"""``planbench instances``: what ships with the package, with its optimum and source."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

import planbench.formatting as fmt
from planbench.catalogue.builtin import list_builtin
from planbench.catalogue.instance import Instance
from planbench.cli import console
from planbench.cli.options import JsonOption
from planbench.formatting import plural

EXAMPLES = ("planbench instances", "planbench instances --json", "planbench info us-bea-71")


def instances(json: JsonOption = False) -> None:
    """List the built-in instances.

    Every command that takes an INSTANCE also takes a file (.npz .mps .mps.gz .lp .toml), a
    folder of CSV files, or a recipe such as gen:goods=1000,inputs=10,seed=1 or
    years:us-bea-71,years=5.
    """
    rows = [_facts(instance) for instance in list_builtin()]
    if json:
        console.print_json({"instances": rows})
        return
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    for number, row in enumerate(rows):
        if number:
            grid.add_row()
        sizes = f"{plural(row['goods'], 'good')}, {plural(row['activities'], 'activity')}"
        if row["optimum"] is not None:
            sizes += f", optimum {fmt.objective(row['optimum'], 10)}"
        about = Group(Text(row["description"]), Text(sizes), Text(row["source"], style="dim"))
        grid.add_row(row["name"], about)
    console.out().print(grid)


def _facts(instance: Instance) -> dict[str, Any]:
    economy = instance.economy
    assert economy is not None
    return {
        "name": instance.name,
        "goods": economy.n_goods,
        "activities": economy.n_activities,
        "description": instance.description,
        "optimum": instance.optimum,
        "source": instance.source,
    }
