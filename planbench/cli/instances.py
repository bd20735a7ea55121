"""``planbench instances``: what ships with the package, with its optimum and source."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from planbench import formatting as fmt
from planbench.catalogue.builtin import list_builtin
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
    infos = list_builtin()
    if json:
        console.print_json({"instances": infos})
        return
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    for number, info in enumerate(infos):
        if number:
            grid.add_row()
        sizes = f"{plural(info.goods, 'good')}, {plural(info.activities, 'activity')}"
        if info.optimum is not None:
            sizes += f", optimum {fmt.objective(info.optimum, 10)}"
        grid.add_row(
            info.name, Group(Text(info.description), Text(sizes), Text(info.source, style="dim"))
        )
    console.out().print(grid)
