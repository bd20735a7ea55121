"""``planbench fetch`` and ``import``: published input-output tables become economies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

import planbench.formatting as fmt
from planbench.catalogue.instance import Instance
from planbench.certificates import certify_plan
from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.plan_file import write_plan
from planbench.model.economy import Economy
from planbench.report.table import Column
from planbench.tables import ImportReport, ImportSettings, ReadOptions
from planbench.tables import import_table as import_it
from planbench.tables.fetch import SOURCES, fetch_table, find_source
from planbench.tables.importer import FEASIBLE
from planbench.tables.raw import Role


@options.command
def fetch(
    name: Annotated[str | None, typer.Argument()] = None,
    sources: Annotated[bool, typer.Option("--list")] = False,
    year: Annotated[int | None, typer.Option(min=1900)] = None,
    to: str | None = None,
    fresh: Annotated[bool, typer.Option("--fresh")] = False,
    json: options.JsonOption = False,
) -> None:
    """Download published input-output tables from their official source.

    What was downloaded is then read by ``planbench import``. The publisher's terms apply; they
    are shown, and kept with the files.

    Parameters
    ----------
    name : NAME
        A source, see --list.
    sources : flag
        List the sources.
    year : YEAR
        Where there is a download for each year.
    to : FOLDER
        Where to; a cache folder if not given.
    fresh : flag
        Download again what is there already.

    Examples
    --------
    planbench fetch --list
    planbench fetch exiobase3 --year 2019
    planbench fetch us-bea --to tables/bea
    """
    if sources or name is None:
        if name is None and not sources:
            raise InputError("name a source; planbench fetch --list shows them", where="fetch")
        _list_sources(json)
        return
    source = find_source(name)
    if source.how != "by hand" and not json:
        console.note(f"{source.name}: {source.licence}; {source.size}")
    got = fetch_table(name, year=year, folder=Path(to) if to is not None else None, fresh=fresh)
    command = source.command(str(got.folder))
    if json:
        console.print_json(
            {
                "source": source.name,
                "folder": str(got.folder),
                "files": [str(path) for path in got.files],
                "already_there": got.already_there,
                "licence": source.licence,
                "import": command,
            }
        )
        return
    shown = [path.name for path in got.files[:6]]
    more = len(got.files) - len(shown)
    rows = [
        ("is there" if got.already_there else "fetched", str(got.folder)),
        ("files", ", ".join(shown) + (f" and {more} more" if more else "")),
        ("terms", source.licence),
        ("import with", command),
    ]
    console.out().print(views.pairs(rows))


def _list_sources(as_json: bool) -> None:
    if as_json:
        console.print_json({"sources": SOURCES})
        return
    rows = [
        (
            source.name,
            source.title,
            "–" if source.years is None else f"{source.years[0]}–{source.years[1]}",
            source.licence,
            "by hand" if source.how == "by hand" else source.size,
        )
        for source in SOURCES
    ]
    columns = Column("name"), Column("what"), "years", Column("terms"), Column("download")
    views.show([views.listing("Sources of published tables", columns, rows)])


#: Neighbours with the same role that are named one by one.
_SHOWN = 3

_Rule = Annotated[str, typer.Option(rich_help_panel="Rules")]
_Lines = Annotated[str, typer.Option(rich_help_panel="Rows and columns")]
_Names = Annotated[list[str] | None, typer.Option(rich_help_panel="Rows and columns")]


@dataclass(frozen=True)
class Reading:
    """What is read, and what it is called.

    Attributes
    ----------
    year : YEAR
        Of a folder with several years.
    use : FILE
        The use table (or its sheet).
    make : FILE
        The make table (or its sheet).
    sheet : NAME
        Sheet of xlsx files.
    form : F
        wiod, exiobase3, oecd, eora26, gloria or pymrio.
    name : NAME
        Name of the economy; the file's if missing.
    unit : TEXT
        Unit of the amounts, e.g. 'million USD'.
    """

    year: Annotated[int | None, typer.Option(min=1900)] = None
    use: str | None = None
    make: str | None = None
    sheet: str | None = None
    form: Annotated[str | None, typer.Option("--format")] = None
    name: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Rules:
    """How a table becomes an economy.

    Attributes
    ----------
    trade_limit : X
        Most exports and imports, times the observed ones.
    technology : T
        By-products: joint, industry or commodity technology.
    trade : T
        activities, or net: final use net of imports.
    targets : T
        one, columns (of final use) or regions.
    resources : R
        regions or pooled: whether labour stays in its region.
    prices : P
        basic or purchasers: what purchases are valued at.
    """

    trade_limit: Annotated[float, typer.Option(min=1, rich_help_panel="Rules")] = (
        ImportSettings.trade_limit
    )
    technology: _Rule = ImportSettings.technology
    trade: _Rule = ImportSettings.trade
    targets: _Rule = ImportSettings.targets
    resources: _Rule = ImportSettings.resources
    prices: _Rule = ImportSettings.prices


@dataclass(frozen=True)
class Lines:
    """What rows and columns hold.

    Attributes
    ----------
    make_rows : R
        products or industries: rows of the make table.
    entries : E
        What cells hold: money, or quantities (each row in a unit of its own).
    gross_outputs : G
        Where stated outputs and uses differ: stated, or uses. auto refuses.
    margins : NAME
        Trade and transport products, by name or pattern (F0*). May be repeated.
    final : NAME
        Columns of final use, by name or pattern (F0*). May be repeated.
    exports : NAME
        Columns of exports, by name or pattern (F0*). May be repeated.
    imports : NAME
        Columns of imports, by name or pattern (F0*). May be repeated.
    value_added : NAME
        Rows of value added, by name or pattern (F0*). May be repeated.
    compensation : NAME
        Rows of labour's pay, by name or pattern (F0*). May be repeated.
    resource : NAME
        Rows of inputs in a unit of their own (hours, hectares), by name or pattern (F0*). May be
        repeated.
    total : NAME
        Rows and columns that are sums of others, by name or pattern (F0*). May be repeated.
    industry : NAME
        Rows and columns that are industries, not totals, by name or pattern (F0*). May be repeated.
    drop : NAME
        Rows and columns to leave out, by name or pattern (F0*). May be repeated.
    """

    make_rows: _Lines = ReadOptions.make_rows
    entries: _Lines = ReadOptions.entries
    gross_outputs: _Lines = ReadOptions.gross_outputs
    margins: _Names = None
    final: _Names = None
    exports: _Names = None
    imports: _Names = None
    value_added: _Names = None
    compensation: _Names = None
    resource: _Names = None
    total: _Names = None
    industry: _Names = None
    drop: _Names = None


@options.command
def import_table(
    paths: Annotated[list[str] | None, typer.Argument()] = None,
    *,
    output: options.InstanceFileOption,
    plan: Annotated[Path | None, typer.Option(parser=options.plan_file)] = None,
    reading: Reading,
    rules: Rules,
    lines: Lines,
    json: options.JsonOption = False,
) -> None:
    """Make an economy of a published input-output table.

    Supply and use tables, symmetric and multi-region tables are read. Totals are known by their
    names, and must add up; value added and final uses by their names and places. A table shows
    what each row and column was taken as, and what could be two things is refused. Entries that
    cannot stay where they are (negative ones, industries without output, …) are moved by the rules
    of docs/importing.md and listed. At the end the observed plan is certified in the economy.

    Parameters
    ----------
    paths : PATH
        CSV, xlsx or npz; a use and a make table; or a folder with --format.
    plan : FILE
        Write the observed plan too (.npz or .csv).

    Examples
    --------
    planbench import use_71.csv make_71.csv -o us.npz
    planbench import us-bea-2012-405.npz --technology industry -o us-405.npz
    planbench import wiot95.npz --targets regions -o world.npz --plan observed.csv
    planbench import IOT_2019_ixi.zip --format exiobase3 -o exiobase.npz
    """
    given = asdict(reading) | asdict(rules) | asdict(lines)
    named = {name: tuple(found) for name, found in given.items() if isinstance(found, list)}
    single = {name: found for name, found in given.items() if isinstance(found, str | int | float)}
    economy, report = import_it(paths or [], **single, **named)
    _certify(economy, report)
    options.write_instance(Instance(name=report.name, economy=economy), output)
    if plan is not None:
        write_plan(report.observed.plan, plan, economy)
    if not json:
        _show(economy, report, output, plan)
        return
    sizes = views.size_facts(economy)
    console.print_json({"file": str(output), "sha256": economy.sha256} | sizes | report.to_dict())


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
                f"{fmt.amount(observed.value, 8)} to {fmt.amount(observed.upper, 8)}, by its "
                "prices",
            )
        )
    if plan_path is not None:
        facts.append(("observed plan in", str(plan_path)))
    facts.append(("SHA-256", economy.sha256))
    parts: list[Any] = [views.pairs(facts)]
    if report.roles:
        columns = [Column("lines"), Column("role"), Column("why")]
        rows = _role_rows(report.roles)
        parts.append(views.listing("What each row and column is", columns, rows))
    moved = report.rules()
    if moved:
        heads = Column("rule"), "figures", "together", Column("largest"), Column("became")
        lines = [
            (m.rule, fmt.count(m.count), fmt.amount(m.amount, 6), m.largest, m.treatment)
            for m in moved
        ]
        parts.append(views.listing("Figures that were moved", heads, lines))
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
