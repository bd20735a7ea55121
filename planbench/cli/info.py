"""``planbench info``: what an instance is, before anything is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.text import Text

import planbench.formatting as fmt
from planbench.catalogue.instance import Instance
from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators.statistics import (
    CHEAP_GROUPS,
    FIGURES,
    GROUPS,
    EconomyStatistics,
    explain,
    study_economy,
)
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.report.table import Column, Entry, Table

#: Figures of one rule, and entries of one field of a recipe, that are shown; --json has all.
_MOVED_SHOWN = 10
_LISTED = 8
#: Up to this many goods and inputs everything is computed unasked: about a second.
SMALL_GOODS, SMALL_NONZEROS = 2_000, 300_000

_TITLES = {
    "size": "Size",
    "inputs": "Inputs per activity",
    "coefficients": "Input coefficients",
    "links": "Suppliers and buyers",
    "spectrum": "Eigenvalues",
    "order": "Order of production",
    "factor": "Sparse LU of I − A",
}
_NOT_STUDIED = "not computed for an economy of this size unless asked: --statistics"


@options.command
def info(
    instance: options.InstanceArgument,
    statistics: Annotated[bool, typer.Option("--statistics")] = False,
    relax: options.RelaxOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show sizes, density, hash, recipe, checks and statistics of an INSTANCE.

    An economy of up to 2,000 goods shows all statistics, a larger one those that a few passes
    over its inputs give: eigenvalues, triangularity and fill-in need --statistics.

    Parameters
    ----------
    statistics : flag
        All statistics of an economy of any size; about a minute for a million goods.

    Examples
    --------
    planbench info us-bea-71
    planbench info model.mps.gz
    planbench info economy.npz --statistics
    planbench info gen:goods=1000,structure=powerlaw,seed=1 --json
    """
    found = options.load(instance, relax)
    facts = instance_facts(found)
    studied = None
    if found.economy is not None:
        studied = study(found.economy, everything=statistics)
    elif statistics:
        raise InputError(
            "is a general linear program, and statistics are of economies; drop --statistics",
            where=instance,
        )
    if json:
        more = {**studied.as_dict(), "explained": explain()} if studied is not None else None
        console.print_json(facts | {"statistics": more})
        return
    _show(found, facts)
    if studied is not None:
        views.show(statistics_parts(studied))


def instance_facts(instance: Instance) -> dict[str, Any]:
    """Everything known of an instance without solving it, in JSON values."""
    economy, lp = instance.economy, instance.lp
    recipe = dict(instance.recipe)
    facts: dict[str, Any] = {
        "instance": instance.name,
        "kind": "economy" if economy is not None else "linear program",
        "source": instance.source,
        "sha256": instance.sha256,
        "optimum": instance.optimum,
        "rows": lp.n_rows,
        "columns": lp.n_cols,
        "nonzeros": int(lp.matrix.nnz),
        "density": lp.matrix.nnz / max(1, lp.n_rows * lp.n_cols),
        "maximise": lp.maximise,
        "bytes": economy.nbytes if economy is not None else lp.nbytes,
        "lp_bytes": lp.nbytes,
        "coefficients": _range(lp.matrix.data),
        "moved": recipe.pop("moved", []),
        "remarks": recipe.pop("remarks", []),
        "recipe": recipe,
    }
    return facts | (_economy_facts(economy) if economy is not None else _lp_facts(lp))


def _economy_facts(economy: Economy) -> dict[str, Any]:
    inputs = economy.inputs
    per_good = np.bincount(economy.outputs.indices, minlength=economy.n_goods)
    outputs_each = np.diff(economy.outputs.indptr)
    fixed = economy.fixed_demand
    return {
        "goods": economy.n_goods,
        "activities": economy.n_activities,
        "resources": economy.n_resources,
        "targets": economy.n_targets,
        "inputs_nonzeros": int(inputs.nnz),
        "outputs_nonzeros": int(economy.outputs.nnz),
        "resource_use_nonzeros": int(economy.resource_use.nnz),
        "inputs_per_activity": _range(np.diff(inputs.indptr)),
        "users_per_good": _range(np.bincount(inputs.indices, minlength=economy.n_goods)),
        "techniques_per_good": _range(per_good),
        "goods_with_choice": int((per_good > 1).sum()),
        "input_coefficients": _range(inputs.data),
        # Sums of physical amounts mean something only where all goods share one unit.
        "column_sums": _range(np.asarray(inputs.sum(axis=0)).ravel())
        if _one_unit(economy)
        else None,
        "joint_production": int((outputs_each > 1).sum()),
        "capacities": int(np.isfinite(economy.capacity).sum()),
        "goods_in_targets": int(np.unique(economy.assortment.indices).size),
        "stocks": int((fixed < 0).sum()),
        "fixed_demands": int((fixed > 0).sum()),
        "labelled": economy.goods is not None,
        "units": sorted(set(economy.units)) if economy.units else [],
    }


def _one_unit(economy: Economy) -> bool:
    spread = economy.recipe.get("unit_spread", 0)
    return not spread and (economy.units is None or len(set(economy.units)) == 1)


def _lp_facts(lp: LinearProgram) -> dict[str, Any]:
    finite_lower, finite_upper = np.isfinite(lp.row_lower), np.isfinite(lp.row_upper)
    both = finite_lower & finite_upper
    return {
        "offset": lp.offset,
        "equations": int((both & (lp.row_lower == lp.row_upper)).sum()),
        "ranges": int((both & (lp.row_lower != lp.row_upper)).sum()),
        "inequalities": int((finite_lower ^ finite_upper).sum()),
        "free_rows": int((~finite_lower & ~finite_upper).sum()),
        "free_columns": int((np.isinf(lp.col_lower) & np.isinf(lp.col_upper)).sum()),
        "bounded_columns": int((np.isfinite(lp.col_lower) & np.isfinite(lp.col_upper)).sum()),
        "costs": _range(lp.cost[lp.cost != 0]),
    }


def _range(values: npt.NDArray[Any]) -> dict[str, float] | None:
    """Smallest, median, mean and largest magnitude; None where there is nothing."""
    if values.size == 0:
        return None
    size = np.abs(values)
    return {
        "smallest": float(size.min()),
        "median": float(np.median(size)),
        "mean": float(size.mean()),
        "largest": float(size.max()),
    }


def _moved_lines(moved: list[str]) -> list[str]:
    """Of each rule the first few figures (importing puts the largest first), and how many more."""
    by_rule: dict[str, list[str]] = {}
    for line in moved:
        by_rule.setdefault(line.partition(":")[0], []).append(line)
    lines = []
    for rule, figures in by_rule.items():
        lines += figures[:_MOVED_SHOWN]
        if len(figures) > _MOVED_SHOWN:
            lines.append(f"{rule}: {len(figures) - _MOVED_SHOWN:,} more, in --json")
    return lines


def _brief(value: Any) -> str:
    """Value of a recipe's field; of a long list or a table only how long it is."""
    if isinstance(value, list | tuple | dict) and len(value) > _LISTED:
        return f"({len(value):,} values)"
    return str(value)


def _observed_words(observed: dict[str, Any]) -> str:
    """Say what the recipe of an imported table holds on the plan that was observed."""
    if not observed.get("feasible"):
        return f"{100 * float(observed.get('shortfall', 0.0)):.3g} % short"
    value, upper = observed.get("value"), observed.get("upper")
    if observed.get("optimum") is not None:
        return f"feasible and optimal, worth {fmt.objective(value, 10)}"
    at_most = "" if upper is None else f"; its prices prove at most {fmt.objective(upper, 10)}"
    return f"feasible, worth {fmt.objective(value, 10)}{at_most}"


def _show(instance: Instance, facts: dict[str, Any]) -> None:
    def spread(key: str) -> str:
        values = facts[key]
        if values is None:
            return "–"
        return (
            f"{fmt.amount(values['smallest'], 3)} to {fmt.amount(values['largest'], 3)}, "
            f"median {fmt.amount(values['median'], 3)}, mean {fmt.amount(values['mean'], 3)}"
        )

    rows: views.Pairs = [
        ("linear program", f"{plural(facts['rows'], 'row')}, {plural(facts['columns'], 'column')}"),
        ("non-zeros", f"{fmt.count(facts['nonzeros'])}, density {fmt.percent(facts['density'])}"),
    ]
    if instance.economy is not None:
        rows += [
            ("techniques per good", spread("techniques_per_good")),
            ("choice of technique", plural(facts["goods_with_choice"], "good")),
            ("joint production", plural(facts["joint_production"], "activity")),
            ("capacities", plural(facts["capacities"], "activity")),
            ("in targets", plural(facts["goods_in_targets"], "good")),
            ("stocks, fixed demands", f"{facts['stocks']:,}, {facts['fixed_demands']:,}"),
        ]
        if facts["units"]:
            rows.append(("units", ", ".join(facts["units"][:6])))
    else:
        rows += [
            (
                "rows",
                f"{plural(facts['equations'], 'equation')}, {plural(facts['ranges'], 'range')}, "
                f"{plural(facts['inequalities'], 'inequality')}, {facts['free_rows']:,} free",
            ),
            (
                "columns",
                f"{facts['bounded_columns']:,} bounded on both sides, "
                f"{facts['free_columns']:,} free",
            ),
            ("coefficients", spread("coefficients")),
            ("costs", spread("costs")),
            ("objective offset", fmt.amount(facts["offset"])),
        ]
    rows += [
        ("known optimum", fmt.objective(facts["optimum"], 10)),
        ("memory", f"{fmt.size_bytes(facts['bytes'])} of arrays"),
        ("SHA-256", facts["sha256"]),
    ]
    # The head has the source.
    recipe = {key: value for key, value in facts["recipe"].items() if value != instance.source}
    if isinstance(recipe.get("observed"), dict):
        rows.append(("observed plan", _observed_words(recipe.pop("observed"))))
    fields = [f"{k}={_brief(v)}" for k, v in recipe.items() if v not in (None, "", [], {})]
    if fields:
        rows.append(("recipe", views.text(", ".join(fields), "dim")))
    rows += [("remark", views.text(remark, "yellow")) for remark in facts["remarks"]]
    parts: list[Any] = [views.head(instance), views.pairs(rows)]
    if facts["moved"]:
        title = f"Moved so that nothing is negative ({len(facts['moved'])})"
        lines = "\n".join(f"- {fmt.plain(line)}" for line in _moved_lines(facts["moved"]))
        parts.append(Text.assemble((title, "bold"), "\n", lines))
    views.show(parts)


def study(economy: Economy, *, everything: bool) -> EconomyStatistics:
    """Compute the cheap statistics, and the dear ones for a small economy or when asked."""
    small = economy.n_goods <= SMALL_GOODS and economy.inputs.nnz <= SMALL_NONZEROS
    if everything or small:
        return study_economy(economy, groups=GROUPS)
    found = study_economy(economy, groups=CHEAP_GROUPS)
    left_out = [figure.name for figure in FIGURES if figure.group not in CHEAP_GROUPS]
    return replace(found, missing={**found.missing, **dict.fromkeys(left_out, _NOT_STUDIED)})


def statistics_parts(found: EconomyStatistics) -> list[Table | Text]:
    """Build a table of all groups, and lines on prices, levels, estimates and what is missing."""
    rows: list[tuple[str | Entry, str, str]] = []
    group = ""
    reasons: dict[str, list[str]] = {}
    estimates: dict[str, list[str]] = {}
    for figure in FIGURES:
        value = found[figure.name]
        why = found.missing.get(figure.name)
        if value is None:
            if why is not None:
                reasons.setdefault(why, []).append(figure.label)
            continue
        if figure.group != group:
            group = figure.group
            rows.append((Entry(_TITLES[group], mark="strong"), "", ""))
        how = found.estimates.get(figure.name)
        if how is not None:
            estimates.setdefault(how, []).append(figure.label)
        shown = ("≈ " if how is not None else "") + _form(value, figure.form)
        rows.append((Entry(f"  {figure.label}"), shown, figure.says))
    columns = Column("figure"), "value", Column("what it says")
    lines = [
        (f"Values: {found.price_basis}. Levels: {found.level_basis}.", "dim"),
        *((f"≈ {', '.join(names)}: {how}.", "dim") for how, names in estimates.items()),
        *((f"– {', '.join(names)}: {why}.", "yellow") for why, names in reasons.items()),
    ]
    said = Text("\n").join(views.text(line, style) for line, style in lines)
    return [views.listing("Statistics", columns, rows), said]


def _form(value: float, form: str) -> str:
    if form == "count":
        return f"{value:,}"
    return fmt.percent(value) if form == "share" else fmt.amount(value, 3)
