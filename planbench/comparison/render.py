"""How comparisons are shown: text, terminal tables, Markdown, JUnit XML and JSON's own types.

In the order of the file: two runs of a suite (``regress``), paired runs (``ab``), a search among
versions (``bisect``), levels over many runs (``history``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import exp, log
from typing import Any
from xml.etree import ElementTree

from rich.text import Text

from planbench import formatting as fmt
from planbench.comparison.ab import PairedComparison, distinct_names
from planbench.comparison.bisect import BisectResult, Direction
from planbench.comparison.findings import LAYERS, Comparison, Finding, Verdict
from planbench.comparison.history import ChangePoint, History, Measure, Series
from planbench.comparison.paired import PairedResult
from planbench.formatting import plain, plural
from planbench.report.table import (
    Column,
    Entry,
    Mark,
    Table,
    markdown_code,
    markdown_table,
    number,
    safe_markdown,
)
from planbench.stats.paired import PairedRatio


def in_unit(value: float | None, unit: str) -> str:
    """Write a cost: bytes, seconds (also of ``time`` and ``cpu``), matrix passes, iterations."""
    if unit == "bytes":
        return fmt.size_bytes(value)
    if unit == "passes":
        return fmt.passes(value)
    if unit == "iterations" and value is not None:
        return f"{value:,.0f}"
    return fmt.seconds(value)


# -- two runs of a suite ----------------------------------------------------------------------

_SIGNS: dict[Verdict, str] = {
    "worse": "🔴",
    "better": "🟢",
    "same": "⚪",
    "unclear": "🟡",
    "skipped": "⚪",
}


def amount(finding: Finding, value: float | str | None) -> str:
    """Write one of the two figures of a finding in its unit."""
    if value is None:
        return fmt.UNKNOWN
    if isinstance(value, str):
        return plain(value)
    if finding.layer == "memory":
        return fmt.size_bytes(value)
    if finding.layer == "time":
        return f"{fmt.passes(value)} passes"
    if finding.layer == "scaling":
        return fmt.exponent(value)
    if finding.measure == "objective":
        return fmt.objective(value, 12)
    if finding.measure == "certified gap":
        return fmt.gap(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


def change(finding: Finding) -> str:
    """Write how a figure changed: a ratio with its interval, or a difference."""
    if finding.layer == "scaling":
        if isinstance(finding.baseline, float) and isinstance(finding.candidate, float):
            middle = f"{finding.candidate - finding.baseline:+.2f}"
            return middle + _interval(finding.low, finding.high, signed=True)
        return ""
    if finding.measure == "objective":
        old, new = finding.baseline, finding.candidate
        if isinstance(old, str) or isinstance(new, str) or old is None or new is None:
            return ""
        scale = max(abs(old), abs(new))
        return f"{(new - old) / scale:+.1e}" if old != new else "0"
    if finding.ratio is None:
        return ""
    if finding.verdict == "same" and finding.ratio == 1.0:
        return "1×"
    digits = 2 if abs(finding.ratio - 1) >= 0.005 else 4
    shown = f"{finding.ratio:.{digits}f}×" if finding.ratio < 1e4 else f"{finding.ratio:.1e}×"
    return shown + _interval(finding.low, finding.high)


def _interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    if low is None or high is None:
        return ""
    if signed:
        return f" ({low:+.2f} to {high:+.2f})"
    return f" ({low:.2f} to {high:.2f})" if high < 1e4 else ""


def because(finding: Finding) -> str:
    """Say what a finding was held to, and why it is what it is."""
    return plain("; ".join(part for part in (finding.rule, finding.note) if part))


def summary(comparison: Comparison) -> str:
    """Say in one line what a comparison came to."""
    worse = comparison.having("worse")
    if comparison.obstacles and not worse:
        return f"could not compare: {comparison.obstacles[0].message}"
    count = comparison.counts
    parts = [f"{plural(comparison.compared, 'measurement')} compared"]
    parts += [f"{count[v]} {v}" for v in ("unclear", "better") if count.get(v)]
    tail = f" ({', '.join(parts)})"
    if not worse:
        return f"nothing worse{tail}"
    first = worse[0]
    moved = change(first) or f"{amount(first, first.baseline)} → {amount(first, first.candidate)}"
    return plain(f"{len(worse)} worse, first {first.where}: {first.measure} {moved}{tail}")


MARKS: dict[Verdict, Mark] = {
    "worse": "bold bad",
    "better": "good",
    "same": "",
    "unclear": "warn",
    "skipped": "none",
}
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
    rest = [f for f in comparison.findings if id(f) not in here]
    counts = {v: sum(f.verdict == v for f in rest) for v in _SIGNS}
    parts = [f"{count} {v}" for v, count in counts.items() if count]
    return f"Not shown: {', '.join(parts)}." if parts else ""


#: Columns of the terminal below which a table of findings leaves out what it can.
NARROW = 110


def comparison_table(
    comparison: Comparison,
    shown: Sequence[Finding],
    *,
    narrow: bool = False,
    signs: bool = False,
) -> Table:
    """Lay out findings, a row each.

    Parameters
    ----------
    comparison : Comparison
    shown : sequence of Finding
    narrow : bool
        Without layer and rule, both figures in one column.
    signs : bool
        With a coloured disc before each verdict, where there is no colour.
    """
    sides = [plain(name) for name in (comparison.baseline, comparison.candidate)]
    rest = left_out_words(comparison, shown)
    return Table(
        caption=Text(f"{rest} --all shows them.", style="dim") if rest else "",
        keys=3 if narrow else 4,
        columns=(
            Column("verdict", whole=True),
            *(() if narrow else (Column("layer", whole=True),)),
            Column("solver and instance", fold=True),
            Column("what", fold=True, width=12 if narrow else None),
            *(
                Column(name, "number", fold=True, width=18 if narrow else None)
                for name in (["before → now"] if narrow else sides)
            ),
            Column("change", "number", fold=True, width=12 if narrow else None),
            *(() if narrow else (Column("held to", fold=True),)),
        ),
        rows=[_finding_row(finding, narrow=narrow, signs=signs) for finding in shown],
    )


def _finding_row(finding: Finding, *, narrow: bool, signs: bool) -> list[Entry]:
    sign = f"{_SIGNS[finding.verdict]} " if signs else ""
    figures = [amount(finding, value) for value in (finding.baseline, finding.candidate)]
    changed = change(finding)
    mark = MARKS[finding.verdict]
    return [
        Entry(sign + finding.verdict, mark=mark),
        *([] if narrow else [Entry(finding.layer)]),
        Entry(plain(finding.where)),
        Entry(finding.measure),
        *map(Entry, [" → ".join(figures)] if narrow else figures),
        Entry(changed.replace(" (", "\n(") if narrow else changed, mark=mark),
        *([] if narrow else [Entry(because(finding))]),
    ]


#: A comment on a pull request holds 65,536 characters.
MOST_ROWS = 60


def comparison_to_markdown(comparison: Comparison) -> str:
    """Write the comparison as Markdown for a pull request or a job's summary."""
    mark = {0: "🟢", 1: "🔴", 2: "🟡"}[comparison.exit_code]
    lines = [f"### {mark} planbench: {safe_markdown(summary(comparison))}", ""]
    shown = shown_findings(comparison)
    table = shown[:MOST_ROWS]
    if table:
        lines += [markdown_table(comparison_table(comparison, table, signs=True)), ""]
    rest = left_out_words(comparison, table)
    said = [
        *(o.message for o in comparison.obstacles),
        *comparison.notes,
        *([rest] if rest else []),
    ]
    lines += [f"- {safe_markdown(line)}" for line in said]
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
        text = (
            f"{amount(finding, finding.baseline)} → {amount(finding, finding.candidate)} "
            f"{change(finding)} ({because(finding)})"
        )
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
        "counts": {verdict: comparison.counts.get(verdict, 0) for verdict in _SIGNS},
        "obstacles": [asdict(o) for o in comparison.obstacles],
        "notes": list(comparison.notes),
        "findings": [asdict(f) for f in comparison.findings],
    }


# -- paired runs -------------------------------------------------------------------------------

#: Names of solvers up to this length stay whole; command lines are folded.
LONGEST_NAME = 40
_OUTCOME_MARKS: dict[str, Mark] = {
    "slower": "bad",
    "worse": "bad",
    "faster": "good",
    "better": "good",
}


def side_names(comparison: PairedComparison) -> tuple[str, str]:
    """Name the two sides."""
    return distinct_names(comparison.a, comparison.b)


def side_lines(comparison: PairedComparison) -> tuple[str, ...]:
    """Return ``a: …`` and ``b: …``, with what was installed where the side does not say it."""
    return tuple(
        f"{letter}: {name}" + (f" = {found}" if found not in ("", name) else "")
        for letter, name, found in zip(
            "ab", side_names(comparison), comparison.environments, strict=True
        )
    )


def solver_of(comparison: PairedComparison, verdict: PairedResult) -> str:
    """Name what ran on one instance: one solver, or that of either side."""
    a, b = (own or verdict.case.solver for own in comparison.solvers)
    return a if a == b else f"{a} / {b}"


def place_of(comparison: PairedComparison, verdict: PairedResult) -> str:
    """Name an instance, and what ran on it where the sides do not say it."""
    own = comparison.solvers
    if all(own) and own[0] != own[1]:  # the names of the sides say it already
        return verdict.case.instance
    return f"{solver_of(comparison, verdict)} on {verdict.case.instance}"


def ab_sentence(comparison: PairedComparison, verdict: PairedResult) -> str:
    """Say in one sentence what was found on one instance."""
    a, b = side_names(comparison)
    place = place_of(comparison, verdict)
    if verdict.outcome == "worse":
        return f"{place}: {b} does not come to an end where {a} does: {verdict.reason}."
    if verdict.outcome == "better":
        return f"{place}: {b} comes to an end where {a} does not: {verdict.reason}."
    if verdict.outcome == "not-compared":
        return f"{place}: could not be compared: {verdict.reason}."
    if verdict.outcome == "too-short":
        return (
            f"{place}: answers and iterations compared only: {verdict.reason} "
            f"({_typical(verdict, 'time')})."
        )
    if verdict.ratio is None:
        return f"{place}: not decided: {verdict.reason}."
    effect = f"{100 * comparison.least_effect:g} %"
    figures = (
        f"{verdict.ratio.ratio:.3g} times the {_measure(comparison)} of {a}"
        f"{_between(verdict.ratio)}, {_typical(verdict, comparison.measure)}, "
        f"{plural(verdict.ratio.n, 'pair')}"
    )
    if verdict.outcome in ("slower", "faster"):
        return f"{place}: {b} is {verdict.outcome}: {figures}."
    if verdict.outcome == "same":
        return f"{place}: no difference of {effect}: {b} took {figures}."
    return f"{place}: not decided ({verdict.reason}): {b} took {figures}."


def ab_sentences(comparison: PairedComparison) -> list[str]:
    """Return a sentence for each instance; those that were not run share one."""
    said = [ab_sentence(comparison, v) for v in comparison.results if v.pairs]
    left = sum(not v.pairs for v in comparison.results)
    if left:
        said.append(
            f"{plural(left, 'comparison')} not run within the budget; raise it with --budget."
        )
    return said


def ab_overall(comparison: PairedComparison) -> str:
    """Say in one sentence what was found over all instances."""
    a, b = side_names(comparison)
    counts: Counter[str] = Counter(v.outcome for v in comparison.results)
    total = len(comparison.results)
    if counts["not-compared"] == total and not any(v.faults for v in comparison.results):
        many = plural(total, "comparison")
        return f"Nothing could be compared: {b} against {a}, {many} without a verdict."
    said = [
        f"{text} on {counts[outcome]}"
        for outcome, text in (
            ("worse", "fails"),
            ("slower", "slower"),
            ("faster", "faster"),
            ("better", "the only one to end"),
            ("same", f"the same within {100 * comparison.least_effect:g} %"),
            ("too-short", "too short to be timed"),
            ("ambiguous", "not decided"),
            ("not-compared", "not comparable"),
        )
        if counts[outcome]
    ]
    differing = sum(bool(v.faults) for v in comparison.results)
    if differing:
        said.append(f"with findings on {differing}")
    mean = mean_ratio(comparison)
    tail = ""
    if mean is not None and total > 1:
        tail = f"; {mean:.3g} times the {_measure(comparison)} in the geometric mean"
    return (
        f"Overall, {b} against {a}, {plural(total, 'comparison')}: " + ", ".join(said) + f"{tail}."
    )


def mean_ratio(comparison: PairedComparison) -> float | None:
    """Geometric mean of the ratios; None without any."""
    logs = [log(v.ratio.ratio) for v in comparison.results if v.ratio is not None]
    return exp(sum(logs) / len(logs)) if logs else None


def ab_table(comparison: PairedComparison) -> Table:
    """Lay out both sides' cost and its ratio, a row per instance and solver."""
    solvers = [solver_of(comparison, found) for found in comparison.results]
    return Table(
        keys=2,
        columns=(
            Column("instance", fold=True),
            Column("solver", fold=True, whole=all(len(name) <= LONGEST_NAME for name in solvers)),
            *(
                Column(heading, "number", whole=True)
                for heading in ("a", "b", "b / a", "interval", "pairs")
            ),
            Column("verdict", fold=True),
        ),
        rows=[
            [
                Entry(found.case.instance),
                Entry(solver),
                *(number(in_unit(v, comparison.measure), v) for v in found.typical),
                *_ratio_entries(found.ratio),
                number(str(found.pairs), found.pairs),
                Entry(found.outcome, mark=_OUTCOME_MARKS.get(found.outcome, "")),
            ]
            for found, solver in zip(comparison.results, solvers, strict=True)
        ],
    )


def _ratio_entries(ratio: PairedRatio | None) -> list[Entry]:
    if ratio is None:
        return [number("", None), number("", None)]
    known = ratio.low is not None and ratio.high is not None
    spread = fmt.between(f"{ratio.low:.3f}", f"{ratio.high:.3f}") if known else fmt.UNKNOWN
    return [number(f"{ratio.ratio:.3f}", ratio.ratio), Entry(spread)]


def ab_markdown(comparison: PairedComparison) -> str:
    """Write the comparison for a comment on a pull request."""
    a, b = side_names(comparison)
    lines = [
        f"### planbench: {markdown_code(b)} against {markdown_code(a)}",
        "",
        f"**{safe_markdown(ab_overall(comparison))}**",
        "",
        markdown_table(ab_table(comparison)),
    ]
    notes = [
        f"- {safe_markdown(note)}"
        for v in comparison.results
        for note in (*(f.note for f in v.faults), *v.remarks)
        if note
    ]
    if notes:
        lines += ["", *dict.fromkeys(notes)]
    if any(" = " in side for side in side_lines(comparison)):
        lines += ["", *(f"- {safe_markdown(side)}" for side in side_lines(comparison))]
    lines += ["", f"<sub>{safe_markdown(ab_small_print(comparison))}</sub>", ""]
    return "\n".join(lines)


def ab_small_print(comparison: PairedComparison) -> str:
    """How sure the verdicts are, and what was spent on them."""
    differ = "; ".join(
        f"{letter}: " + ", ".join(f"{n} {v}" for n, v in sorted(found.items()))
        for letter, found in zip("ab", comparison.versions, strict=True)
        if found
    )
    return (
        f"Ratios of {_measure(comparison)}, b over a, of interleaved pairs of runs; at "
        f"{100 * comparison.confidence:g} % confidence no verdict is wrong; differences below "
        f"{100 * comparison.least_effect:g} % do not count. {comparison.pairs_made} pairs run"
        + (f", {comparison.pairs_found} were there already" if comparison.pairs_found else "")
        + f", {fmt.seconds(comparison.elapsed_s)}."
        + (f" {differ}." if differ else "")
    )


def ab_document(comparison: PairedComparison) -> dict[str, Any]:
    """Return the comparison in JSON's own types."""
    return {
        "a": comparison.a,
        "b": comparison.b,
        "environments": dict(zip("ab", comparison.environments, strict=True)),
        "versions": dict(zip("ab", comparison.versions, strict=True)),
        "measure": comparison.measure,
        "least_effect": comparison.least_effect,
        "confidence": comparison.confidence,
        "overall": ab_overall(comparison),
        "mean_ratio": mean_ratio(comparison),
        "exit_code": comparison.exit_code,
        "pairs_made": comparison.pairs_made,
        "pairs_found": comparison.pairs_found,
        "budget_spent": comparison.budget_spent,
        "elapsed_s": comparison.elapsed_s,
        "results": str(comparison.store),
        "instances": [
            {
                "instance": v.case.instance,
                "solver": solver_of(comparison, v),
                "verdict": v.outcome,
                "sentence": ab_sentence(comparison, v),
                "ratio": _ratio(v.ratio),
                "control": _ratio(v.control),
                "pairs": v.pairs,
                "disturbed_pairs": v.disturbed,
                "typical": dict(zip("ab", v.typical, strict=True)),
                "iterations": dict(zip("ab", map(dict, v.iterations), strict=True)),
                "ends": dict(zip("ab", map(dict, v.ends), strict=True)),
                "findings": [f.note for f in v.faults],
                "remarks": list(v.remarks),
                "reason": v.reason,
            }
            for v in comparison.results
        ],
    }


def _ratio(found: PairedRatio | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    return {
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "pairs": found.n,
        "verdict": found.verdict,
    }


def _measure(comparison: PairedComparison) -> str:
    return {"time": "time", "cpu": "CPU time", "passes": "matrix passes"}[comparison.measure]


def _between(ratio: PairedRatio) -> str:
    if ratio.low is None or ratio.high is None:
        return ""
    return f" (between {ratio.low:.3g} and {ratio.high:.3g})"


def _typical(verdict: PairedResult, measure: str) -> str:
    a, b = (in_unit(value, measure) for value in verdict.typical)
    return f"{b} against {a}"


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
