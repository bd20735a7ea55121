"""The comparison for machines and pull requests: Markdown, JUnit XML, JSON values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from planbench.comparison.facts import LAYERS, Comparison, Finding
from planbench.comparison.figures import WORDS, amount, because, change, summary
from planbench.comparison.tables import left_out_words, shown_findings
from planbench.report.words import plain

_MARKS = {"worse": "🔴", "better": "🟢", "unclear": "🟡", "same": "⚪", "skipped": "⚪"}
#: A comment on a pull request holds 65,536 characters.
MOST_ROWS = 60


def to_markdown(comparison: Comparison) -> str:
    """Write the comparison as Markdown for a pull request or a job's summary."""
    mark = {0: "🟢", 1: "🔴", 2: "🟡"}[comparison.exit_code]
    lines = [f"### {mark} planbench: {_cell(summary(comparison))}", ""]
    shown = shown_findings(comparison)
    table = shown[:MOST_ROWS]
    if table:
        heads = [
            *("", "layer", "solver and instance", "what"),
            *(_cell(comparison.baseline), _cell(comparison.candidate), "change", "held to"),
        ]
        lines += [f"| {' | '.join(heads)} |", "|---|---|---|---|---:|---:|---:|---|"]
        lines += [f"| {' | '.join(_row(finding))} |" for finding in table]
        lines.append("")
    rest = left_out_words(comparison, table)
    said = [
        *(o.message for o in comparison.obstacles),
        *comparison.notes,
        *([rest] if rest else []),
    ]
    lines += [f"- {_cell(line)}" for line in said]
    return "\n".join(lines).rstrip() + "\n"


def _row(finding: Finding) -> list[str]:
    texts = [
        f"{_MARKS[finding.verdict]} {WORDS[finding.verdict]}",
        finding.layer,
        finding.where,
        finding.measure,
        amount(finding, finding.baseline),
        amount(finding, finding.candidate),
        change(finding),
        because(finding),
    ]
    return [_cell(text) for text in texts]


def _cell(text: str) -> str:
    """Text that stays in its cell and starts no markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", plain(text))


def to_junit(comparison: Comparison) -> str:
    """Write the comparison as JUnit XML: a suite per layer, a case per figure."""
    root = ElementTree.Element("testsuites", name="planbench regress")
    if comparison.obstacles:
        suite = _suite(root, "comparable", len(comparison.obstacles))
        suite.set("errors", str(len(comparison.obstacles)))
        for obstacle in comparison.obstacles:
            case = _case(suite, "comparable", obstacle.kind or "nothing in common")
            ElementTree.SubElement(case, "error", message=plain(obstacle.message))
    for layer in LAYERS:
        mine = [f for f in comparison.findings if f.layer == layer]
        if mine:
            _layer(_suite(root, layer, len(mine)), layer, mine)
    for field in ("tests", "failures", "errors", "skipped"):
        root.set(field, str(sum(int(suite.get(field, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ElementTree.Element, name: str, tests: int) -> ElementTree.Element:
    zero = {"failures": "0", "errors": "0", "skipped": "0"}
    return ElementTree.SubElement(root, "testsuite", {"name": name, "tests": str(tests), **zero})


def _case(suite: ElementTree.Element, layer: str, name: str) -> ElementTree.Element:
    facts = {"classname": f"planbench.{layer}", "name": plain(name), "time": "0"}
    return ElementTree.SubElement(suite, "testcase", facts)


def _layer(suite: ElementTree.Element, layer: str, findings: Sequence[Finding]) -> None:
    for finding in findings:
        case = _case(suite, layer, f"{finding.where}: {finding.measure}")
        told = (
            f"{amount(finding, finding.baseline)} → {amount(finding, finding.candidate)} "
            f"{change(finding)} ({because(finding)})"
        )
        if finding.verdict == "worse":
            failure = ElementTree.SubElement(case, "failure", message=plain(told), type="worse")
            failure.text = plain(f"{finding.where}: {finding.measure}: {told}")
        elif finding.verdict in ("unclear", "skipped"):
            ElementTree.SubElement(case, "skipped", message=plain(f"{finding.verdict}: {told}"))
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
        "counts": {verdict: comparison.counts.get(verdict, 0) for verdict in _MARKS},  # type: ignore[call-overload]
        "obstacles": [asdict(o) for o in comparison.obstacles],
        "notes": list(comparison.notes),
        "findings": [asdict(f) for f in comparison.findings],
    }
