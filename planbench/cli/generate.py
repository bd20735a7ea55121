"""``planbench generate``: an economy from a recipe, whose options are the recipe's own fields.

The command's options are made from :class:`planbench.generators.recipe.GeneratorRecipe`, so that
they cannot differ from what recipes hold.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from planbench.catalogue.resolve import load_instance
from planbench.cli import options, views
from planbench.errors import InputError
from planbench.generators.recipe import GeneratorRecipe, parse_inline, read_toml_recipe

EXAMPLES = (
    "planbench generate --goods 1000 --structure powerlaw --seed 1 -o e.npz",
    "planbench generate gen:goods=1e5,inputs=2*log -o large.npz",
    "planbench generate recipe.toml --seed 2 -o model.mps.gz",
    "planbench generate --goods 500 --planted -o folder/",
    "planbench generate --goods 1000 --years 5 --depreciation 0.08 -o plan.npz",
    "planbench generate --goods 1000 --regions 4 --cross-share 0.05 -o parts.npz",
)


_BASE = typer.Argument(
    metavar="RECIPE",
    help="gen:goods=1000,… or a .toml file; options change it.",
    show_default=False,
)


def _parameters() -> list[inspect.Parameter]:
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


options.set_parameters(generate, _parameters())
