"""How the solvers did on one instance: the table of ``planbench compare`` and of the report.

With it what all certificates of an instance prove together, whose claim lies outside it, and why
a measurement counts as made on a disturbed machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

import planbench.formatting as fmt
from planbench.certificates.consensus import Consensus, Opinion, consensus
from planbench.certificates.verdict import CLAIM
from planbench.measure.calibrate import is_disturbed
from planbench.records.schema import InstanceFacts, Record
from planbench.records.verdicts import is_proven, old_note, verdict_words
from planbench.report.ladders import find_ladders
from planbench.report.results import TARGET_GAP, AggregatedResult, require_results
from planbench.report.sweeps import find_sweeps
from planbench.report.table import Column, Entry, Mark, Table, number


def disturbance_words(record: Record) -> str:
    """Reasons for the mark ``disturbed``; empty where a row does not carry it.

    The two kinds of trouble show in different figures: a burst during the solve in unequal
    matrix passes, a steady load in the time spent waiting for a processor.
    """
    if not record.disturbed:
        return ""
    reasons = []
    waited = record.wait_s
    if waited and record.wall_s and is_disturbed(None, None, waited, record.wall_s):
        reasons.append(f"waited {_percent(waited / record.wall_s)} of the time for a processor")
    before, after = record.pass_s_before, record.pass_s_after
    if before and after and is_disturbed(before, after):
        longer, when = (
            max(before, after) / min(before, after),
            "after" if after > before else "before",
        )
        reasons.append(f"a matrix pass took {longer:.2g} times as long {when} the solve")
    return "; ".join(reasons) or "marked when it was measured"


def _percent(share: float) -> str:
    return f"{min(100 * share, 100):.0f} %"


def instance_consensus(results: Sequence[AggregatedResult]) -> Consensus:
    """Consensus on one instance; solvers go by the name of their series.

    A claim may lie outside the bracket by the tolerance the solver was given, where that is
    looser than the default; a solver driven to a target gap was given at most that.
    """
    opinions = []
    for result in results:
        record = result.record
        tolerance = record.options.get("tolerance")
        stated = float(tolerance) if isinstance(tolerance, int | float) else 0.0
        if record.accuracy is not None:
            stated = max(stated, min(record.accuracy.targets))
        # Bounds that hold to a tolerance, as certificate 1 gave them, prove nothing.
        proven = record.certificate != "tolerance" and (
            record.certificate_version > 1 or record.certificate == "exact"
        )
        opinions.append(
            Opinion(
                solver=result.series,
                claim=record.claim,
                objective=record.objective,
                lower_bound=record.lower_bound if proven else None,
                upper_bound=record.upper_bound if proven else None,
                tolerance=max(CLAIM, stated),
                scale=record.scale,
                violation=record.residuals.primal_scaled if record.residuals else None,
                proof=record.claim == "infeasible"
                and record.verdict == "certified"
                and record.certificate == "exact",
            )
        )
    return consensus(opinions)


def bracket_words(found: Consensus, digits: int = 8) -> str:
    """``[lower, upper]``, one number where they agree to `digits`, ``–`` where there is none."""
    if found.lower_bound is None and found.upper_bound is None:
        return fmt.UNKNOWN
    low = fmt.objective(found.lower_bound, digits)
    high = fmt.objective(found.upper_bound, digits)
    return low if low == high else f"[{low}, {high}]"


def proved_words(found: Consensus) -> str:
    """Say what all certificates prove together, such as ``certified optimum 3.5``."""
    if found.lower_bound is None and found.upper_bound is None:
        return "no certified bracket"
    what = "optimum" if None not in (found.lower_bound, found.upper_bound) else "bound"
    return f"certified {what} {bracket_words(found, 10)}"


def size_words(facts: InstanceFacts) -> str:
    """Size of an instance: goods and activities, or rows and columns; non-zeros."""
    if facts.goods is None:
        size = f"{fmt.count(facts.rows)} rows, {fmt.count(facts.columns)} columns"
    else:
        size = f"{fmt.count(facts.goods)} goods, {fmt.count(facts.activities)} activities"
    return f"{size}, {fmt.count(facts.nonzeros)} non-zeros"


def _excludes(found: Consensus, value: float) -> bool:
    """Whether the bracket excludes `value` by more than rounding."""
    room = 1e-9 * max(1.0, abs(value))
    below = found.lower_bound is not None and value < found.lower_bound - room
    above = found.upper_bound is not None and value > found.upper_bound + room
    return below or above


def golden_table(
    records: Sequence[Record], optima: Mapping[str, float | None] | None = None
) -> Table:
    """Certified values and known optima, a row per instance outside ladders and sweeps.

    Parameters
    ----------
    records : sequence of Record
    optima : mapping of instance name to float or None, optional
        Optimal values known from the literature or by construction.

    Raises
    ------
    InputError
        Without any record.
    """
    results = require_results(records)
    elsewhere = {c.sha256 for ladder in find_ladders(results) for c in ladder.results}
    # Of several seeds at a value a sweep shows one; all are on it.
    swept = {(sweep.knob, sweep.name) for sweep in find_sweeps(results)}
    elsewhere |= {
        c.sha256 for c in results if (c.record.variable, c.group or c.record.variable) in swept
    }
    rows = []
    for sha in dict.fromkeys(c.sha256 for c in results if c.sha256 not in elsewhere):
        mine = [c for c in results if c.sha256 == sha]
        found = instance_consensus(mine)
        known = (optima or {}).get(mine[0].instance)
        solved = [c for c in mine if c.solved and c.seconds is not None]
        best = min(solved, key=lambda c: c.seconds or 0.0, default=None)
        wrong = known is not None and _excludes(found, known)
        red = any(c.status == "wrong" for c in mine)
        rows.append(
            [
                Entry(mine[0].instance),
                Entry(fmt.objective(known), known, "bold bad" if wrong else ""),
                Entry(bracket_words(found), mark="bold bad" if found.empty else ""),
                Entry(
                    f"{sum(c.solved for c in mine)} of {len(mine)}", mark="bold bad" if red else ""
                ),
                Entry(best.series if best else fmt.UNKNOWN),
                Entry(fmt.seconds(best.seconds if best else None)),
            ]
        )
    return Table(
        title="Instances with one size",
        caption=(
            "Bracket: intersection of what the certificates of all solvers prove. Solved: "
            f"certified to a raw gap of {fmt.gap(TARGET_GAP)} or better."
        ),
        columns=(
            Column("instance"),
            Column("known\noptimum", "number"),
            Column("certified\nbracket", "number"),
            Column("solved", "number"),
            Column("fastest"),
            Column("time", "number"),
        ),
        rows=rows,
    )


def instance_tables(records: Sequence[Record]) -> list[Table]:
    """How the solvers did on each instance, a table per instance; findings in red.

    Raises
    ------
    InputError
        Without any record.
    """
    results = require_results(records)
    return [
        instance_table([c for c in results if c.sha256 == sha])
        for sha in dict.fromkeys(c.sha256 for c in results)
    ]


def instance_table(results: Sequence[AggregatedResult]) -> Table:
    """How the solvers did on one instance, best first; bounds and certificates on a page."""
    size = size_words(results[0].record.instance)
    found = instance_consensus(results)
    proved = Text(proved_words(found), style="bold red" if found.empty else "dim")
    outside = dict(found.disagreeing)
    solved = [c.seconds for c in results if c.solved and c.seconds is not None]
    best = min(solved) if len(solved) > 1 else None
    return Table(
        title=Text.assemble((results[0].instance, "bold"), f"  {size}\n", proved),
        caption=Text("\n".join(instance_notes(results, found))),
        columns=(
            Column("solver", "solver"),
            Column("outcome"),
            Column("time", "number"),
            Column("matrix\npasses", "number"),
            Column("peak\nmemory", "number"),
            Column("objective\nclaimed", "number"),
            Column("lower\nbound", "number", places="page"),
            Column("upper\nbound", "number", places="page"),
            Column("raw\ngap", "number"),
            Column("polished\ngap", "number"),
            Column("certificate", places="page"),
        ),
        rows=[_instance_row(result, outside, best) for result in sorted(results, key=best_first)],
    )


def _instance_row(
    result: AggregatedResult, outside: Mapping[str, str], best: float | None
) -> list[Entry]:
    record = result.record
    red = result.status == "wrong" or result.series in outside
    more = "" if record.ended == "ok" else "> "
    # What refused to run cost nothing worth a figure.
    ran = record.ended != "refused"
    time = f"{more}{fmt.seconds(result.seconds)}{'*' if result.disturbed else ''}"
    fastest = result.solved and result.seconds == best
    return [
        Entry(result.series),
        Entry(outcome_words(result, outside), mark=_outcome_mark(result, red)),
        number(time, result.seconds if ran else None, "good" if fastest else ""),
        number(more + fmt.passes(result.passes), result.passes),
        number(more + fmt.size_bytes(result.peak_bytes), result.peak_bytes if ran else None),
        number(fmt.objective(record.objective, 10), record.objective, "bold bad" if red else ""),
        number(fmt.objective(record.lower_bound, 10), record.lower_bound),
        number(fmt.objective(record.upper_bound, 10), record.upper_bound),
        number(fmt.gap(result.raw_gap), result.raw_gap),
        number(fmt.gap(result.polished_gap), result.polished_gap),
        Entry(record.certificate or fmt.UNKNOWN),
    ]


def best_first(result: AggregatedResult) -> tuple[bool, bool, bool, float, str]:
    """Sort key: solved by time, then finished, then failed."""
    return (
        not result.solved,
        not result.finished,
        result.seconds is None,
        result.seconds or 0.0,
        result.series,
    )


def outcome_words(result: AggregatedResult, outside: Mapping[str, str] | None = None) -> str:
    """``certified``, ``timeout``, ``wrong``…; what a run came to, in one or two words."""
    if outside and result.series in outside and result.status != "wrong":
        return "disagrees"
    record = result.record
    if record.ended != "ok":
        return {"memory": "out of memory", "timeout": "time limit"}.get(record.ended, record.ended)
    verdict = verdict_words(record)
    if record.claim not in (None, "optimal"):
        return f"{record.claim}, {verdict}"
    return verdict


def _outcome_mark(result: AggregatedResult, red: bool) -> Mark:
    if red or result.status == "crash":
        return "bold bad"
    if result.status == "solved":
        return "good" if is_proven(result.record) else ""
    return "warn" if result.finished else "stopped"


def instance_notes(results: Sequence[AggregatedResult], found: Consensus) -> list[str]:
    """Lines under a comparison: findings first, then why something is not solved."""
    notes = []
    if found.empty:
        notes.append("The certified brackets exclude each other: this is a bug of planbench.")
    outside = dict(found.disagreeing)
    notes += [f"{series}: {why}" for series, why in outside.items()]
    notes += [f"{series}: {what}" for series, what in found.remarks]
    for result in results:
        remark = result.record.message or (
            result.record.reasons[0] if result.record.reasons else ""
        )
        fine = result.solved and result.record.verdict == "certified"
        if remark and not fine and result.series not in outside:
            notes.append(f"{result.series}: {remark}")
    if old := old_note([c.record for c in results]):
        notes.append(old)
    why = dict.fromkeys(
        f"{c.series}: {disturbance_words(c.record)}" for c in results if c.disturbed
    )
    if why:
        notes.append(f"*: measured on a disturbed machine ({'; '.join(why)})")
    return [fmt.plain(note) for note in notes]
