"""``planbench instances``: what ships with the package, with its optimum and source."""

from __future__ import annotations

from dataclasses import asdict

from planbench.cli import console
from planbench.cli.options import JsonOption

EXAMPLES = ("planbench instances", "planbench instances --json", "planbench info us-bea-71")


def instances(json: JsonOption = False) -> None:
    """List the built-in instances.

    Every command that takes an INSTANCE also takes a file (.npz .mps .mps.gz .lp .toml), a
    folder of CSV files, or a recipe such as gen:goods=1000,inputs=10,seed=1.
    """
    from planbench.catalogue.builtin import list_builtin

    infos = list_builtin()
    if json:
        console.print_json({"instances": [asdict(info) for info in infos]})
        return
    from rich.console import Group
    from rich.text import Text

    from planbench.cli.views import listing
    from planbench.report import words

    table = listing(
        "Built-in instances",
        (("name", "left"), ("goods", "right"), ("activities", "right"), ("optimum", "right")),
        (),
    )
    table.add_column("what it is", overflow="fold")
    for info in infos:
        table.add_row(
            Text(info.name, style="bold", no_wrap=True),
            words.count(info.goods),
            words.count(info.activities),
            words.objective(info.optimum),
            Group(Text(info.description), Text(info.source, style="dim")),
        )
    table.columns[0].no_wrap = True
    console.out().print(table)
