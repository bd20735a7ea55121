"""``planbench generate`` and ``disaggregate``: economies from recipes.

The options of both are the fields of the recipes in :mod:`planbench.generators.recipe`, so that
they cannot differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from planbench.catalogue.resolve import load_instance, load_table_economy, split_table
from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.generators.disaggregate import aggregation_error
from planbench.generators.recipe import (
    GeneratorRecipe,
    SplitRecipe,
    make_recipe,
    read_split,
    read_values,
    split_parts,
)
from planbench.io.text import read_toml

_BASE = typer.Argument(
    metavar="RECIPE", help="gen:goods=1000,… or a .toml file; options change it."
)


def _parameters(
    first: inspect.Parameter, recipe: type[GeneratorRecipe | SplitRecipe]
) -> list[inspect.Parameter]:
    """Parameters of a command: an argument, and an option for every other field of its recipe."""
    return [
        first,
        *(
            options.recipe_option(name, field)
            for name, field in recipe.model_fields.items()
            if name != first.name
        ),
        options.parameter("output", options.InstanceFileOption, ...),
        options.parameter("json", options.JsonOption, False),
    ]


def generate(**given: Any) -> None:
    """Generate an economy from a recipe and write it to a file.

    The same recipe gives the same economy, bit for bit: its SHA-256 is shown.

    Examples
    --------
    planbench generate --goods 1000 --structure powerlaw --seed 1 -o e.npz
    planbench generate gen:goods=1e5,inputs=2*log -o large.npz
    planbench generate recipe.toml --seed 2 -o model.mps.gz
    planbench generate --goods 500 --planted -o folder/
    planbench generate --goods 1000 --years 5 --depreciation 0.08 -o plan.npz
    planbench generate --goods 1000 --regions 4 --cross-share 0.05 -o parts.npz
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
    given = read_values(
        [
            (name, "true" if value is True else str(value).strip())
            for name, value in changes.items()
            if value not in (None, False)
        ]
    )
    if base is None and not given:
        raise InputError("no recipe; give e.g. --goods 1000 --seed 1, or gen:goods=1000,seed=1")
    if base is None:
        return make_recipe(given)
    if base.endswith(".toml"):
        return make_recipe(read_toml(Path(base), "a recipe") | given, where=base)
    return make_recipe(read_values(split_parts(base.removeprefix("gen:"))) | given)


options.set_parameters(
    generate,
    _parameters(options.parameter("base", Annotated[str | None, _BASE], None), GeneratorRecipe),
)


#: Largest relative difference between the table and what its goods add up to.
EXACT = 1e-9


_TABLE = typer.Argument(
    metavar="TABLE", help="A table: built in, table:NAME, or a file written by planbench import."
)


def disaggregate(**given: Any) -> None:
    """Split the industries of a table into goods.

    Added up again at the observed plan, the goods' flows are the table's, cell by cell; the
    largest relative difference is shown, and one above 1e-9 is a finding (exit code 1).

    Examples
    --------
    planbench disaggregate us-bea-71 --goods 100000 --seed 1 -o us.npz
    planbench disaggregate us-bea-15 --goods 2000 --techniques 2 -o folder/
    planbench solve split:us-bea-71,goods=1000,seed=1 --solver highs-ds
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


options.set_parameters(
    disaggregate, _parameters(options.parameter("table", Annotated[str, _TABLE], ...), SplitRecipe)
)
