"""Tables over years and regions, as instances: ``years:us-bea-71,years=5,regions=4``."""

from __future__ import annotations

from planbench.catalogue.instance import Instance
from planbench.errors import InputError
from planbench.generators.expand_recipe import EXPAND_VERSION, ExpandRecipe, parse_expand
from planbench.generators.expand_table import expand_table, keeps_optimum
from planbench.words import nouns


def load_expanded(spec: str) -> Instance:
    """Instance of a ``years:`` or ``regions:`` recipe.

    Its optimum is known where it must be the table's (see :func:`keeps_optimum`) and that is.

    Raises
    ------
    InputError
        When the recipe or its table cannot be used.
    """
    from planbench.catalogue.resolve import load_instance

    recipe = parse_expand(spec)
    source = load_instance(recipe.table)
    table = source.economy
    if table is None:
        raise InputError("is a linear program; only an economy has goods", where=recipe.table)
    name = recipe.canonical()
    facts: dict[str, object] = {
        "expanded": name,
        "version": EXPAND_VERSION,
        "table_sha256": table.sha256,
    }
    return Instance(
        name=name,
        economy=expand_table(recipe, table, facts),
        recipe=facts,
        optimum=source.optimum if keeps_optimum(recipe) else None,
        source=f"{recipe.table} {_words(recipe)}",
    )


def _words(recipe: ExpandRecipe) -> str:
    parts = []
    if recipe.years is not None:
        parts.append(f"over {nouns(recipe.years, 'year')}")
    if recipe.regions is not None:
        parts.append(f"in {nouns(recipe.regions, 'region')}")
    return " ".join(parts)
