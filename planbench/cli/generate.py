"""``planbench generate`` and ``disaggregate``: economies from recipes.

The options of both are the fields of the recipes in :mod:`planbench.generators.recipe`, so that
they cannot differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from planbench.catalogue.resolve import load_instance, load_table_economy, split_table
from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.generators.disaggregate import aggregation_error
from planbench.generators.recipe import (
    GeneratorRecipe,
    SplitRecipe,
    parse_inline,
    read_split,
    read_toml_recipe,
)

EXAMPLES = {
    "generate": (
        "planbench generate --goods 1000 --structure powerlaw --seed 1 -o e.npz",
        "planbench generate gen:goods=1e5,inputs=2*log -o large.npz",
        "planbench generate recipe.toml --seed 2 -o model.mps.gz",
        "planbench generate --goods 500 --planted -o folder/",
        "planbench generate --goods 1000 --years 5 --depreciation 0.08 -o plan.npz",
        "planbench generate --goods 1000 --regions 4 --cross-share 0.05 -o parts.npz",
    ),
    "disaggregate": (
        "planbench disaggregate us-bea-71 --goods 100000 --seed 1 -o us.npz",
        "planbench disaggregate us-bea-15 --goods 2000 --techniques 2 -o folder/",
        "planbench solve split:us-bea-71,goods=1000,seed=1 --solver highs-ds",
    ),
}


_BASE = typer.Argument(
    metavar="RECIPE",
    help="gen:goods=1000,… or a .toml file; options change it.",
    show_default=False,
)


def _generate_parameters() -> list[inspect.Parameter]:
    """Parameters of the command: an option for every field of the recipe."""
    return [
        options.parameter("base", Annotated[str | None, _BASE], None),
        *(options.recipe_option(n, field) for n, field in GeneratorRecipe.model_fields.items()),
        options.parameter("output", options.InstanceFileOption, ...),
        options.parameter("json", options.JsonOption, False),
    ]


def generate(**given: Any) -> None:
    """Generate an economy from a recipe and write it to a file.

    The same recipe gives the same economy, bit for bit: its SHA-256 is shown.
    """
    path, as_json = given.pop("output"), given.pop("json")
    recipe = read_recipe(given.pop("base"), given)
    instance = load_instance(f"gen:{recipe.canonical()}")
    options.write_instance(instance, path)
    views.show_written(instance, path, json=as_json, more={"recipe": recipe.to_dict()})


def read_recipe(base: str | None, changes: Mapping[str, Any]) -> GeneratorRecipe:
    """Recipe of a command line: a base, if any, with the options put over it.

    Parameters
    ----------
    base : str or None
        Inline recipe, with or without ``gen:``, or the path of a TOML file.
    changes : mapping
        Values by field; None and False are not given.

    Raises
    ------
    InputError
        Naming the field and the fix.
    """
    given = {
        name: "true" if value is True else str(value)
        for name, value in changes.items()
        if value not in (None, False)
    }
    if base is None and not given:
        raise InputError("no recipe; give e.g. --goods 1000 --seed 1, or gen:goods=1000,seed=1")
    for name, value in given.items():
        if "," in value or not value.strip():
            raise InputError(f"is {value!r}; give one value", where=f"--{name.replace('_', '-')}")
    parts: list[str] = []
    if base is not None:
        text = base.removeprefix("gen:")
        if base.endswith(".toml") and text == base:
            text = read_toml_recipe(base).canonical()
        # A field that an option sets is dropped here; what is malformed is left to fail.
        parts = [part for part in text.split(",") if part.partition("=")[0].strip() not in given]
    parts += [f"{name}={value}" for name, value in given.items()]
    return parse_inline(",".join(parts))


options.set_parameters(generate, _generate_parameters())


#: Largest relative difference between the table and what its goods add up to.
EXACT = 1e-9


_TABLE = typer.Argument(
    metavar="TABLE",
    help="A table: built in, table:NAME, or a file written by planbench import.",
    show_default=False,
)


def _disaggregate_parameters() -> list[inspect.Parameter]:
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


options.set_parameters(disaggregate, _disaggregate_parameters())
