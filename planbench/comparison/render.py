"""How comparisons are shown: terminal tables, Markdown, JUnit XML and JSON's own types.

Findings, of runs of a suite (``regress``) and of paired runs (``ab``) alike, come first; then a
search among versions (``bisect``) and levels over many runs (``history``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from rich.text import Text

import planbench.formatting as fmt
from planbench.comparison.ab import PairedComparison
from planbench.comparison.bisect import BisectResult, Direction
from planbench.comparison.findings import LAYERS, Comparison, Finding, Unit, Verdict
from planbench.comparison.history import ChangePoint, History, Measure, Series
from planbench.formatting import plain, plural
from planbench.report.table import Column, Entry, Mark, Table, markdown_table, number, safe_markdown
from planbench.stats.paired import PairedRatio


def in_unit(value: float | str | None, unit: Unit | Measure) -> str:
    """Write a figure in its unit; words as they are."""
    if value is None:
        return fmt.UNKNOWN
    if isinstance(value, str):
        return plain(value)
    match unit:
        case "bytes":
            return fmt.size_bytes(value)
        case "passes":
            return f"{fmt.passes(value)} passes"
        case "seconds":
            return fmt.seconds(value)
        case "exponent":
            return fmt.exponent(value)
        case "objective":
            return fmt.objective(value, 12)
        case "gap":
            return fmt.gap(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


# -- findings ---------------------------------------------------------------------------------

#: What a finding is marked with where there is no colour, and where there is.
_MARKS: dict[Verdict, tuple[str, Mark]] = {
    "worse": ("🔴", "bold bad"),
    "better": ("🟢", "good"),
    "same": ("⚪", ""),
    "unclear": ("🟡", "warn"),
    "skipped": ("⚪", "none"),
}


def change(finding: Finding) -> str:
    """Write how a figure changed: a ratio with its interval, or a difference."""
    old, new = finding.baseline, finding.candidate
    low, high = finding.low, finding.high
    if isinstance(old, float) and isinstance(new, float) and finding.unit == "exponent":
        spread = "" if low is None or high is None else f" ({low:+.2f} to {high:+.2f})"
        return f"{new - old:+.2f}{spread}"
    if isinstance(old, float) and isinstance(new, float) and finding.unit == "objective":
        return f"{(new - old) / max(abs(old), abs(new)):+.1e}" if old != new else "0"
    ratio = finding.ratio
    if ratio is None:
        return ""
    if finding.verdict == "same" and ratio == 1.0:
        return "1×"
    digits = 2 if abs(ratio - 1) >= 0.005 else 4
    shown = f"{ratio:.{digits}f}×" if ratio < 1e4 else f"{ratio:.1e}×"
    known = low is not None and high is not None and high < 1e4
    return shown + (f" ({low:.2f} to {high:.2f})" if known else "")


def because(finding: Finding) -> str:
    """Say what a finding was held to, and why it is what it is."""
    return plain("; ".join(part for part in (finding.rule, finding.note) if part))


def figures(finding: Finding) -> str:
    """Write both figures; empty where neither is known."""
    if finding.baseline is None and finding.candidate is None:
        return ""
    before, now = (in_unit(v, finding.unit) for v in (finding.baseline, finding.candidate))
    return f"{before} → {now}"


def sentence(finding: Finding) -> str:
    """Say both figures, how they changed, and why that is what it is."""
    why = because(finding)
    parts = [figures(finding), change(finding), f"({why})" if why else ""]
    return " ".join(filter(None, parts))


def summary(comparison: Comparison) -> str:
    """Say in one line what a comparison came to."""
    worse = comparison.having("worse")
    if comparison.obstacles and not comparison.compared and not worse:
        return f"could not compare: {comparison.obstacles[0].message}"
    count = comparison.counts
    parts = [f"{plural(comparison.compared, 'measurement')} compared"]
    parts += [f"{count[v]} {v}" for v in ("unclear", "better") if count.get(v)]
    tail = f" ({', '.join(parts)})"
    if worse:
        first = worse[0]
        moved = change(first) or sentence(first)
        return plain(f"{len(worse)} worse, first {first.where}: {first.measure} {moved}{tail}")
    if comparison.obstacles:
        return plain(f"not all could be compared: {comparison.obstacles[0].message}{tail}")
    return f"nothing worse{tail}"


#: Rows shown of each verdict unless all are asked for; what is worse is always shown.
MOST = 12


def shown_findings(comparison: Comparison, *, everything: bool = False) -> list[Finding]:
    """Choose what a person wants to see: all that is worse, some of the unclear and better."""
    if everything:
        return list(comparison.findings)
    shown = list(comparison.having("worse"))
    shown += comparison.having("unclear")[:MOST]
    shown += comparison.having("better")[:MOST]
    return shown


def left_out_words(comparison: Comparison, shown: Sequence[Finding]) -> str:
    """Say what is not shown; empty where everything is."""
    here = {id(f) for f in shown}
    rest = [f.verdict for f in comparison.findings if id(f) not in here]
    parts = [f"{rest.count(v)} {v}" for v in _MARKS if v in rest]
    return f"Not shown: {', '.join(parts)}." if parts else ""


#: Names of sides up to this length head the column of both figures.
SHORT_NAME = 8


def comparison_table(
    comparison: Comparison, shown: Sequence[Finding], *, signs: bool = False
) -> Table:
    """Lay out findings, a row each.

    Parameters
    ----------
    comparison : Comparison
    shown : sequence of Finding
    signs : bool
        With a coloured disc before each verdict, where there is no colour.
    """
    rest = left_out_words(comparison, shown)
    names = [plain(comparison.baseline), plain(comparison.candidate)]
    # Names of files are too long to head a column.
    both = " → ".join(names) if max(map(len, names)) <= SHORT_NAME else "before → now"
    return Table(
        caption=Text(f"{rest} --all shows them.", style="dim") if rest else "",
        keys=3,
        columns=(
            Column("verdict", whole=True),
            Column("layer", places="page"),
            Column("solver and instance", "long", fold=True, width=21),
            Column("what", fold=True, width=12),
            Column(both, "number", fold=True, width=17, places="terminal"),
            Column(names[0], "number", places="page"),
            Column(names[1], "number", places="page"),
            Column("change", "number", fold=True, width=12),
            Column("held to", "long", fold=True, width=24),
        ),
        rows=[_finding_row(finding, signs=signs) for finding in shown],
    )


def _finding_row(finding: Finding, *, signs: bool) -> list[Entry]:
    sign, mark = _MARKS[finding.verdict]
    return [
        Entry(f"{sign} {finding.verdict}" if signs else finding.verdict, mark=mark),
        Entry(finding.layer),
        Entry(plain(finding.where)),
        Entry(finding.measure),
        Entry(figures(finding)),
        Entry(in_unit(finding.baseline, finding.unit)),
        Entry(in_unit(finding.candidate, finding.unit)),
        Entry(change(finding), finding.ratio, mark),
        Entry(because(finding)),
    ]


#: A comment on a pull request holds 65,536 characters.
MOST_ROWS = 60


def comparison_to_markdown(comparison: Comparison, *, everything: bool = False) -> str:
    """Write the comparison as Markdown for a pull request or a job's summary."""
    mark = {0: "🟢", 1: "🔴", 2: "🟡"}[comparison.exit_code]
    lines = [f"### {mark} planbench: {safe_markdown(summary(comparison))}", ""]
    shown = shown_findings(comparison, everything=everything)[:MOST_ROWS]
    if shown:
        lines += [markdown_table(comparison_table(comparison, shown, signs=True)), ""]
    said = [
        *comparison.about,
        *(o.message for o in comparison.obstacles),
        *comparison.notes,
        left_out_words(comparison, shown),
    ]
    lines += [f"- {safe_markdown(line)}" for line in said if line]
    return "\n".join(lines).rstrip() + "\n"


def to_junit(comparison: Comparison) -> str:
    """Write the comparison as JUnit XML: a suite per layer, a case per figure."""
    root = ElementTree.Element("testsuites", name="planbench regress")
    if comparison.obstacles:
        suite = _add_suite(root, "comparable", len(comparison.obstacles))
        suite.set("errors", str(len(comparison.obstacles)))
        for obstacle in comparison.obstacles:
            case = _add_case(suite, "comparable", obstacle.kind or "nothing in common")
            ElementTree.SubElement(case, "error", message=plain(obstacle.message))
    for layer in LAYERS:
        mine = [f for f in comparison.findings if f.layer == layer]
        if mine:
            _add_layer(_add_suite(root, layer, len(mine)), layer, mine)
    for field in ("tests", "failures", "errors", "skipped"):
        root.set(field, str(sum(int(suite.get(field, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(root: ElementTree.Element, name: str, tests: int) -> ElementTree.Element:
    zero = {"failures": "0", "errors": "0", "skipped": "0"}
    return ElementTree.SubElement(root, "testsuite", {"name": name, "tests": str(tests), **zero})


def _add_case(suite: ElementTree.Element, layer: str, name: str) -> ElementTree.Element:
    facts = {"classname": f"planbench.{layer}", "name": plain(name), "time": "0"}
    return ElementTree.SubElement(suite, "testcase", facts)


def _add_layer(suite: ElementTree.Element, layer: str, findings: Sequence[Finding]) -> None:
    for finding in findings:
        case = _add_case(suite, layer, f"{finding.where}: {finding.measure}")
        text = sentence(finding)
        if finding.verdict == "worse":
            failure = ElementTree.SubElement(case, "failure", message=plain(text), type="worse")
            failure.text = plain(f"{finding.where}: {finding.measure}: {text}")
        elif finding.verdict in ("unclear", "skipped"):
            ElementTree.SubElement(case, "skipped", message=plain(f"{finding.verdict}: {text}"))
    suite.set("failures", str(sum(f.verdict == "worse" for f in findings)))
    suite.set("skipped", str(sum(f.verdict in ("unclear", "skipped") for f in findings)))


def to_document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison in JSON's own types (all findings, worst first)."""
    return {
        "summary": summary(comparison),
        "exit_code": comparison.exit_code,
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
        "compared": comparison.compared,
        "counts": {verdict: comparison.counts.get(verdict, 0) for verdict in _MARKS},
        "obstacles": [asdict(o) for o in comparison.obstacles],
        "notes": list(comparison.notes),
        "findings": [asdict(f) for f in comparison.findings],
    }


def ab_document(made: PairedComparison) -> dict[str, Any]:
    """Return the comparison of two sides in JSON's own types, an entry per instance."""
    return {
        "a": made.a,
        "b": made.b,
        "environments": dict(zip("ab", made.environments, strict=True)),
        "versions": dict(zip("ab", made.versions, strict=True)),
        "measure": made.settings.measure,
        "least_effect": made.settings.schedule.least_effect,
        "confidence": made.settings.schedule.confidence,
        "overall": summary(made.comparison),
        "mean_ratio": made.mean_ratio,
        "exit_code": made.exit_code,
        "pairs_made": made.pairs_made,
        "pairs_found": made.pairs_found,
        "budget_spent": made.budget_spent,
        "elapsed_s": made.elapsed_s,
        "results": str(made.store),
        "instances": [
            {
                "instance": found.case.instance,
                "solver": found.case.solver,
                "verdict": found.outcome,
                "sentence": sentence(found.finding),
                "ratio": _ratio(found.ratio),
                "control": _ratio(found.control),
                "pairs": found.pairs,
                "disturbed_pairs": found.disturbed,
                "typical": dict(zip("ab", found.typical, strict=True)),
                "iterations": dict(zip("ab", map(dict, found.iterations), strict=True)),
                "ends": dict(zip("ab", map(dict, found.ends), strict=True)),
                "findings": [f.note for f in found.faults],
                "remarks": list(found.remarks),
                "reason": found.reason,
            }
            for found in made.results
        ],
    }


def _ratio(found: PairedRatio | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    shown = {name: getattr(found, name) for name in ("ratio", "low", "high", "verdict")}
    return shown | {"pairs": found.n}


# -- a search among versions -------------------------------------------------------------------


def bisect_sentence(found: BisectResult, solver: str, instance: str, measure: str) -> str:
    """Say in one sentence what the search came to."""
    where = f"{measure} of {solver} on {instance}"
    first, last = found.versions[0], found.versions[-1]
    if not found.decided:
        assert found.before is not None
        assert found.after is not None
        return (
            f"{where}: not decided; a change, if there is one, lies between "
            f"{found.versions[found.before]} and {found.versions[found.after]}."
        )
    if found.before is None or found.after is None:
        return f"{where}: no change between {first} and {last}."
    return (
        f"{where}: changed in {found.versions[found.after]} "
        f"(the version before is {found.versions[found.before]})."
    )


_CHANGES: dict[Direction, str] = {
    "none": "no",
    "up": "more",
    "down": "less",
    "other": "differs",
    "unknown": "unclear",
}


def bisect_table(found: BisectResult) -> Table:
    """Lay out the comparisons of a search, a row each."""
    names = found.versions
    return Table(
        columns=[Column(name, fold=True) for name in ("version", "against", "change", "seen")],
        rows=[
            [names[step.version], names[step.first], _CHANGES[step.change], step.words]
            for step in found.steps
        ],
    )


def bisect_document(
    found: BisectResult, solver: str, instance: str, measure: str
) -> dict[str, Any]:
    """Return the search in JSON's own types."""

    def name(position: int | None) -> str | None:
        return None if position is None else found.versions[position]

    return {
        "instance": instance,
        "solver": solver,
        "measure": measure,
        "versions": list(found.versions),
        "decided": found.decided,
        "changed_in": name(found.after) if found.decided else None,
        "between": [name(found.before), name(found.after)],
        "sentence": bisect_sentence(found, solver, instance, measure),
        "remarks": list(found.remarks),
        "steps": [
            {
                "version": name(step.version),
                "against": name(step.first),
                "change": step.change,
                "ratio": step.ratio,
                "seen": step.words,
            }
            for step in found.steps
        ],
        "exit_code": found.exit_code,
    }


# -- levels over many runs ---------------------------------------------------------------------

HISTORY_TITLES: dict[Measure, str] = {
    "passes": "matrix passes",
    "seconds": "seconds",
    "bytes": "peak memory",
    "iterations": "iterations",
}


def change_ratio(change: ChangePoint) -> str:
    """Write by how much a level changed."""
    return fmt.UNKNOWN if change.ratio is None else f"{change.ratio:.2f}×"


def changes_in_order(history: History) -> list[tuple[Series, ChangePoint]]:
    """All steps, latest first."""
    found = [(series, change) for series in history.series for change in series.changes]
    found.sort(key=lambda pair: (pair[1].after.started_at, pair[0].solver), reverse=True)
    return found


def steps_table(history: History) -> Table:
    """Lay out all steps, latest first."""
    return Table(
        keys=4,
        columns=(
            Column("when", fold=True),
            Column("solver", "solver", fold=True),
            Column("instance", "long", fold=True),
            Column("measure", fold=True),
            Column("before", "number", whole=True),
            Column("after", "number", whole=True),
            Column("ratio", "number", whole=True),
            Column("changed", "long", fold=True),
        ),
        rows=[
            [
                Entry(change.after.started_at[:16].replace("T", " ")),
                Entry(series.solver),
                Entry(series.instance),
                Entry(HISTORY_TITLES[series.measure]),
                number(in_unit(change.level_before, series.measure), change.level_before),
                number(in_unit(change.level_after, series.measure), change.level_after),
                number(
                    change_ratio(change),
                    change.ratio,
                    "bad" if change.level_after > change.level_before else "good",
                ),
                Entry(plain(change.what_changed or "nothing recorded")),
            ]
            for series, change in changes_in_order(history)
        ],
    )


def history_document(found: History) -> dict[str, Any]:
    """Return the series and their steps in JSON's own types."""
    return {
        "machine": found.machine,
        "machine_id": found.machine_id,
        "runs": found.runs,
        "notes": list(found.notes),
        "series": [
            {
                "solver": s.solver,
                "instance": s.instance,
                "sha256": s.sha256,
                "measure": s.measure,
                "points": [asdict(p) | {"packages": dict(p.packages)} for p in s.points],
                "steps": [
                    {
                        "when": c.after.started_at,
                        "before": c.level_before,
                        "after": c.level_after,
                        "ratio": c.ratio,
                        "from_commit": c.before.commit,
                        "to_commit": c.after.commit,
                        "changed": c.what_changed,
                    }
                    for c in s.changes
                ],
            }
            for s in found.series
        ],
    }
