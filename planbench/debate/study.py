"""Studies: runs that ask something else than "how fast is this solver on this instance?".

Their rows are records like any other, of the suite :data:`STUDY` and with what was varied in
``variable`` and ``value``, so that they can be kept, exported and read. Rankings and ladders pass
them over; the report's claims read them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from planbench.bench.prepared import instance_facts
from planbench.bench.single import Surroundings, certificate_facts
from planbench.catalogue.instance import Instance
from planbench.certificates.certificate import Certificate
from planbench.measure.calibrate import is_disturbed, passes
from planbench.measure.machine import package_versions
from planbench.records.schema import STUDY, Record
from planbench.records.values import json_safe


def study_row(
    instance: Instance,
    *,
    study: str,
    solver: str,
    options: Mapping[str, Any],
    variable: str,
    value: float | str,
    certificate: Certificate | None,
    surroundings: Surroundings,
    claim: str | None = "feasible",
    ended: str = "ok",
    repeat: int = 0,
    wall_s: float | None = None,
    iterations: Mapping[str, int] | None = None,
    pass_s: tuple[float, float] | None = None,
    version: str = "",
    method: str = "",
    message: str = "",
    time_limit_s: float | None = None,
) -> Record:
    """Make a record of one run of a study.

    Parameters
    ----------
    instance : Instance
        What the plan was judged on.
    study : str
        Name of the study, kept in ``group``.
    solver, options, variable, value, repeat
        As in a record; the option that was varied is among `options`.
    certificate : Certificate or None
        Of the plan on `instance`.
    surroundings : Surroundings
    pass_s : (float, float), optional
        Seconds of a matrix pass before and after.
    """
    before, after = pass_s or (None, None)
    text = f"{instance.sha256} {study} {solver} {sorted(options.items())}"
    judged = {} if certificate is None else certificate_facts(certificate)
    return Record(
        key=hashlib.sha256(text.encode()).hexdigest()[:16],
        repeat=repeat,
        suite=STUDY,
        group=study,
        variable=variable,
        value=value,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        instance=instance_facts(instance),
        solver=solver,
        solver_version=version,
        method_run=method,
        options=json_safe(dict(options)),
        ended=ended,  # type: ignore[arg-type]
        claim=claim if ended == "ok" else None,
        iterations=dict(iterations or {}),
        wall_s=wall_s,
        pass_s_before=before,
        pass_s_after=after,
        matrix_passes=passes(wall_s, before, after),
        disturbed=is_disturbed(before, after),
        time_limit_s=time_limit_s,
        message=message,
        peak_bytes=None,
        cgroup_peak_bytes=None,
        memory_limit_bytes=None,
        machine=dict(surroundings.machine),
        packages=package_versions(),
        commit=surroundings.commit,
        **judged,
    )
