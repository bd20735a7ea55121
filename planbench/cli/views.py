"""How a result looks on a terminal: the head, the outcome, the plan, what it cost.

Units and times are in ``planbench.formatting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from planbench import formatting as fmt
from planbench.catalogue.instance import Instance
from planbench.cli.plan_facts import PlanFacts, SolutionFacts
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.records.verdicts import residuals_only
from planbench.report.instances import disturbance_words

#: A known optimum this far outside of a certified bracket, relative, is no optimum.
KNOWN_TO = 1e-6
_VERDICT_STYLE = {
    "certified": "bold green",
    "loose": "bold yellow",
    "unproven": "bold yellow",
    "wrong": "bold red",
}
_ENDED_WORDS = {
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
            f"{plural(int(lp.matrix.nnz), 'non-zero')}, "
            f"{'maximise' if lp.maximise else 'minimise'}"
        )
    parts = (
        plural(economy.n_goods, "good"),
        plural(economy.n_activities, "activity"),
        plural(economy.n_resources, "resource"),
        plural(economy.n_targets, "target"),
        plural(economy.nnz, "non-zero"),
    )
    return ", ".join(parts)


def columns_of(columns: Sequence[tuple[str, str]]) -> Table:
    """Build an empty table in the style of all tables here.

    Parameters
    ----------
    columns : sequence of (str, str)
        Header and justification; names (``left``) may fold, figures (``right``) may not.
    """
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )
    for header, justify in columns:
        is_name = justify == "left"
        table.add_column(
            header,
            justify="left" if is_name else "right",
            overflow="fold",
            no_wrap=not is_name,
        )
    return table


def listing(title: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> Group:
    """Build a table with its title, which is not folded to the width of the table."""
    table = columns_of(columns)
    for row in rows:
        table.add_row(*(text(cell) for cell in row))
    return Group(Text(title, style="bold"), table)


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Two columns: what it is, and its value."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, text(value) if isinstance(value, str) else value)
    return grid


def head(instance: Instance) -> Group:
    """Name of the instance, its sizes and where it comes from."""
    lines = [text(instance.name, "bold"), Text(size_words(instance))]
    if instance.source:
        lines.append(text(instance.source, "dim"))
    return Group(*lines)


def bracket_text(lower: float | None, upper: float | None) -> str:
    """``lower … upper`` to as many digits as tell them apart, or what is missing."""
    if lower is None and upper is None:
        return "none"
    low = "no lower bound" if lower is None else fmt.objective(lower, 10)
    high = "no upper bound" if upper is None else fmt.objective(upper, 10)
    return low if low == high else f"{low} … {high}"


def three_verdicts(
    plan: str | None, prices: str | None, claim: str | None
) -> list[tuple[str, str | Text]]:
    """Rows with the verdicts of plan, prices and claim; ``none`` for what was not handed back."""
    rows: list[tuple[str, str | Text]] = []
    for name, verdict in (("plan", plan), ("prices", prices), ("claim", claim)):
        said = Text("none", "dim") if verdict is None else Text(verdict, _VERDICT_STYLE[verdict])
        rows.append((f"  {name}", said))
    return rows


def estimate_text(estimate: float, violation: float | None) -> str:
    """Objective of a nearly feasible point, which proves nothing."""
    by = "" if violation is None else f" (violation {fmt.gap(violation)})"
    return f"{fmt.objective(estimate, 10)}{by}, not proven"


def gaps_text(record: Record) -> str:
    """Raw gap, polished gap and what polishing cost."""
    said = f"{fmt.gap(record.raw_gap)} raw"
    if record.polished_gap is not None:
        said += f", {fmt.gap(record.polished_gap)} after {fmt.seconds(record.polish_s)} of polish"
    return said


def verdict_text(record: Record, tolerance: float) -> Text:
    """Say the verdict in words."""
    verdict = record.verdict
    if record.ended != "ok" and verdict is None:
        return Text("there is no answer to judge", style="magenta")
    if verdict is None:
        return Text("nothing to judge", style="bold magenta")
    said = {
        "certified": f"the optimum is proven to within {fmt.gap(tolerance)}",
        "loose": f"its own violations exceed {fmt.gap(tolerance)}; repaired it is proven",
        "unproven": "nothing is proven",
        "wrong": "the answer is refuted",
    }[verdict]
    if verdict == "certified" and record.claim in ("infeasible", "unbounded"):
        said = f"the claim of {record.claim} is proven"
    elif residuals_only(record):
        said = "residuals fit, but no bracket is proven"
    elif verdict == "certified" and record.raw_gap is not None and record.raw_gap > tolerance:
        width = (record.upper_bound or 0.0) - (record.lower_bound or 0.0)
        said = f"the optimum is proven to within {fmt.gap(width)} in its units"
        if record.scale:
            said += f"; what flows through it is {fmt.objective(record.scale, 3)}"
    elif verdict == "loose" and record.raw_gap is not None and record.raw_gap > tolerance:
        said = f"proven, but no closer than {fmt.gap(record.raw_gap)}"
    elif verdict == "loose" and record.plan_verdict == record.prices_verdict == "certified":
        said = "plan and prices are proven, the objective claimed is not theirs"
    return Text.assemble((verdict, _VERDICT_STYLE[verdict]), f": {said}")


def known_optimum(optimum: float, lower: float | None, upper: float | None) -> str | Text:
    """Show an instance's known optimum; one outside of the certified bracket is told to be false.

    An instance's file says what its optimum is, and somebody may have changed its arrays since.
    """
    said = fmt.objective(optimum, 10)
    slack = KNOWN_TO * max(1.0, abs(optimum))
    if (lower is None or lower <= optimum + slack) and (upper is None or upper >= optimum - slack):
        return said
    return Text(f"{said}, refuted: outside of what is certified; was it changed?", "bold red")


def outcome(record: Record, instance: Instance, tolerance: float) -> Table:
    """Solver, what it said, and what that is worth."""
    method = ", ".join(part for part in (record.solver_version, record.method_run) if part)
    claim = record.claim or "nothing"
    ended = Text(_ENDED_WORDS.get(record.ended, ""), style="bold magenta")
    status = f" ({record.native_status})" if record.native_status else ""
    rows: list[tuple[str, str | Text]] = [
        ("solver", f"{record.solver}  {method}".rstrip()),
        *([("ended", ended)] if record.ended != "ok" else []),
        ("verdict", verdict_text(record, tolerance)),
        *(
            three_verdicts(record.plan_verdict, record.prices_verdict, record.claim_verdict)
            if record.verdict is not None
            else []
        ),
        ("claim", f"{claim}{status}"),
        ("objective", fmt.objective(record.objective, 10)),
        ("certified", bracket_text(record.lower_bound, record.upper_bound)),
        ("gap", gaps_text(record)),
    ]
    violation = record.residuals.primal_scaled if record.residuals else None
    if record.estimate is not None:
        rows.append(("estimate", estimate_text(record.estimate, violation)))
    if instance.optimum is not None:
        known = known_optimum(instance.optimum, record.lower_bound, record.upper_bound)
        rows.append(("known optimum", known))
    if record.iterations:
        rows.append(("iterations", counts(record.iterations)))
    if record.native_options:
        settings = ", ".join(f"{k}={v}" for k, v in record.native_options.items())
        rows.append(("settings", text(settings, "dim")))
    for remark in (record.message, *record.reasons, *record.notes):
        if remark:
            rows.append(("remark", text(remark, "yellow")))
    return pairs(rows)


def cost(record: Record) -> Group:
    """Time and memory by phase."""
    rows = [
        (
            phase.name,
            fmt.seconds(phase.wall_s),
            fmt.seconds(phase.cpu_s),
            fmt.size_bytes(phase.peak_bytes),
        )
        for phase in record.phases
    ]
    table = listing(
        "Time and memory",
        (("phase", "left"), ("wall", "right"), ("CPU", "right"), ("peak memory", "right")),
        rows,
    )
    summary = [
        f"Solver: {fmt.seconds(record.wall_s)} wall, {fmt.seconds(record.cpu_s)} CPU",
        f"{fmt.passes(record.matrix_passes)} matrix passes",
        f"{fmt.size_bytes(record.peak_bytes)} above the level before",
    ]
    if record.threads_used is not None:
        summary.append(plural(record.threads_used, "thread"))
    lines: list[RenderableType] = [table, Text(", ".join(summary) + ".")]
    if record.disturbed:
        why = disturbance_words(record)
        lines.append(Text(f"The machine was disturbed ({why}): measure again.", style="yellow"))
    return Group(*lines)


def plan(facts: PlanFacts) -> list[Group]:
    """Tables of a plan: targets, activities, goods, resources."""
    tables = [
        listing(
            _of("Targets", len(facts.targets), facts.n_targets),
            (("target", "left"), ("delivered", "right"), ("weight", "right"), ("worth", "right")),
            ((t.name, amount(t.level), amount(t.weight), amount(t.value)) for t in facts.targets),
        )
    ]
    by_value = facts.ranked_by == "value"
    limited = any(a.capacity is not None for a in facts.activities)
    columns = [("activity", "left"), ("level", "right")]
    columns += [("limit", "right")] if limited else []
    columns += [("value made", "right"), ("share", "right")] if by_value else []
    rows = []
    for a in facts.activities:
        row = [a.name, amount(a.level)]
        row += [amount(a.capacity)] if limited else []
        row += [amount(a.value), percent(a.share)] if by_value else []
        rows.append(row)
    title = "Largest activities by " + ("the value they make" if by_value else "level")
    tables.append(listing(_of(title, len(rows), facts.running, "running"), columns, rows))
    if facts.goods:
        tables.append(_goods(facts))
    if facts.resources:
        tables.append(
            listing(
                _of("Dearest resources", len(facts.resources), facts.n_resources),
                [("resource", "left")]
                + [(n, "right") for n in ("rent", "used", "available", "share of value")],
                (
                    [r.name, amount(r.rent), amount(r.used), amount(r.endowment), percent(r.share)]
                    for r in facts.resources
                ),
            )
        )
    return tables


def _goods(facts: PlanFacts) -> Group:
    units = {g.unit for g in facts.goods}
    title = _of("Dearest goods by shadow price", len(facts.goods), facts.n_goods)
    # One unit for all is said once; a column for it would squeeze the names.
    if len(units) == 1 and units != {""}:
        title += f", unit: {next(iter(units))}"
    own_units = len(units) > 1
    columns = [("good", "left"), *([("unit", "left")] if own_units else [])]
    columns += [(name, "right") for name in ("price", "made", "to targets", "worth")]
    rows = (
        [g.name, *([g.unit] if own_units else [])]
        + [amount(v) for v in (g.price, g.made, g.delivered, g.value)]
        for g in facts.goods
    )
    return listing(title, columns, rows)


def solution(facts: SolutionFacts, n_rows: int) -> list[Group]:
    """Tables of a solution of a general LP."""
    tables = [
        listing(
            _of("Largest columns", len(facts.columns), facts.nonzero, "non-zero"),
            [("column", "left")]
            + [(n, "right") for n in ("value", "reduced cost", "cost · value")],
            ([c.name, amount(c.value), amount(c.dual), amount(c.worth)] for c in facts.columns),
        )
    ]
    if facts.rows:
        tables.append(
            listing(
                _of("Dearest rows by dual value", len(facts.rows), n_rows),
                [("row", "left")] + [(n, "right") for n in ("dual", "activity", "dual · activity")],
                ([r.name, amount(r.dual), amount(r.value), amount(r.worth)] for r in facts.rows),
            )
        )
    return tables


def show(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print `parts` with an empty line between them (a table brings its own)."""
    for part in parts:
        console.print(part)
        if not (isinstance(part, Group) and isinstance(part.renderables[-1], Table)):
            console.print()


def _of(title: str, shown: int, total: int, kind: str = "") -> str:
    if shown >= total:
        return title
    return f"{title} ({fmt.count(shown)} of {fmt.count(total)}{' ' + kind if kind else ''})"


def amount(value: float | None, digits: int = 5) -> str:
    """Format an amount: ``1,234.5``, ``0.0012346``, ``1.2346e-9``; ``–`` for None."""
    if value is None:
        return fmt.UNKNOWN
    if value == 0:
        return "0"
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "∞", "-inf": "−∞"}.get(repr(value), "NaN")
    if not 1e-4 <= abs(value) < 1e12:
        mantissa, power = f"{value:.{max(digits - 1, 0)}e}".split("e")
        return f"{_bare(mantissa)}e{int(power)}"
    whole = len(str(int(abs(value))))
    decimals = max(0, digits - whole) if abs(value) >= 1 else digits
    text = f"{value:,.{decimals}f}" if abs(value) >= 1 else f"{value:.{digits}g}"
    return _bare(text)


def _bare(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None) -> str:
    """Format a share: ``53 %``, ``0.4 %``; ``–`` for None."""
    if share is None or share != share:
        return fmt.UNKNOWN
    if 0 < abs(share) < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.3g} %"


def counts(iterations: Mapping[str, int]) -> str:
    """Format iterations by kind: ``1,234 simplex, 7 crossover``; ``–`` where not told."""
    told = [f"{fmt.count(n)} {kind}" for kind, n in iterations.items()]
    return ", ".join(told) or fmt.UNKNOWN
