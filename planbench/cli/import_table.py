"""``planbench import``: published input-output tables become economies."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

import planbench.formatting as fmt
from planbench.catalogue.instance import Instance
from planbench.certificates import certify_plan
from planbench.cli import console, options, views
from planbench.cli.views import amount
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.plan_file import write_plan
from planbench.model.economy import Economy
from planbench.tables import ImportReport, ImportSettings, ReadOptions
from planbench.tables import import_table as import_it
from planbench.tables.importer import FEASIBLE
from planbench.tables.raw import Role

EXAMPLES = (
    "planbench import use_71.csv make_71.csv -o us.npz",
    "planbench import us-bea-2012-405.npz --technology industry -o us-405.npz",
    "planbench import wiot95.npz --targets regions -o world.npz --plan observed.csv",
    "planbench import IOT_2019_ixi.zip --format exiobase3 -o exiobase.npz",
)
#: Neighbours with the same role that are named one by one.
_SHOWN = 3

#: Options of :func:`planbench.tables.import_table` that are text, by panel of the help: what their
#: value is called, and what they say.
_TEXTS = {
    None: {
        "use": ("FILE", "The use table (or its sheet)."),
        "make": ("FILE", "The make table (or its sheet)."),
        "sheet": ("NAME", "Sheet of xlsx files."),
        "form": ("F", "wiod, exiobase3, oecd, eora26, gloria or pymrio."),
        "name": ("NAME", "Name of the economy; the file's if missing."),
        "unit": ("TEXT", "Unit of the amounts, e.g. 'million USD'."),
    },
    "Rules": {
        "technology": ("T", "By-products: joint, industry or commodity technology."),
        "trade": ("T", "activities, or net: final use net of imports."),
        "targets": ("T", "one, columns (of final use) or regions."),
        "resources": ("R", "regions or pooled: whether labour stays in its region."),
        "prices": ("P", "basic or purchasers: what purchases are valued at."),
    },
    "Rows and columns": {
        "make_rows": ("R", "products or industries: rows of the make table."),
        "entries": ("E", "What cells hold: money, or quantities (each row in a unit of its own)."),
        "gross_outputs": (
            "G",
            "Where stated outputs and uses differ: stated, or uses. auto refuses.",
        ),
    },
}
#: Options that name rows and columns.
_NAMED = {
    "margins": "Trade and transport products",
    "final": "Columns of final use",
    "exports": "Columns of exports",
    "imports": "Columns of imports",
    "value_added": "Rows of value added",
    "compensation": "Rows of labour's pay",
    "resource": "Rows of inputs in a unit of their own (hours, hectares)",
    "total": "Rows and columns that are sums of others",
    "industry": "Rows and columns that are industries, not totals",
    "drop": "Rows and columns to leave out",
}
_PATHS = typer.Argument(
    metavar="PATH",
    help="CSV, xlsx or npz; a use and a make table; or a folder with --format.",
    show_default=False,
)
_YEAR = typer.Option(min=1900, metavar="YEAR", help="Of a folder with several years.")
_TRADE_LIMIT = typer.Option(
    min=1,
    metavar="X",
    help="Most exports and imports, times the observed ones.",
    rich_help_panel="Rules",
)
_PLAN = typer.Option(
    parser=options.plan_file, metavar="FILE", help="Write the observed plan too (.npz or .csv)."
)


def _parameters() -> list[inspect.Parameter]:
    defaults = {f.name: f.default for kind in (ReadOptions, ImportSettings) for f in fields(kind)}
    found = [
        options.parameter("paths", Annotated[list[str] | None, _PATHS], None),
        options.parameter("output", options.InstanceFileOption, ...),
        options.parameter("year", Annotated[int | None, _YEAR], None),
        options.parameter("plan", Annotated[Path | None, _PLAN], None),
        options.parameter("trade_limit", Annotated[float, _TRADE_LIMIT], defaults["trade_limit"]),
    ]
    for panel, texts in _TEXTS.items():
        for name, (metavar, says) in texts.items():
            flag = "--format" if name == "form" else f"--{name.replace('_', '-')}"
            option = typer.Option(flag, metavar=metavar, help=says, rich_help_panel=panel)
            kind = Annotated[str | None, option]
            found.append(options.parameter(name, kind, defaults[name]))
    for name, says in _NAMED.items():
        option = typer.Option(
            f"--{name.replace('_', '-')}",
            metavar="NAME",
            help=f"{says}, by name or pattern (F0*). May be repeated.",
            rich_help_panel="Rows and columns",
            show_default=False,
        )
        found.append(options.parameter(name, Annotated[list[str] | None, option], None))
    return [*found, options.parameter("json", options.JsonOption, False)]


def import_table(**given: Any) -> None:
    """Make an economy of a published input-output table.

    Supply and use tables, symmetric and multi-region tables are read. Totals are known by their
    names, and must add up; value added and final uses by their names and places. A table shows
    what each row and column was taken as, and what could be two things is refused. Entries that
    cannot stay where they are (negative ones, industries without output, …) are moved by the rules
    of docs/importing.md and listed. At the end the observed plan is certified in the economy.
    """
    paths, path, plan_path = given.pop("paths"), given.pop("output"), given.pop("plan")
    as_json = given.pop("json")
    named = {name: given.pop(name) for name in _NAMED}
    economy, report = import_it(
        paths or [], **given, **{k: tuple(v) for k, v in named.items() if v}
    )
    _certify(economy, report)
    options.write_instance(Instance(name=report.name, economy=economy), path)
    if plan_path is not None:
        write_plan(report.observed.plan, plan_path, economy)
    if not as_json:
        _show(economy, report, path, plan_path)
        return
    sizes = views.size_facts(economy)
    console.print_json({"file": str(path), "sha256": economy.sha256} | sizes | report.to_dict())


options.set_parameters(import_table, _parameters())


def _certify(economy: Economy, report: ImportReport) -> None:
    """Refuse an economy in which the certificate finds less than the observed plan delivers.

    The checker knows nothing of tables: that it finds the plan feasible, and worth what the table
    says, shows that its figures are in their places.
    """
    observed = report.observed
    lower = certify_plan(economy, observed.plan, polish=False).lower_bound
    if lower is None or lower < observed.value * (1 - FEASIBLE):
        raise InputError(
            f"the observed plan is worth {observed.value:.9g}, and "
            f"{'nothing' if lower is None else format(lower, '.9g')} of it can be certified; check "
            "the roles of rows and columns",
            where=report.name,
        )


def _show(economy: Economy, report: ImportReport, path: Path, plan_path: Path | None) -> None:
    observed = report.observed
    facts: views.Pairs = [
        ("wrote", str(path)),
        (
            "table",
            f"{report.name}, {report.kind}, {plural(report.products, 'product')}, "
            f"{plural(report.industries, 'industry')}",
        ),
        ("economy", views.size_words(Instance(name=report.name, economy=economy))),
        ("technology", report.technology),
        ("trade", report.trade),
        ("observed plan", _observed_words(report)),
    ]
    if observed.optimal:
        facts.append(("known optimum", fmt.objective(observed.value, 12)))
    elif observed.upper is not None:
        facts.append(
            (
                "optimum",
                f"{amount(observed.value, 8)} to {amount(observed.upper, 8)}, by its prices",
            )
        )
    if plan_path is not None:
        facts.append(("observed plan in", str(plan_path)))
    facts.append(("SHA-256", economy.sha256))
    parts: list[Any] = [views.pairs(facts)]
    label = views.label
    if report.roles:
        columns = [label("lines"), label("role"), label("why")]
        rows = _role_rows(report.roles)
        parts.append(views.listing("What each row and column is", columns, rows))
    moved = report.rules()
    if moved:
        figures = views.figure("figures"), views.figure("together")
        columns = [label("rule"), *figures, label("largest"), label("became")]
        lines = [
            (m.rule, fmt.count(m.count), amount(m.amount, 6), m.largest, m.treatment) for m in moved
        ]
        parts.append(views.listing("Figures that were moved", columns, lines))
    views.show(parts)
    for remark in report.remarks:
        console.note(remark)


def _role_rows(roles: Sequence[Role]) -> list[tuple[str, str, str]]:
    """Group neighbours that have the same role for the same reason into one row."""
    rows = []
    for key, group in groupby(roles, key=lambda r: (r.table, r.axis, r.role, r.why)):
        table, axis, role, why = key
        labels = [r.label for r in group]
        named = ", ".join(labels) if len(labels) <= _SHOWN else f"{labels[0]} … {labels[-1]}"
        place = " ".join(filter(None, (table, axis)))
        rows.append((f"{place}{'s' if len(labels) > 1 else ''} {named}", role, why))
        if len(labels) > _SHOWN:
            rows[-1] = (f"{len(labels)} {place}s {named}", role, why)
    return rows


def _observed_words(report: ImportReport) -> str:
    observed = report.observed
    if observed.feasible:
        return f"feasible (to {observed.shortfall:.0e} of a balance)"
    return f"{100 * observed.shortfall:.3g} % short of {observed.short}"
