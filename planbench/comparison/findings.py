"""What every comparison comes to: findings, obstacles to comparing, and how they are shown.

``regress`` compares runs of a suite, ``ab`` and ``bisect`` runs that were made in pairs; the
verdicts and the exit code mean the same in all of them, and so do their tables, Markdown, JUnit
XML and JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from rich.text import Text

import planbench.formatting as fmt
from planbench.formatting import plain, plural
from planbench.report.table import Column, Entry, Mark, Table, markdown_table, safe_markdown

Layer = Literal["outcomes", "counters", "memory", "time", "scaling"]
Verdict = Literal["worse", "better", "same", "unclear", "skipped"]
Allowance = Literal["versions", "machine", "instances", "disturbed"]
Unit = Literal[
    "", "count", "iterations", "seconds", "passes", "bytes", "exponent", "objective", "gap"
]

LAYERS: tuple[Layer, ...] = get_args(Layer)
ALLOWANCES: tuple[Allowance, ...] = get_args(Allowance)

#: In the order in which findings are shown.
_VERDICTS: tuple[Verdict, ...] = ("worse", "unclear", "better", "same", "skipped")


@dataclass(frozen=True)
class Rules:
    """What to compare, and from where on a change counts.

    Attributes
    ----------
    layers : frozenset of Layer
        ``outcomes`` is judged whatever is asked for.
    allow : frozenset of Allowance
        Differences between the runs that do not stop the comparison.
    least_effect : float
        Relative change of a time that matters, > 0.
    least_exponent : float
        Change of an exponent that matters, > 0.
    confidence : float
        Of all intervals of one layer together, in (0, 1).
    require_all : bool
        What the baseline has and the candidate has not is worse, not only noted.
    """

    layers: frozenset[Layer] = frozenset(LAYERS)
    allow: frozenset[Allowance] = frozenset()
    least_effect: float = 0.10
    least_exponent: float = 0.10
    confidence: float = 0.99
    require_all: bool = False


@dataclass(frozen=True)
class Finding:
    """One figure of both sides, judged.

    Attributes
    ----------
    layer : Layer
    solver : str
        With its options; empty for all solvers together.
    instance : str
        Or what else the figure is about: a ladder, ``12 instances``.
    measure : str
        E.g. ``simplex iterations``, ``peak memory``, ``time``.
    verdict : Verdict
    baseline, candidate : float, str or None
        The figures.
    unit : Unit
        Of the figures; empty where they are words.
    ratio : float or None
        Candidate over baseline, where that means something.
    low, high : float or None
        Interval of the ratio (of the change, for an exponent).
    rule : str
        What the figure was held to, in words.
    note : str
        Why it is unclear or skipped, or what is behind it.
    """

    layer: Layer
    solver: str
    instance: str
    measure: str
    verdict: Verdict
    baseline: float | str | None = None
    candidate: float | str | None = None
    unit: Unit = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    rule: str = ""
    note: str = ""

    @property
    def where(self) -> str:
        """Solver and instance in one phrase."""
        return " on ".join(part for part in (self.solver, self.instance) if part)


@dataclass(frozen=True)
class Obstacle:
    """Why two sides, or a part of them, cannot be compared.

    Attributes
    ----------
    kind : Allowance or None
        What allows it; None where nothing does.
    message : str
        One line, with the remedy.
    """

    kind: Allowance | None
    message: str


@dataclass(frozen=True)
class Comparison:
    """Two sides compared, by runs of a suite or by paired runs.

    Attributes
    ----------
    findings : tuple of Finding
        Worst first.
    obstacles : tuple of Obstacle
        Why (part of) the comparison was not made; those allowed are in `notes`.
    notes : tuple of str
        What a reader should know.
    compared : int
        Measurements that both sides have.
    baseline, candidate : str
        What the sides are called.
    about : tuple of str
        What the sides are, and how they were compared; a line each.
    """

    findings: tuple[Finding, ...]
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    compared: int = 0
    baseline: str = "baseline"
    candidate: str = "candidate"
    about: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many findings have which verdict."""
        return dict(Counter(f.verdict for f in self.findings))

    def having(self, *verdicts: Verdict) -> tuple[Finding, ...]:
        """Give the findings with one of `verdicts`, worst first."""
        return tuple(f for f in self.findings if f.verdict in verdicts)

    @property
    def exit_code(self) -> int:
        """0 nothing worse, 1 something worse, 2 (something) could not be compared."""
        if self.having("worse"):
            return 1
        return 2 if self.obstacles else 0


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sort findings: worse first, then by layer, then by how far the figure moved."""

    def place(finding: Finding) -> tuple[int, int, float, str, str]:
        ratio = finding.ratio
        far = -abs(ratio - 1) if ratio is not None else float("-inf")
        return (
            _VERDICTS.index(finding.verdict),
            LAYERS.index(finding.layer),
            far,
            finding.where,
            finding.measure,
        )

    return tuple(sorted(findings, key=place))


def in_unit(value: float | str | None, unit: Unit) -> str:
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
        columns=(
            Column("verdict"),
            Column("layer", places="page"),
            Column("solver and instance", "long"),
            Column("what"),
            Column(both, "number", places="terminal"),
            Column(names[0], "number", places="page"),
            Column(names[1], "number", places="page"),
            Column("change", "number"),
            Column("held to", "long"),
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


#: What a verdict is in JUnit XML; the others are a case that passed.
_JUNIT: dict[Verdict, str] = {"worse": "failure", "unclear": "skipped", "skipped": "skipped"}


def to_junit(comparison: Comparison) -> str:
    """Write the comparison as JUnit XML: a suite per layer, a case per figure."""
    # Layer, name, kind and text of each case.
    cases: list[tuple[str, str, str, str]] = [
        ("comparable", o.kind or "nothing in common", "error", o.message)
        for o in comparison.obstacles
    ]
    cases += [
        (
            f.layer,
            f"{f.where}: {f.measure}",
            _JUNIT.get(f.verdict, ""),
            f"{f.verdict}: {sentence(f)}",
        )
        for f in comparison.findings
    ]
    root = ElementTree.Element("testsuites", name="planbench regress")
    for layer in dict.fromkeys(layer for layer, *_ in cases):
        mine = [case for case in cases if case[0] == layer]
        counts = Counter(kind for _, _, kind, _ in mine)
        facts = {"name": layer, "tests": str(len(mine)), "failures": str(counts["failure"])}
        facts |= {"errors": str(counts["error"]), "skipped": str(counts["skipped"])}
        suite = ElementTree.SubElement(root, "testsuite", facts)
        for _, name, kind, text in mine:
            facts = {"classname": f"planbench.{layer}", "name": plain(name), "time": "0"}
            case = ElementTree.SubElement(suite, "testcase", facts)
            if kind:
                ElementTree.SubElement(case, kind, message=plain(text)).text = plain(text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


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
