"""Studies: runs that ask something else than "how fast is this solver on this instance?".

Their rows are records like any other, of the suite :data:`STUDY` and with what was varied in
``variable`` and ``value``, so that they can be kept, exported and read. Rankings and ladders pass
them over; the claims read them, through :func:`replanned` and :func:`noise_losses`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from planbench.bench.request import instance_facts
from planbench.bench.single import certificate_facts
from planbench.catalogue.instance import Instance
from planbench.certificates.certificate import Certificate
from planbench.measure.calibrate import is_disturbed, passes
from planbench.measure.machine import describe_machine, git_commit, package_versions
from planbench.records.schema import STUDY, Record
from planbench.records.values import json_safe
from planbench.stats.aggregate import median_or_failure


def study_row(
    instance: Instance,
    certificate: Certificate | None,
    *,
    options: Mapping[str, Any],
    pass_s: tuple[float, float] | None = None,
    **fields: Any,
) -> Record:
    """Make a record of one run of a study.

    Parameters
    ----------
    instance : Instance
        What the plan was judged on.
    certificate : Certificate or None
        Of the plan on `instance`.
    options : mapping
        With the option that was varied.
    pass_s : (float, float), optional
        Seconds of a matrix pass before and after.
    **fields
        Fields of the record: at least ``group`` (the study), ``solver``, ``variable``, ``value``
        and ``ended``.
    """
    before, after = pass_s or (None, None)
    text = f"{instance.sha256} {fields['group']} {fields['solver']} {sorted(options.items())}"
    judged = {} if certificate is None else certificate_facts(certificate)
    known = {
        "key": hashlib.sha256(text.encode()).hexdigest()[:16],
        "suite": STUDY,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "instance": instance_facts(instance),
        "options": json_safe(dict(options)),
        "claim": "feasible" if fields["ended"] == "ok" else None,
        "wall_s": None,
        "pass_s_before": before,
        "pass_s_after": after,
        "matrix_passes": passes(fields.get("wall_s"), before, after),
        "disturbed": is_disturbed(before, after),
        "peak_bytes": None,
        "cgroup_peak_bytes": None,
        "memory_limit_bytes": None,
        "time_limit_s": None,
        "machine": describe_machine(),
        "packages": package_versions(),
        "commit": git_commit(),
    }
    return Record(**(known | judged | fields))


@dataclass(frozen=True)
class Replanned:
    """One solver after one shock.

    Attributes
    ----------
    solver, instance, sha256 : str
    goods : int or None
    cold, warm : float
        Median seconds from nothing and from the old plan, both to the certified gap.
    counts : tuple of (str, int, int)
        What the solver counts, cold and warm: rounds, passes, simplex iterations.
    """

    solver: str
    instance: str
    sha256: str
    goods: int | None
    cold: float
    warm: float
    counts: tuple[tuple[str, int, int], ...]

    @property
    def saving(self) -> float:
        """How many times faster from the old plan."""
        return self.cold / self.warm


def replanned(records: Sequence[Record], gap: float) -> list[Replanned]:
    """Pairs of cold and warm plans of which both are certified to `gap`."""
    rows = _of(records, "replan")
    found = []
    for solver, sha in dict.fromkeys((r.solver, r.instance.sha256) for r in rows):
        mine = [r for r in rows if (r.solver, r.instance.sha256) == (solver, sha)]
        sides = [[r for r in mine if r.value == start] for start in ("cold", "warm")]
        medians = [_median(side, gap) for side in sides]
        if medians[0] is None or medians[1] is None:
            continue
        facts = mine[0].instance
        counts = tuple(
            (kind, _middle_count(sides[0], kind), _middle_count(sides[1], kind))
            for kind in mine[0].iterations
        )
        found.append(
            Replanned(solver, facts.name, sha, facts.goods, medians[0], medians[1], counts)
        )
    return found


@dataclass(frozen=True)
class NoiseLoss:
    """Loss of value at one noise, over its seeds.

    Attributes
    ----------
    instance, solver : str
    noise : float
        σ of the errors' logarithms.
    levels, techniques : float or None
        Median share of the optimum lost, at most: activities run as planned, scaled until nothing
        is short; goods made by the techniques planned, as much as is needed. None where more
        than half of the plans could not be judged, or techniques cannot be distinguished.
    plans : int
    """

    instance: str
    solver: str
    noise: float
    levels: float | None
    techniques: float | None
    plans: int

    @property
    def kept(self) -> float | None:
        """Loss where goods are made as much as is needed, if that is known; else of the levels."""
        return self.levels if self.techniques is None else self.techniques


def noise_losses(records: Sequence[Record]) -> list[NoiseLoss]:
    """Median losses by instance, solver and noise, noises ascending."""
    rows = [r for r in _of(records, "bad-data") if isinstance(r.value, int | float)]
    groups: dict[tuple[str, str, float], list[Record]] = {}
    for row in rows:
        groups.setdefault((row.instance.name, row.solver, float(row.value or 0.0)), []).append(row)
    found = []
    for (instance, solver, noise), group in sorted(groups.items()):
        by_way = {
            way: [r.raw_gap for r in group if r.options.get("carried_out") == way]
            for way in ("levels", "techniques")
        }
        losses = {way: median_or_failure(values) for way, values in by_way.items()}
        plans = len(by_way["levels"])
        found.append(
            NoiseLoss(instance, solver, noise, losses["levels"], losses["techniques"], plans)
        )
    return found


def _of(records: Sequence[Record], study: str) -> list[Record]:
    """Rows of a study; of a run made again the last."""
    mine = [r for r in records if r.suite == STUDY and r.group == study]
    latest = {(r.key, r.repeat, str(r.machine.get("id"))): r for r in mine}
    return list(latest.values())


def _middle_count(rows: Sequence[Record], kind: str) -> int:
    return int(np.median([r.iterations.get(kind, 0) for r in rows]))


def _median(rows: Sequence[Record], gap: float) -> float | None:
    good = [r.raw_gap is not None and r.raw_gap <= gap and r.ended == "ok" for r in rows]
    undisturbed = [r for r in rows if not r.disturbed] or list(rows)
    if not rows or not all(good):
        return None
    return median_or_failure([r.wall_s for r in undisturbed])
