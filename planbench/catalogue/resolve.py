"""What INSTANCE on the command line means: a built-in name, a file, or a recipe.

Recipes are generated economies (``gen:goods=1000,seed=1``), tables split into goods
(``split:us-bea-71,goods=1000000,seed=1``) and tables over years and in regions
(``years:us-bea-71,years=5,regions=4``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from planbench.catalogue.builtin import builtin_names, load_builtin
from planbench.catalogue.instance import Instance
from planbench.catalogue.table_folder import table_instance
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators import GeneratorRecipe, generate
from planbench.generators.disaggregate import LAYOUT_FIELDS, disaggregate
from planbench.generators.expansion import expand_table, keeps_optimum
from planbench.generators.interior import proven_optimum
from planbench.generators.planted import planted_holds
from planbench.generators.recipe import (
    PREFIXES,
    SPLIT_PREFIX,
    SplitRecipe,
    parse_expand,
    parse_inline,
    parse_split,
    read_toml_recipe,
)
from planbench.io.csv_folder import load_economy
from planbench.io.lp_file import read_lp_format
from planbench.io.mps import read_mps
from planbench.io.npz import load_any
from planbench.io.text import COMPRESSED, nearest
from planbench.model.checks import check_economy
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.tables import import_table
from planbench.tables.read import PREFIX as TABLE_PREFIX
from planbench.tables.read import table_files

#: Ends of the file names that can be read; .mps and .lp also with those of COMPRESSED.
SUFFIXES = (".npz", ".mps", ".mps.gz", ".lp", ".toml")
_MPS, _LP = (tuple(f"{end}{packed}" for packed in ("", *COMPRESSED)) for end in (".mps", ".lp"))
_PREFIX = "gen:"


def load_instance(spec: str, relax: bool = False) -> Instance:
    """Load the instance that `spec` names.

    Parameters
    ----------
    spec : str
        A built-in name (``us-bea-71``), an inline recipe (``gen:goods=1000,inputs=10,seed=1``),
        a table split into goods (``split:us-bea-71,goods=1000,seed=1``),
        a table over years or in regions (``years:us-bea-71,years=5``,
        ``regions:us-bea-71,regions=4``),
        a table at hand (``table:wiod-1995-1435``, see :mod:`planbench.tables.read`),
        or a path: ``.npz``, ``.mps``, ``.lp`` (both also compressed, as ``.mps.gz``), a
        ``.toml`` recipe, a folder of CSV files (an economy) or a folder with ``table.toml``
        (a supply and use table).
    relax : bool
        Read integer variables of MPS and LP files as continuous instead of refusing them.

    Returns
    -------
    Instance
        Economies that a person brings are checked (:func:`planbench.model.checks
        .check_economy`); generated and built-in ones are productive by construction.

    Raises
    ------
    InputError
        When nothing has that name (with the nearest name), or what it names cannot be used.
    """
    text = spec.strip()
    if text.startswith(_PREFIX):
        return _generated(text, parse_inline(text.removeprefix(_PREFIX)), "generated")
    if text.startswith(SPLIT_PREFIX):
        recipe = parse_split(text)
        return split_table(recipe, load_table_economy(recipe))
    if text.startswith(PREFIXES):
        return _load_expanded(text)
    if text.startswith(TABLE_PREFIX):
        return _load_table(text)
    if text in builtin_names():
        return load_builtin(text)
    if not text:
        raise InputError(_unknown(text))
    path = Path(text)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except (OSError, ValueError):
        is_folder = is_there = False
    if is_folder:
        return _from_folder(text, path)
    if is_there or path.name.lower().endswith((*SUFFIXES, *_MPS, *_LP)):
        return _from_file(text, path, relax)
    raise InputError(_unknown(text))


def instance_of(problem: Economy | LinearProgram) -> Instance:
    """Wrap an economy or a linear program that a person made in Python, under its own name.

    Raises
    ------
    InputError
        When an economy cannot be planned (:func:`planbench.model.checks.check_economy`), unless
        its recipe says that planbench made it.
    """
    if isinstance(problem, Economy):
        return _brought(problem.name, problem, "economy")
    return Instance(name=problem.name, general=problem, source=f"linear program {problem.name}")


def load_table_economy(recipe: SplitRecipe) -> Economy:
    """Load the economy of the table that `recipe` splits.

    Raises
    ------
    InputError
        When there is none, or it is a general linear program.
    """
    if recipe.table.startswith((_PREFIX, SPLIT_PREFIX, *PREFIXES)):
        raise InputError("is no table; give a table such as us-bea-71", where=recipe.table)
    found = load_instance(recipe.table).economy
    if found is None:
        raise InputError("is a linear program; only a table can be split", where=recipe.table)
    return found


def split_table(recipe: SplitRecipe, table: Economy) -> Instance:
    """Split `table` as `recipe` says; see :func:`planbench.generators.disaggregate.disaggregate`.

    Raises
    ------
    InputError
        When it carries no observed plan, or has more industries than goods are asked for.
    """
    economy = disaggregate(table, recipe)
    # The economy says which goods belong together; a record needs no such lists.
    lists = (*LAYOUT_FIELDS, "techniques")
    facts = {name: value for name, value in economy.recipe.items() if name not in lists}
    return Instance(
        name=economy.name,
        economy=economy,
        recipe=facts,
        optimum=facts.get("known_optimum"),
        source=f"{recipe.table} split into goods",
    )


def _load_expanded(spec: str) -> Instance:
    """Instance of a ``years:`` or ``regions:`` recipe.

    Its optimum is known where it must be the table's (see :func:`keeps_optimum`) and that is.
    """
    recipe = parse_expand(spec)
    source = load_instance(recipe.table)
    table = source.economy
    if table is None:
        raise InputError("is a linear program; only an economy has goods", where=recipe.table)
    economy = expand_table(recipe, table)
    over = "" if recipe.years is None else f" over {plural(recipe.years, 'year')}"
    placed = "" if recipe.regions is None else f" in {plural(recipe.regions, 'region')}"
    return Instance(
        name=economy.name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=source.optimum if keeps_optimum(recipe) else None,
        source=f"{recipe.table}{over}{placed}",
    )


def _from_folder(spec: str, folder: Path) -> Instance:
    if (folder / "table.toml").is_file():
        table = table_instance(folder)
        recipe = {"folder": spec, **table.recipe}
        return replace(table, name=spec, recipe=recipe, source=f"supply and use table {spec}")
    return _brought(spec, load_economy(folder), "CSV folder")


def _from_file(spec: str, path: Path, relax: bool) -> Instance:
    name = path.name.lower()
    if not path.exists():
        raise InputError("there is no such file; check the path", where=spec)
    if name.endswith(".npz"):
        loaded = load_any(path)
        if isinstance(loaded, Economy):
            return _brought(spec, loaded, "file")
        return _general(spec, loaded)
    if name.endswith(_MPS):
        return _general(spec, read_mps(path, relax=relax))
    if name.endswith(_LP):
        return _general(spec, read_lp_format(path, relax=relax))
    if name.endswith(".toml"):
        return _generated(spec, read_toml_recipe(path), f"recipe {spec}")
    if name.endswith((*COMPRESSED, ".zip", ".7z", ".z")):
        raise InputError(
            f"is compressed; unpack it, or name it after its format, such as .mps.gz "
            f"({' '.join(COMPRESSED)} of .mps and .lp are read)",
            where=spec,
        )
    raise InputError(
        f"is no instance: its name must end in {', '.join(SUFFIXES)}, or it must be a folder",
        where=spec,
    )


def _generated(spec: str, recipe: GeneratorRecipe, source: str) -> Instance:
    economy = generate(recipe)
    return Instance(
        name=spec,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=_planted(economy.recipe),
        source=source,
    )


def _brought(spec: str, economy: Economy, kind: str) -> Instance:
    """Wrap an economy a person brings, checked unless it says how planbench made it."""
    recipe = dict(economy.recipe)
    observed = _observed(economy)
    if "generator" not in recipe and "split" not in recipe and observed is None:
        remarks = check_economy(economy, where=spec)
        recipe |= {"remarks": list(remarks)} if remarks else {}
    recipe = _with_checked_optimum(economy, recipe, spec)
    return Instance(
        name=spec,
        economy=economy,
        recipe=recipe,
        optimum=_planted(recipe) if observed is None else observed.get("optimum"),
        source=f"{kind} {spec}",
    )


def _with_checked_optimum(economy: Economy, recipe: dict[str, Any], where: str) -> dict[str, Any]:
    """Recipe of an economy of planbench, without long lists and without a stale optimum.

    Somebody may have changed the economy since; the claim is kept where it still holds.
    """
    if "split" in recipe:
        recipe = {name: value for name, value in recipe.items() if name not in LAYOUT_FIELDS}
    claimed = _planted(recipe)
    if claimed is None:
        return recipe
    if "planted_optimum" in recipe:
        holds, made = planted_holds(economy, claimed), "was changed since it was generated"
    else:
        proven = proven_optimum(economy)
        holds = proven is not None and math.isclose(proven, claimed, rel_tol=1e-9)
        made = "was changed since its table was split"
    if holds:
        return recipe
    recipe = {k: v for k, v in recipe.items() if k not in ("planted_optimum", "known_optimum")}
    remark = f"{made}: the optimum in its recipe no longer holds"
    if economy.interior is None:
        remark = (
            "carries no prices (a CSV folder keeps none) to check the optimum in its recipe by: "
            "it is left out"
        )
    remarks = remark, *check_economy(economy, where=where)
    return recipe | {"remarks": [*recipe.get("remarks", []), *remarks]}


def _observed(economy: Economy) -> Mapping[str, Any] | None:
    """Read what the recipe says of an imported table's observed plan, if it is this economy's.

    The plan was checked at import. An economy derived from the imported one may carry its
    recipe, but has another hash.
    """
    facts = economy.recipe.get("observed")
    if not isinstance(facts, dict) or facts.get("sha256") != economy.sha256:
        return None
    return facts if facts.get("feasible") is True else None


def _planted(recipe: Mapping[str, Any]) -> float | None:
    value = recipe.get("planted_optimum", recipe.get("known_optimum"))
    return float(value) if isinstance(value, int | float) else None


def _general(spec: str, program: LinearProgram) -> Instance:
    return Instance(name=spec, general=program, recipe={"file": spec}, source=f"file {spec}")


def _unknown(text: str) -> str:
    return (
        f"no instance {text!r}{nearest(text, builtin_names())}; give a built-in name (see "
        f"`planbench instances`), a file ({', '.join(SUFFIXES)}), a folder of CSV files, or "
        "gen:goods=1000,inputs=10,seed=1"
    )


def _load_table(spec: str) -> Instance:
    """Import the table ``table:NAME`` with the default rules.

    Raises
    ------
    InputError
        When it is not at hand or cannot be imported.
    """
    files = table_files(spec)
    economy, _ = import_table(files, name=spec.strip().removeprefix(TABLE_PREFIX))
    return Instance(
        name=spec,
        economy=economy,
        recipe=dict(economy.recipe),
        source=f"published table {' and '.join(path.name for path in files)}",
    )
