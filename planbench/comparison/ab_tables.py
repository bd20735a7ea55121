"""A comparison of two sides in words: one sentence per instance, one overall, tables, Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import exp, log
from typing import Any

from planbench.comparison.ab import Comparison
from planbench.comparison.ab_judge import CaseVerdict
from planbench.comparison.ab_run import told_apart
from planbench.report import words
from planbench.stats.paired import PairedRatio

#: Header of the table and whether its cells are figures.
COLUMNS = (
    ("instance", False),
    ("solver", False),
    ("a", True),
    ("b", True),
    ("b / a", True),
    ("interval", True),
    ("pairs", True),
    ("verdict", False),
)


def names(comparison: Comparison) -> tuple[str, str]:
    """Name the two sides."""
    return told_apart(comparison.a, comparison.b)


def sides(comparison: Comparison) -> tuple[str, ...]:
    """Return ``a: …`` and ``b: …``, with what was installed where the side does not say it."""
    return tuple(
        f"{letter}: {name}" + (f" = {found}" if found not in ("", name) else "")
        for letter, name, found in zip(
            "ab", names(comparison), comparison.environments, strict=True
        )
    )


def solver_of(comparison: Comparison, verdict: CaseVerdict) -> str:
    """Name what ran on one instance: one solver, or that of either side."""
    a, b = (own or verdict.case.solver for own in comparison.solvers)
    return a if a == b else f"{a} / {b}"


def where(comparison: Comparison, verdict: CaseVerdict) -> str:
    """Name an instance, and what ran on it where the sides do not say it."""
    own = comparison.solvers
    if all(own) and own[0] != own[1]:  # the names of the sides say it already
        return verdict.case.instance
    return f"{solver_of(comparison, verdict)} on {verdict.case.instance}"


def sentence(comparison: Comparison, verdict: CaseVerdict) -> str:
    """Say in one sentence what was found on one instance."""
    a, b = names(comparison)
    place = where(comparison, verdict)
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
        f"{_interval(verdict.ratio)}, {_typical(verdict, comparison.measure)}, "
        f"{verdict.ratio.n} {_plural('pair', verdict.ratio.n)}"
    )
    if verdict.outcome in ("slower", "faster"):
        return f"{place}: {b} is {verdict.outcome}: {figures}."
    if verdict.outcome == "same":
        return f"{place}: no difference of {effect}: {b} took {figures}."
    return f"{place}: not decided ({verdict.reason}): {b} took {figures}."


def sentences(comparison: Comparison) -> list[str]:
    """Return a sentence for each instance; those that were not run share one."""
    said = [sentence(comparison, v) for v in comparison.verdicts if v.pairs]
    left = sum(not v.pairs for v in comparison.verdicts)
    if left:
        number = f"{left} {_plural('comparison', left)}"
        said.append(f"{number} not run within the budget; raise it with --budget.")
    return said


def overall(comparison: Comparison) -> str:
    """Say in one sentence what was found over all instances."""
    a, b = names(comparison)
    counts: Counter[str] = Counter(v.outcome for v in comparison.verdicts)
    total = len(comparison.verdicts)
    if counts["not-compared"] == total and not any(v.findings for v in comparison.verdicts):
        number = f"{total} {_plural('comparison', total)}"
        return f"Nothing could be compared: {b} against {a}, {number} without a verdict."
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
    differing = sum(bool(v.findings) for v in comparison.verdicts)
    if differing:
        said.append(f"with findings on {differing}")
    mean = mean_ratio(comparison)
    tail = ""
    if mean is not None and total > 1:
        tail = f"; {mean:.3g} times the {_measure(comparison)} in the geometric mean"
    return (
        f"Overall, {b} against {a}, {total} {_plural('comparison', total)}: "
        + ", ".join(said)
        + f"{tail}."
    )


def mean_ratio(comparison: Comparison) -> float | None:
    """Geometric mean of the ratios; None without any."""
    logs = [log(v.ratio.ratio) for v in comparison.verdicts if v.ratio is not None]
    return exp(sum(logs) / len(logs)) if logs else None


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Cells of the table under :data:`COLUMNS`, a row per instance and solver."""
    return [
        (
            v.case.instance,
            solver_of(comparison, v),
            _amount(v.typical[0], comparison.measure),
            _amount(v.typical[1], comparison.measure),
            "–" if v.ratio is None else f"{v.ratio.ratio:.3f}",
            "–"
            if v.ratio is None or v.ratio.low is None or v.ratio.high is None
            else words.between(f"{v.ratio.low:.3f}", f"{v.ratio.high:.3f}"),
            str(v.pairs),
            v.outcome,
        )
        for v in comparison.verdicts
    ]


def markdown(comparison: Comparison) -> str:
    """Write the comparison for a comment on a pull request."""
    a, b = names(comparison)
    lines = [
        f"### planbench: `{_code(b)}` against `{_code(a)}`",
        "",
        f"**{_safe(overall(comparison))}**",
        "",
        "| " + " | ".join(header for header, _ in COLUMNS) + " |",
        "|" + "|".join("---:" if right else "---" for _, right in COLUMNS) + "|",
    ]
    lines += ["| " + " | ".join(_safe(cell) for cell in row) + " |" for row in rows(comparison)]
    notes = [
        f"- {_safe(note)}"
        for v in comparison.verdicts
        for note in (*v.findings, *v.remarks)
        if note
    ]
    if notes:
        lines += ["", *dict.fromkeys(notes)]
    if any(" = " in side for side in sides(comparison)):
        lines += ["", *(f"- {_safe(side)}" for side in sides(comparison))]
    lines += ["", f"<sub>{_safe(small_print(comparison))}</sub>", ""]
    return "\n".join(lines)


def small_print(comparison: Comparison) -> str:
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
        + f", {words.seconds(comparison.elapsed_s)}."
        + (f" {differ}." if differ else "")
    )


def document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison in JSON's own types."""
    return {
        "a": comparison.a,
        "b": comparison.b,
        "environments": dict(zip("ab", comparison.environments, strict=True)),
        "versions": dict(zip("ab", comparison.versions, strict=True)),
        "measure": comparison.measure,
        "least_effect": comparison.least_effect,
        "confidence": comparison.confidence,
        "overall": overall(comparison),
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
                "sentence": sentence(comparison, v),
                "ratio": _ratio(v.ratio),
                "control": _ratio(v.control),
                "pairs": v.pairs,
                "disturbed_pairs": v.disturbed,
                "typical": dict(zip("ab", v.typical, strict=True)),
                "iterations": dict(zip("ab", map(dict, v.iterations), strict=True)),
                "ends": dict(zip("ab", map(dict, v.ends), strict=True)),
                "findings": list(v.findings),
                "remarks": list(v.remarks),
                "reason": v.reason,
            }
            for v in comparison.verdicts
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


def _measure(comparison: Comparison) -> str:
    return {"time": "time", "cpu": "CPU time", "passes": "matrix passes"}[comparison.measure]


def _interval(ratio: PairedRatio) -> str:
    if ratio.low is None or ratio.high is None:
        return ""
    return f" (between {ratio.low:.3g} and {ratio.high:.3g})"


def _typical(verdict: CaseVerdict, measure: str) -> str:
    a, b = (_amount(value, measure) for value in verdict.typical)
    return f"{b} against {a}"


def _amount(value: float | None, measure: str) -> str:
    return words.passes(value) if measure == "passes" else words.seconds(value)


def _plural(word: str, number: int) -> str:
    return word if number == 1 else word + "s"


def _safe(text: str) -> str:
    """`text` as Markdown shows it: no cell, tag or emphasis begins in it."""
    out = words.plain(text).replace("\\", "\\\\")
    for mark in "|*_<>`[]":
        out = out.replace(mark, "\\" + mark)
    return out


def _code(text: str) -> str:
    return words.plain(text).replace("`", "'")
