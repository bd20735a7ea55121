"""``planbench import``: published input-output tables become economies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from planbench import formatting as fmt
from planbench.catalogue.instance import Instance
from planbench.certificates import certify_plan
from planbench.cli import console, options, views
from planbench.cli.files import check_destination, write_instance
from planbench.cli.views import amount
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.plan_file import write_plan
from planbench.model.economy import Economy
from planbench.tables import ImportReport
from planbench.tables import import_table as import_it
from planbench.tables.economy import FEASIBLE
from planbench.tables.raw import Role

EXAMPLES = (
    "planbench import use_71.csv make_71.csv -o us.npz",
    "planbench import us-bea-2012-405.npz --technology industry -o us-405.npz",
    "planbench import wiot95.npz --targets regions -o world.npz --plan observed.csv",
    "planbench import IOT_2019_ixi.zip --format exiobase3 -o exiobase.npz",
)
_NAMES, _RULES = "Rows and columns", "Rules"
_Names = list[str] | None
#: Neighbours with the same role that are named one by one.
_SHOWN = 3


def _named(flag: str, what: str) -> Any:
    return typer.Option(
        flag,
        metavar="NAME",
        help=f"{what}, by name or pattern (F0*). May be repeated.",
        rich_help_panel=_NAMES,
        show_default=False,
    )


def _rule(flag: str, what: str, metavar: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=what, rich_help_panel=_RULES)


def import_table(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="CSV, xlsx or npz; a use and a make table; or a folder with --format.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help=".npz, .mps, .mps.gz, or a folder for CSV."
        ),
    ] = "",
    use: Annotated[
        str | None, typer.Option(metavar="FILE", help="The use table (or its sheet).")
    ] = None,
    make: Annotated[
        str | None, typer.Option(metavar="FILE", help="The make table (or its sheet).")
    ] = None,
    sheet: Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of xlsx files.")] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="F", help="wiod, exiobase3, oecd, eora26, gloria or pymrio."
        ),
    ] = None,
    year: Annotated[
        int | None,
        typer.Option(
            min=1900,
            metavar="YEAR",
            help="Of a folder with several years.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the economy; the file's if missing.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Unit of the amounts, e.g. 'million USD'.")
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the observed plan too (.npz or .csv)."),
    ] = None,
    technology: Annotated[
        str, _rule("--technology", "By-products: joint, industry or commodity technology.", "T")
    ] = "auto",
    trade: Annotated[
        str, _rule("--trade", "activities, or net: final use net of imports.", "T")
    ] = "activities",
    trade_limit: Annotated[
        float,
        typer.Option(
            parser=options.at_least(1),
            metavar="X",
            help="Most exports and imports, times the observed ones.",
            rich_help_panel=_RULES,
        ),
    ] = 2,
    targets: Annotated[
        str, _rule("--targets", "one, columns (of final use) or regions.", "T")
    ] = "one",
    resources: Annotated[
        str, _rule("--resources", "regions or pooled: whether labour stays in its region.", "R")
    ] = "auto",
    prices: Annotated[
        str, _rule("--prices", "basic or purchasers: what purchases are valued at.", "P")
    ] = "auto",
    margins: Annotated[_Names, _named("--margins", "Trade and transport products")] = None,
    final: Annotated[_Names, _named("--final", "Columns of final use")] = None,
    exports: Annotated[_Names, _named("--exports", "Columns of exports")] = None,
    imports: Annotated[_Names, _named("--imports", "Columns of imports")] = None,
    value_added: Annotated[_Names, _named("--value-added", "Rows of value added")] = None,
    compensation: Annotated[_Names, _named("--compensation", "Rows of labour's pay")] = None,
    resource: Annotated[
        _Names, _named("--resource", "Rows of inputs in a unit of their own (hours, hectares)")
    ] = None,
    total: Annotated[_Names, _named("--total", "Rows and columns that are sums of others")] = None,
    industry: Annotated[
        _Names, _named("--industry", "Rows and columns that are industries, not totals")
    ] = None,
    drop: Annotated[_Names, _named("--drop", "Rows and columns to leave out")] = None,
    make_rows: Annotated[
        str,
        typer.Option(
            metavar="R",
            help="products or industries: rows of the make table.",
            rich_help_panel=_NAMES,
        ),
    ] = "auto",
    entries: Annotated[
        str,
        typer.Option(
            metavar="E",
            help="What cells hold: money, quantities (each row in a unit of its own) or "
            "coefficients (inputs per unit of output).",
            rich_help_panel=_NAMES,
        ),
    ] = "auto",
    gross_outputs: Annotated[
        str,
        typer.Option(
            metavar="G",
            help="Where stated outputs and uses differ: stated, or uses. auto refuses.",
            rich_help_panel=_NAMES,
        ),
    ] = "auto",
    json: options.JsonOption = False,
) -> None:
    """Make an economy of a published input-output table.

    Supply and use tables, symmetric and multi-region tables are read. Totals are found by adding
    up, value added and final uses by their names and places; a table shows what each row and
    column was taken as, and what could be two things is refused. Entries that cannot stay where
    they are (negative ones, industries without output, …) are moved by the rules of
    docs/importing.md and listed. At the end the observed plan is certified in the economy.
    """
    if not output:
        raise InputError("is missing; say where to, e.g. -o economy.npz", where="--output")
    path = check_destination(output)
    plan_path = _plan_path(plan)
    named = {
        "margins": margins,
        "final": final,
        "exports": exports,
        "imports": imports,
        "value_added": value_added,
        "compensation": compensation,
        "resource": resource,
        "total": total,
        "industry": industry,
        "drop": drop,
    }
    economy, report = import_it(
        paths or [],
        use=use,
        make=make,
        sheet=sheet,
        form=form,
        year=year,
        name=name,
        unit=unit,
        make_rows=make_rows,
        entries=entries,
        gross_outputs=gross_outputs,
        technology=technology,
        trade=trade,
        trade_limit=trade_limit,
        targets=targets,
        resources=resources,
        prices=prices,
        **{option: tuple(given) for option, given in named.items() if given},
    )
    _certify(economy, report)
    write_instance(Instance(name=report.name, economy=economy), path)
    if plan_path is not None:
        write_plan(report.observed.plan, plan_path, economy)
    if json:
        sizes = {
            "goods": economy.n_goods,
            "activities": economy.n_activities,
            "resources": economy.n_resources,
            "targets": economy.n_targets,
            "nonzeros": economy.nnz,
        }
        document = {"file": str(path), "sha256": economy.sha256, **sizes, **report.to_dict()}
        console.print_json(document)
        return
    _show(economy, report, path, plan_path)


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


def _plan_path(text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(text)
    if path.suffix.lower() not in (".npz", ".csv"):
        raise InputError("must end in .npz or .csv", where=f"--plan {text}")
    return options.writable(path)


def _show(economy: Economy, report: ImportReport, path: Path, plan_path: Path | None) -> None:
    observed = report.observed
    rows = [
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
        rows.append(("known optimum", fmt.objective(observed.value, 12)))
    elif observed.upper is not None:
        rows.append(
            (
                "optimum",
                f"{amount(observed.value, 8)} to {amount(observed.upper, 8)}, by its prices",
            )
        )
    if plan_path is not None:
        rows.append(("observed plan in", str(plan_path)))
    rows.append(("SHA-256", economy.sha256))
    parts: list[Any] = [views.pairs(rows)]
    if report.roles:
        heads = (("lines", "left"), ("role", "left"), ("why", "left"))
        parts.append(views.listing("What each row and column is", heads, _role_rows(report.roles)))
    totals = report.rules()
    if totals:
        columns = (
            ("rule", "left"),
            ("figures", "right"),
            ("together", "right"),
            ("largest", "left"),
            ("became", "left"),
        )
        lines = [
            (t.rule, fmt.count(t.count), amount(t.amount, 6), t.largest, t.treatment)
            for t in totals
        ]
        parts.append(views.listing("Figures that were moved", columns, lines))
    views.show(console.out(), parts)
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
