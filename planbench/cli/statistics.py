"""How the statistics of an economy look on a terminal and in JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.console import Group
from rich.text import Text

from planbench.cli.views import amount, columns_of, percent, text
from planbench.generators.statistics import (
    CHEAP_GROUPS,
    GROUPS,
    EconomyStatistics,
    explain,
    figure_fields,
    study_economy,
)
from planbench.model.economy import Economy

#: Up to this many goods and inputs everything is computed unasked: about a second.
SMALL_GOODS, SMALL_NONZEROS = 2_000, 300_000

_TITLES = {
    "size": "Size",
    "inputs": "Inputs per activity",
    "coefficients": "Input coefficients",
    "links": "Suppliers and buyers",
    "spectrum": "Eigenvalues",
    "order": "Order of production",
    "communities": "Communities",
    "factor": "Sparse LU of I − A",
}
_NOT_STUDIED = "not computed for an economy of this size unless asked: --statistics"


def study(economy: Economy, *, everything: bool) -> EconomyStatistics:
    """Compute the cheap statistics, and the dear ones for a small economy or when asked."""
    small = economy.n_goods <= SMALL_GOODS and economy.inputs.nnz <= SMALL_NONZEROS
    if everything or small:
        return study_economy(economy, groups=GROUPS)
    found = study_economy(economy, groups=CHEAP_GROUPS)
    left_out = [f.name for f in figure_fields() if f.metadata["group"] not in CHEAP_GROUPS]
    return replace(found, missing={**found.missing, **dict.fromkeys(left_out, _NOT_STUDIED)})


def facts(found: EconomyStatistics) -> dict[str, Any]:
    """Statistics for JSON, with one line on what each figure says under ``explained``."""
    return {**found.as_dict(), "explained": explain()}


def shown(found: EconomyStatistics) -> list[Group]:
    """Build a table of all groups, and lines on prices, levels, estimates and what is missing."""
    table = columns_of((("figure", "left"), ("value", "right"), ("what it says", "left")))
    table.columns[0].no_wrap = True
    group = ""
    reasons: dict[str, list[str]] = {}
    for figure in figure_fields():
        told = figure.metadata
        value = getattr(found, figure.name)
        why = found.missing.get(figure.name)
        if value is None:
            if why is not None:
                reasons.setdefault(why, []).append(told["label"])
            continue
        if told["group"] != group:
            group = told["group"]
            table.add_row(Text(_TITLES[group], style="bold"))
        mark = "≈ " if figure.name in found.estimates else ""
        table.add_row(f"  {told['label']}", mark + _form(value, told["form"]), told["says"])
    lines = [
        text(f"Values: {found.price_basis}. Levels: {found.level_basis}.", "dim"),
        *(text(line, "dim") for line in _estimates(found)),
        *(text(f"– {', '.join(names)}: {why}.", "yellow") for why, names in reasons.items()),
    ]
    return [Group(Text("Statistics", style="bold"), table, *lines)]


def _estimates(found: EconomyStatistics) -> list[str]:
    labels = {f.name: f.metadata["label"] for f in figure_fields()}
    by_way: dict[str, list[str]] = {}
    for name, how in found.estimates.items():
        by_way.setdefault(how, []).append(labels[name])
    return [f"≈ {', '.join(names)}: {how}." for how, names in by_way.items()]


def _form(value: float, form: str) -> str:
    if form == "count":
        return f"{value:,}"
    return percent(value) if form == "share" else amount(value, 3)
