"""Tables split into goods, as instances: ``split:us-bea-71,goods=1000000,seed=1``."""

from __future__ import annotations

from dataclasses import replace

from planbench.catalogue.instance import Instance
from planbench.errors import InputError
from planbench.generators.disaggregate import disaggregate
from planbench.generators.observed import proven_optimum
from planbench.generators.profile import find_profile
from planbench.generators.split_recipe import SPLIT_VERSION, SplitRecipe, parse_split
from planbench.model.economy import Economy


def load_split(spec: str) -> Instance:
    """Instance of a ``split:`` recipe.

    Raises
    ------
    InputError
        When the recipe, its table or its profile cannot be used.
    """
    recipe = parse_split(spec)
    return split_table(recipe, load_table_economy(recipe))


def load_table_economy(recipe: SplitRecipe) -> Economy:
    """Load the economy of the table that `recipe` splits.

    Raises
    ------
    InputError
        When there is none, or it is a general linear program.
    """
    from planbench.catalogue.resolve import load_instance

    if recipe.table.startswith(("gen:", "split:", "years:", "regions:")):
        raise InputError("is no table; give a table such as us-bea-71", where=recipe.table)
    found = load_instance(recipe.table).economy
    if found is None:
        raise InputError("is a linear program; only a table can be split", where=recipe.table)
    return found


def split_table(recipe: SplitRecipe, table: Economy) -> Instance:
    """Split `table` as `recipe` says.

    The optimum is known where the table's activities break even at its prices: the observed
    plan is optimal then, every target fulfilled once. That is checked in the goods.

    Raises
    ------
    InputError
        When it carries no observed plan, or has more industries than goods are asked for.
    """
    profile = find_profile(recipe.profile_name)
    name = f"split:{recipe.canonical()}"
    facts: dict[str, object] = {
        "split": recipe.canonical(),
        "version": SPLIT_VERSION,
        "table_sha256": table.sha256,
        "profile": recipe.profile_name,
        "profile_digest": profile.digest,
    }
    economy = disaggregate(
        table,
        recipe.goods,
        profile=profile,
        seed=recipe.seed,
        techniques=recipe.techniques,
        inputs=recipe.inputs,
        name=name,
        recipe=facts,
    )
    optimum = proven_optimum(economy)
    if optimum is not None:
        facts["known_optimum"] = optimum
        economy = replace(economy, recipe={**economy.recipe, "known_optimum": optimum})
    return Instance(
        name=name,
        economy=economy,
        # Which goods belong together stands in the economy; a record needs no such lists.
        recipe=facts,
        optimum=optimum,
        source=f"{recipe.table} split into goods",
    )
