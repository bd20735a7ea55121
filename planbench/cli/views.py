"""How a result looks on a terminal: the head, the outcome, the plan, what it cost.

Tables are those of :mod:`planbench.report.table`; units and times are in ``planbench.formatting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

import planbench.formatting as fmt
from planbench.catalogue.instance import Instance
from planbench.certificates import Certificate
from planbench.cli import console
from planbench.comparison.findings import Comparison, comparison_table, shown_findings, summary
from planbench.formatting import plural
from planbench.model.economy import Economy
from planbench.records.schema import Record
from planbench.records.verdicts import residuals_only
from planbench.report.headline import consensus_of, find_findings
from planbench.report.instances import disturbance_words
from planbench.report.results import require_results
from planbench.report.table import Column, Entry, Table

#: Rows of :func:`pairs`.
Pairs = list[tuple[str, str | Text]]

#: A known optimum this far outside of a certified bracket, relative, is no optimum.
KNOWN_TO = 1e-6
_VERDICT_STYLE = {
    "certified": "bold green",
    "loose": "bold yellow",
    "unproven": "bold yellow",
    "wrong": "bold red",
}
ENDED_WORDS = {
    "timeout": "stopped at the time limit",
    "memory": "stopped at the memory limit",
    "crash": "crashed",
    "killed": "was killed from outside",
    "refused": "refused to run",
}


def text(value: str, style: str = "") -> Text:
    """Text as it is: no markup, and nothing a terminal should not be sent."""
    return Text(fmt.plain(value), style=style)


def size_words(instance: Instance) -> str:
    """Sizes of an instance in one line."""
    economy = instance.economy
    if economy is None:
        lp = instance.lp
        return (
            f"{plural(lp.n_rows, 'row')}, {plural(lp.n_cols, 'column')}, "
            f"{'maximise' if lp.maximise else 'minimise'}"
        )
    parts = (
        plural(economy.n_goods, "good"),
        plural(economy.n_activities, "activity"),
        plural(economy.n_resources, "resource"),
        plural(economy.n_targets, "target"),
    )
    return ", ".join(parts)


def listing(
    title: str, columns: Sequence[Column | str], rows: Iterable[Sequence[str | Entry]]
) -> Table:
    """Build a table.

    Parameters
    ----------
    title : str
    columns : sequence of Column or str
        A string is the heading of figures.
    rows : iterable of sequence of str or Entry
        Strings are shown without what a terminal should not be sent.
    """
    return Table(
        [Column(c, "number") if isinstance(c, str) else c for c in columns],
        [[fmt.plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows],
        title=title,
    )


def facts_table(
    title: str,
    facts: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    total: int,
    kind: str = "",
) -> Table:
    """Build a table of facts: names as they are, shares in percent, other figures as amounts.

    Parameters
    ----------
    title : str
    facts : sequence of mapping
        The largest of all that there are.
    columns : mapping of str to str
        Key in the facts by heading.
    total : int
        How many there are.
    kind : str
        What is counted, e.g. ``running``.
    """
    names = {"name", "unit"}

    def cell(key: str, value: Any) -> str:
        if key in names:
            return str(value)
        return fmt.percent(value) if key == "share" else fmt.amount(value)

    if len(facts) < total:
        of_all = f"{fmt.count(len(facts))} of {fmt.count(total)} {kind}".rstrip()
        title += f" ({of_all})"
    return listing(
        title,
        [Column(head) if key in names else head for head, key in columns.items()],
        [[cell(key, fact[key]) for key in columns.values()] for fact in facts],
    )


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Grid:
    """Two columns: what it is, and its value."""
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, text(value) if isinstance(value, str) else value)
    return grid


def head(instance: Instance) -> Group:
    """Name of the instance, its sizes and where it comes from."""
    sizes = f"{size_words(instance)}, {plural(int(instance.lp.matrix.nnz), 'non-zero')}"
    lines = [text(instance.name, "bold"), Text(sizes)]
    if instance.source:
        lines.append(text(instance.source, "dim"))
    return Group(*lines)


def size_facts(economy: Economy) -> dict[str, int]:
    """Sizes of an economy for JSON."""
    return {
        "goods": economy.n_goods,
        "activities": economy.n_activities,
        "resources": economy.n_resources,
        "targets": economy.n_targets,
        "nonzeros": economy.nnz,
    }


def show_written(
    instance: Instance,
    path: Path,
    *,
    json: bool,
    more: Mapping[str, Any] | None = None,
    rows: Sequence[tuple[str, str]] = (),
) -> None:
    """Show what was written to `path`.

    Parameters
    ----------
    instance : Instance
        An economy.
    path : Path
    json : bool
    more : mapping, optional
        Further facts for JSON.
    rows : sequence of (str, str)
        Further lines of text.
    """
    economy = instance.economy
    assert economy is not None
    if json:
        facts = {
            "file": str(path),
            "instance": instance.name,
            "sha256": instance.sha256,
            **size_facts(economy),
            "bytes": economy.nbytes,
            "optimum": instance.optimum,
        }
        console.print_json(facts | dict(more or {}))
        return
    lines: Pairs = [
        ("wrote", str(path)),
        ("recipe", instance.name),
        ("sizes", size_words(instance)),
        ("coefficients", fmt.count(economy.nnz)),
        *rows,
        ("memory", f"{fmt.size_bytes(economy.nbytes)} of arrays"),
        ("SHA-256", instance.sha256),
    ]
    if instance.optimum is not None:
        lines.append(("known optimum", fmt.objective(instance.optimum, 12)))
    console.out().print(pairs(lines))


def bracket_text(lower: float | None, upper: float | None) -> str:
    """``lower … upper`` to as many digits as distinguish them, or what is missing."""
    if lower is None and upper is None:
        return "none"
    low = "no lower bound" if lower is None else fmt.objective(lower, 10)
    high = "no upper bound" if upper is None else fmt.objective(upper, 10)
    return low if low == high else f"{low} … {high}"


def verdict_rows(found: Record | Certificate) -> Pairs:
    """Rows with the verdicts of plan, prices and claim; ``none`` for what was not handed back."""
    verdicts = {
        "plan": found.plan_verdict,
        "prices": found.prices_verdict,
        "claim": found.claim_verdict,
    }
    return [
        (f"  {part}", Text(verdict or "none", _VERDICT_STYLE.get(verdict or "", "dim")))
        for part, verdict in verdicts.items()
    ]


def proof_rows(found: Record | Certificate, optimum: float | None) -> Pairs:
    """Rows with the certified bracket, the gaps, the estimate and the known optimum."""
    gap = f"{fmt.gap(found.raw_gap)} raw"
    if found.polished_gap is not None:
        gap += f", {fmt.gap(found.polished_gap)} after {fmt.seconds(found.polish_s)} of polish"
    lower, upper = found.lower_bound, found.upper_bound
    rows: Pairs = [("certified", bracket_text(lower, upper)), ("gap", gap)]
    if found.estimate is not None:
        by = found.residuals and f" (violation {fmt.gap(found.residuals.primal_scaled)})"
        rows.append(("estimate", f"{fmt.objective(found.estimate, 10)}{by or ''}, not proven"))
    if optimum is not None:
        rows.append(("known optimum", known_optimum(optimum, lower, upper)))
    return rows


def verdict_text(found: Record | Certificate, tolerance: float) -> Text:
    """Say the verdict in words."""
    verdict, gap, within = found.verdict, found.raw_gap, fmt.gap(tolerance)
    if verdict is None:
        return Text("there is no answer to judge", style="magenta")
    said = {
        "certified": f"the optimum is proven to within {within}",
        "loose": f"its own violations exceed {within}; repaired it is proven",
        "unproven": "nothing is proven",
        "wrong": "the answer is refuted",
    }[verdict]
    claim = found.claim if isinstance(found, Record) else None
    if isinstance(found, Record) and residuals_only(found):
        said = "residuals fit, but no bracket is proven"
    elif verdict == "certified" and claim in ("infeasible", "unbounded"):
        said = f"the claim of {claim} is proven"
    elif verdict == "certified" and gap is not None and gap > tolerance:
        width = fmt.gap((found.upper_bound or 0.0) - (found.lower_bound or 0.0))
        said = f"the optimum is proven to within {width} in its units"
        if found.scale:
            said += f"; what flows through it is {fmt.objective(found.scale, 3)}"
    elif verdict == "loose" and gap is not None and gap > tolerance:
        said = f"proven no closer to the optimum than {fmt.gap(gap)}"
    elif verdict == "loose" and found.plan_verdict == found.prices_verdict == "certified":
        said = "plan and prices are proven, the objective claimed is not theirs"
    return Text.assemble((verdict, _VERDICT_STYLE[verdict]), f": {said}")


def known_optimum(optimum: float, lower: float | None, upper: float | None) -> str | Text:
    """Show an instance's known optimum, and whether the certified bracket refutes it.

    An instance's file says what its optimum is, and somebody may have changed its arrays since.
    """
    said = fmt.objective(optimum, 10)
    slack = KNOWN_TO * max(1.0, abs(optimum))
    if (lower is None or lower <= optimum + slack) and (upper is None or upper >= optimum - slack):
        return said
    return Text(f"{said}, refuted: outside of what is certified; was it changed?", "bold red")


def outcome(record: Record, instance: Instance, tolerance: float) -> Grid:
    """Solver, what it said, and what that is worth."""
    method = ", ".join(part for part in (record.solver_version, record.method_run) if part)
    status = f" ({record.native_status})" if record.native_status else ""
    rows: Pairs = [("solver", f"{record.solver}  {method}".rstrip())]
    if record.ended != "ok":
        rows.append(("ended", Text(ENDED_WORDS.get(record.ended, ""), style="bold magenta")))
    rows.append(("verdict", verdict_text(record, tolerance)))
    if record.verdict is not None:
        rows += verdict_rows(record)
    rows += [
        ("claim", f"{record.claim or 'nothing'}{status}"),
        ("objective", fmt.objective(record.objective, 10)),
        *proof_rows(record, instance.optimum),
    ]
    if record.iterations:
        rows.append(("iterations", fmt.counts(record.iterations)))
    if record.native_options:
        settings = ", ".join(f"{k}={v}" for k, v in record.native_options.items())
        rows.append(("settings", text(settings, "dim")))
    for remark in (record.message, *record.reasons, *record.notes):
        if remark:
            rows.append(("remark", text(remark, "yellow")))
    return pairs(rows)


def cost(record: Record) -> list[Table | Text]:
    """Time and memory by phase."""
    table = listing(
        "Time and memory",
        (Column("phase"), "wall", "CPU", "peak memory"),
        (
            (p.name, fmt.seconds(p.wall_s), fmt.seconds(p.cpu_s), fmt.size_bytes(p.peak_bytes))
            for p in record.phases
        ),
    )
    summary = [
        f"Solver: {fmt.seconds(record.wall_s)} wall, {fmt.seconds(record.cpu_s)} CPU",
        f"{fmt.passes(record.matrix_passes)} matrix passes",
        f"{fmt.size_bytes(record.peak_bytes)} above the level before",
    ]
    if record.threads_used is not None:
        summary.append(plural(record.threads_used, "thread"))
    said = Text(", ".join(summary) + ".")
    if record.disturbed:
        why = disturbance_words(record)
        said.append(f"\nThe machine was disturbed ({why}): measure again.", style="yellow")
    return [table, said]


def plan(facts: Mapping[str, Any]) -> list[Table]:
    """Tables of a plan: targets, activities, goods, resources."""
    activities, goods = facts["activities"], facts["goods"]
    targets = {"target": "name", "delivered": "level", "weight": "weight", "worth": "value"}
    ranked = {"activity": "name", "level": "level"}
    if any(a["capacity"] is not None for a in activities):
        ranked["limit"] = "capacity"
    title = "Largest activities by level"
    if facts["ranked_by"] == "value":
        ranked |= {"value made": "value", "share": "share"}
        title = "Largest activities by the value they make"
    units = {good["unit"] for good in goods}
    priced = {"good": "name"} | ({"unit": "unit"} if len(units) > 1 else {})
    priced |= {"price": "price", "made": "made", "to targets": "delivered", "worth": "value"}
    rents = {"resource": "name", "rent": "rent", "used": "used", "available": "endowment"}
    rents["share of value"] = "share"
    # One unit for all is said once; a column for it would squeeze the names.
    unit = f", unit: {min(units)}" if len(units) == 1 and units != {""} else ""
    tables = [
        facts_table("Targets", facts["targets"], targets, facts["n_targets"]),
        facts_table(title, activities, ranked, facts["running"], "running"),
        facts_table(f"Dearest goods by shadow price{unit}", goods, priced, facts["n_goods"]),
        facts_table("Dearest resources", facts["resources"], rents, facts["n_resources"]),
    ]
    return tables[:2] + [table for table in tables[2:] if table.rows]


def solution(facts: Mapping[str, Any], n_rows: int) -> list[Table]:
    """Tables of a solution of a general LP."""
    columns = {"column": "name", "value": "value", "reduced cost": "dual", "cost · value": "worth"}
    rows = {"row": "name", "dual": "dual", "activity": "value", "dual · activity": "worth"}
    tables = [
        facts_table("Largest columns", facts["columns"], columns, facts["nonzero"], "non-zero"),
        facts_table("Dearest rows by dual value", facts["rows"], rows, n_rows),
    ]
    return tables if facts["rows"] else tables[:1]


def show(parts: Iterable[RenderableType]) -> None:
    """Print `parts` with an empty line between them (a table brings its own)."""
    out = console.out()
    for part in parts:
        out.print(part)
        if not isinstance(part, Table):
            out.print()


def show_comparison(found: Comparison, *, everything: bool, table: bool) -> None:
    """Show a comparison: findings in a table, the rest on standard error, its summary last."""
    shown = shown_findings(found, everything=everything)
    if table and shown:
        show([comparison_table(found, shown)])
        for line in found.about:
            console.out().print(line, style="dim", markup=False)
    for line in found.notes:
        console.note(line)
    for obstacle in found.obstacles:
        console.error(f"could not compare: {obstacle.message}")
    if found.having("worse"):
        console.finding(summary(found))
    elif not found.obstacles:
        console.say(summary(found))


def row_document(record: Record) -> dict[str, Any]:
    """Return `record` for JSON: ``instance`` is its name, ``instance_facts`` all about it.

    Parameters
    ----------
    record : Record

    Returns
    -------
    dict
        Every field of the record, times in seconds and sizes in bytes.
    """
    data = record.model_dump(mode="json")
    facts = data.pop("instance")
    return {"instance": record.instance.name, **data, "instance_facts": facts}


def run_document(records: Sequence[Record]) -> dict[str, Any]:
    """Return several runs for JSON: rows, what their certificates prove together, findings."""
    return {
        "rows": [row_document(record) for record in records],
        "consensus": [
            {
                "instance": instance,
                "lower_bound": found.lower_bound,
                "upper_bound": found.upper_bound,
                "empty": found.empty,
                "disagreeing": [{"solver": name, "why": why} for name, why in found.disagreeing],
                "remarks": [{"solver": name, "what": what} for name, what in found.remarks],
            }
            for instance, found in consensus_of(require_results(records)).items()
        ],
        "findings": find_findings(records),
    }


def announce(records: Sequence[Record]) -> bool:
    """Print every finding on standard error; whether there is one."""
    found = find_findings(records)
    for line in found:
        console.finding(line)
    return bool(found)
