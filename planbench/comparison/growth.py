"""Fifth layer: whether cost grows faster with size than it did.

Ladders of both runs are matched instance by instance, and the change of each exponent is judged
from the ratios, where what is particular to an instance cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from planbench.comparison.facts import Finding, Rules
from planbench.records.schema import Record
from planbench.report.cells import Cell, configuration, settle
from planbench.report.ladders import BYTES_FLOOR, SECONDS_FLOOR, Measure, find_ladders
from planbench.stats.regression import SlopeChange, compare_slopes, shared_confidence

_NAMES: dict[Measure, str] = {"passes": "exponent of time", "bytes": "exponent of memory"}

_Pairs = list[tuple[float, float, float]]


def judge_growth(
    baseline: Sequence[Record], candidate: Sequence[Record], rules: Rules
) -> list[Finding]:
    """Compare the exponents of every solver on every ladder that both runs climbed.

    Parameters
    ----------
    baseline, candidate : sequence of Record
        Rows of one machine each.
    rules : Rules
    """
    before = {(configuration(c.record), c.sha256): c for c in settle(baseline)}
    samples: list[tuple[str, str, Measure, _Pairs]] = []
    for ladder in find_ladders(settle(candidate)):
        for series in ladder.series:
            cells = [c for c in ladder.cells if c.series == series]
            solver = configuration(cells[0].record)
            both = [
                (old, new) for new in cells if (old := before.get((solver, new.sha256))) is not None
            ]
            for measure in _NAMES:
                samples.append((solver, ladder.name, measure, _costs(both, measure)))
    enough = [s for s in samples if len({size for size, _, _ in s[3]}) > 2]
    confidence = shared_confidence(rules.confidence, len(enough))
    found = []
    for solver, ladder_name, measure, pairs in enough:
        sizes, earlier, later = (list(column) for column in zip(*pairs, strict=True))
        change = compare_slopes(
            sizes, earlier, later, least_effect=rules.least_exponent, confidence=confidence
        )
        if change is not None:
            found.append(_finding(solver, ladder_name, measure, change, rules))
    return found


def _costs(both: Sequence[tuple[Cell, Cell]], measure: Measure) -> _Pairs:
    """Size and both costs, of undisturbed runs above the floor of what can be told."""
    pairs: _Pairs = []
    for old, new in both:
        if not (old.finished and new.finished and new.goods):
            continue
        if measure == "passes":
            if old.disturbed or new.disturbed:
                continue
            costs, weighed = (old.passes, new.passes), (old.seconds, new.seconds)
            least = SECONDS_FLOOR
        else:
            costs = weighed = old.peak_bytes, new.peak_bytes
            least = BYTES_FLOOR
        before, after = (cost or 0.0 for cost in costs)
        # The mean of both, so that neither side's luck decides what is looked at.
        if before > 0 and after > 0 and _mean(*weighed) >= least:
            pairs.append((float(new.goods), before, after))
    return pairs


def _mean(first: float | None, second: float | None) -> float:
    return math.sqrt((first or 0.0) * (second or 0.0))


def _finding(
    solver: str, ladder: str, measure: Measure, change: SlopeChange, rules: Rules
) -> Finding:
    found = Finding(
        layer="scaling",
        solver=solver,
        instance=f"ladder {ladder}",
        measure=_NAMES[measure],
        verdict=change.verdict,
        baseline=change.baseline,
        candidate=change.candidate,
        low=change.low,
        high=change.high,
        rule=f"higher by {rules.least_exponent:g} or more, beyond doubt",
    )
    return replace(found, note=f"change {change.change:+.2f} over {change.n} instances")
