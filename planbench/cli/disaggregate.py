"""``planbench disaggregate``: the industries of a table split into goods."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from planbench.catalogue.resolve import load_table_economy, split_table
from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.generators.disaggregate import aggregation_error
from planbench.generators.recipe import SplitRecipe, read_split

EXAMPLES = (
    "planbench disaggregate us-bea-71 --goods 100000 --seed 1 -o us.npz",
    "planbench disaggregate us-bea-15 --goods 2000 --techniques 2 -o folder/",
    "planbench solve split:us-bea-71,goods=1000,seed=1 --solver highs-ds",
)
#: Largest relative difference between the table and what its goods add up to.
EXACT = 1e-9


_TABLE = typer.Argument(
    metavar="TABLE",
    help="A table: built in, table:NAME, or a file written by planbench import.",
    show_default=False,
)


def _parameters() -> list[inspect.Parameter]:
    """Parameters of the command: an option for every field of the recipe but the table."""
    fields = {name: f for name, f in SplitRecipe.model_fields.items() if name != "table"}
    return [
        options.parameter("table", Annotated[str, _TABLE], ...),
        *(options.recipe_option(name, field) for name, field in fields.items()),
        options.parameter("output", options.InstanceFileOption, ...),
        options.parameter("json", options.JsonOption, False),
    ]


def disaggregate(**given: Any) -> None:
    """Split the industries of a table into goods.

    Added up again at the observed plan, the goods' flows are the table's, cell by cell; the
    largest relative difference is shown, and one above 1e-9 is a finding (exit code 1).
    """
    output, json = given.pop("output"), given.pop("json")
    recipe = read_split({name: text for name, text in given.items() if text is not None})
    whole = load_table_economy(recipe)
    try:
        instance = split_table(recipe, whole)
    except MemoryError:
        raise InputError("does not fit into memory; give fewer goods", where="--goods") from None
    economy = instance.economy
    assert economy is not None
    error = aggregation_error(whole, economy)
    options.write_instance(instance, output)
    mean = economy.inputs.nnz / economy.n_activities
    views.show_written(
        instance,
        output,
        json=json,
        more={"inputs_mean": mean, "aggregation_error": error},
        rows=[
            ("inputs per activity", f"{mean:.1f}"),
            ("added up again", f"the table to {error:.1e}, cell by cell"),
        ],
    )
    if not error <= EXACT:
        console.finding(f"goods add up to the table to {error:.1e} only, not to {EXACT:g}")
        raise typer.Exit(1)


options.set_parameters(disaggregate, _parameters())
