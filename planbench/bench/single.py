"""One solver on one instance: worker process, certificate, record.

The answer is judged here, in the parent, from the instance this process holds; nothing the
worker says of it is taken over.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from planbench.bench.prepared import (
    InstanceCache,
    asked_options,
    instance_facts,
    measurement_key,
)
from planbench.catalogue.instance import Instance
from planbench.certificates import Certificate, certify, prepare
from planbench.certificates.certificate import CERTIFICATE_VERSION
from planbench.io.files import replacing
from planbench.io.scratch import scratch_folder
from planbench.measure.calibrate import is_disturbed, passes
from planbench.measure.in_process import ENVIRONMENT, NOTE, run_in_process
from planbench.measure.job import LOG_FILE, Job, resolve_solver, with_name
from planbench.measure.launch import Interpreter, JobResult, run_job
from planbench.measure.machine import describe_machine, git_commit, load_now, package_versions
from planbench.model.arrays import FloatArray
from planbench.model.plan import Plan
from planbench.model.planning_lp import plan_from_lp
from planbench.records.schema import PhaseCost, Record, ResidualFacts
from planbench.records.values import json_safe
from planbench.solvers.base import Solution, SolveOptions, SolverSpec
from planbench.solvers.environments import WORKER_PACKAGES, cache_folder, own_source
from planbench.solvers.registry import (
    check_options,
    distributions,
    own_environment,
    require_runnable,
)
from planbench.version import __version__

#: Of a longer log only the end is kept in memory.
LOG_BYTES = 4 << 20


@dataclass(frozen=True)
class Surroundings:
    """What is the same for every measurement of a session; found out once.

    Attributes
    ----------
    machine : mapping
        As :func:`planbench.measure.machine.describe_machine` gives it.
    commit : str or None
        Git commit of planbench.
    """

    machine: Mapping[str, Any]
    commit: str | None


@dataclass(frozen=True)
class Elsewhere:
    """An environment other than this one, in which a worker runs.

    Attributes
    ----------
    name : str
        What the record calls it, e.g. ``highspy==1.13.1``.
    interpreter : Interpreter
    packages : mapping of str to str
        Versions of the packages installed there, and of planbench.
    commit : str or None
        Git commit of the planbench used there.
    files : mapping of str to str
        Hash of the files of each package there; empty where it is not known.
    """

    name: str
    interpreter: Interpreter
    packages: Mapping[str, str]
    commit: str | None
    files: Mapping[str, str] = field(default_factory=dict)


def survey() -> Surroundings:
    """Find out what the measurements of this session have in common."""
    return Surroundings(describe_machine(), git_commit())


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """Everything one run gave.

    Attributes
    ----------
    record : Record
    certificate : Certificate or None
        None when there was nothing to judge.
    solution : Solution or None
        What the solver handed back, translated but not judged.
    plan : Plan or None
        The solution read as a plan, for an economy.
    x : ndarray, shape (columns,) or None
    row_duals : ndarray, shape (rows,) or None
    log : str
        What worker and solver wrote, at most the last :data:`LOG_BYTES`.
    """

    record: Record
    certificate: Certificate | None
    solution: Solution | None
    plan: Plan | None
    x: FloatArray | None
    row_duals: FloatArray | None
    log: str


def elsewhere_of(spec: SolverSpec, surroundings: Surroundings) -> Elsewhere | None:
    """Environment of its own in which a solver runs, built if need be; None: it runs in this one.

    Raises
    ------
    SolverUnavailableError
        It cannot be built.
    """
    own = own_environment(spec)
    if own is None:
        return None
    needed = {name: own.packages[name] for name in (*WORKER_PACKAGES, *distributions(spec))}
    return Elsewhere(
        ",".join(spec.environment),
        Interpreter(own.python, str(own_source(cache_folder()))),
        {"planbench": __version__} | {name: version for name, (version, _) in needed.items()},
        surroundings.commit,
        {name: files for name, (_, files) in needed.items()},
    )


def require_solver(
    solver: str,
    options: SolveOptions,
    adapter: str | None = None,
    *,
    here: bool = True,
    in_process: bool = False,
) -> tuple[SolverSpec, SolveOptions]:
    """Check that `solver` exists, can run here and has every option asked for.

    With ``here=False`` it runs in another environment, whose worker says what is missing; with
    ``in_process`` an environment of its own does not count. None is built here.

    Returns
    -------
    SolverSpec
    SolveOptions
        With what the solver's name implies (``:stock``, the command).

    Raises
    ------
    InputError
        Unknown solver, or an option it lacks.
    SolverUnavailableError
        Known, but a package is missing.
    """
    spec, implied = resolve_solver(solver, adapter)
    if here and adapter is None:
        require_runnable(spec, in_process=in_process)
    asked = with_name(options, implied)
    check_options(spec, asked)
    return spec, asked


def solve_once(
    instance: Instance,
    solver: str,
    options: SolveOptions | None = None,
    *,
    time_limit_s: float,
    memory_limit_bytes: int,
    polish: bool = True,
    tolerance: float = 1e-6,
    keep_log: Path | None = None,
    cache: InstanceCache | None = None,
    adapter: str | None = None,
    surroundings: Surroundings | None = None,
    elsewhere: Elsewhere | None = None,
    in_process: bool = False,
    suite: str = "",
    group: str = "",
    repeat: int = 0,
    progress: Callable[[str], None] | None = None,
) -> RunOutcome:
    """Let `solver` solve `instance` in a process of its own and judge the answer.

    Parameters
    ----------
    instance : Instance
    solver : str
        ``NAME``, ``NAME:stock`` or ``cmd:'…'``.
    options : SolveOptions, optional
        The time limit is passed on to a solver that has one, unless set here.
    time_limit_s : float
        Wall seconds for build, load, solve and extract; enforced from outside.
    memory_limit_bytes : int
        Resident bytes of worker and children; enforced from outside.
    polish : bool
        Polish the answer for the polished gap (its seconds are recorded).
    tolerance : float
        Relative gap up to which an answer counts as certified.
    keep_log : Path, optional
        Where to copy the log.
    cache : InstanceCache, optional
        For many runs on one instance; otherwise it is written for this run alone.
    adapter : str, optional
        Module or ``.py`` file of an adapter that is not in the registry.
    surroundings : Surroundings, optional
        From :func:`survey`; otherwise found out anew.
    elsewhere : Elsewhere, optional
        Another environment to run the worker in; the answer is judged here all the same. By
        default this one, or the solver's own (:attr:`SolverSpec.environment`), which is built
        before anything is measured.
    in_process : bool
        Solve in this process, as :mod:`planbench.measure.in_process` says: less is measured, and
        the memory limit is not enforced.
    suite, group, repeat
        For the record.
    progress : callable, optional
        Called with the name of each phase as it begins.

    Returns
    -------
    RunOutcome

    Raises
    ------
    InputError
        Unknown solver, an option it lacks, an impossible limit.
    SolverUnavailableError
        The solver cannot run here.
    """
    options = options or SolveOptions()
    spec, asked = require_solver(
        solver, options, adapter, here=elsewhere is None, in_process=in_process
    )
    surroundings = surroundings or survey()
    if elsewhere is None and adapter is None and not in_process:
        elsewhere = elsewhere_of(spec, surroundings)
    told = asked
    if asked.time_limit is None and "time_limit" in spec.takes:
        told = replace(asked, time_limit=time_limit_s)
    started = datetime.now(UTC)
    load = load_now()
    with scratch_folder() as folder:
        if in_process:
            result = run_in_process(
                instance.economy or instance.lp if spec.accepts == "economy" else instance.lp,
                instance.lp,
                spec,
                told,
                folder / LOG_FILE,
                time_limit_s=time_limit_s,
                adapter=adapter,
                progress=progress,
            )
        else:
            file = (cache or InstanceCache(folder)).path(instance)
            work = folder / "job"
            work.mkdir()
            job = Job(str(file), solver, str(work), told, adapter)
            result = run_job(
                job,
                time_limit_s=time_limit_s,
                memory_limit_bytes=memory_limit_bytes,
                progress=progress,
                interpreter=elsewhere.interpreter if elsewhere is not None else None,
                shape=instance.lp.matrix.shape,
            )
        log = _read_log(result.log, keep_log)
    certificate, cost = None, None
    if result.solution is not None:
        if progress is not None:
            progress("certify")
        certificate, cost = _judge(instance, result.solution, tolerance, asked, polish)
    record = _record(
        instance, solver, spec, asked, result, certificate, cost, surroundings
    ).model_copy(
        update={
            "started_at": started.isoformat(timespec="milliseconds"),
            "suite": suite,
            "group": group,
            "repeat": repeat,
            "time_limit_s": time_limit_s,
            "memory_limit_bytes": memory_limit_bytes,
            "machine": {**surroundings.machine, "load": load},
        }
    )
    if elsewhere is not None:
        record = record.model_copy(
            update={
                "environment": elsewhere.name,
                "packages": dict(elsewhere.packages),
                "commit": elsewhere.commit,
            }
        )
    if in_process:
        record = record.model_copy(
            update={
                "environment": ENVIRONMENT,
                "notes": [*record.notes, NOTE],
                "memory_limit_bytes": None,
            }
        )
    solution = result.solution
    x, y = (solution.x, solution.y) if solution is not None else (None, None)
    plan = plan_from_lp(instance.economy, x, y) if instance.economy is not None else None
    return RunOutcome(record, certificate, solution, plan, x, y, log)


def _judge(
    instance: Instance, solution: Solution, tolerance: float, asked: SolveOptions, polish: bool
) -> tuple[Certificate, PhaseCost]:
    # What belongs to the instance is not charged to the first solver that runs on it.
    prepare(instance.lp, instance.economy)
    wall, cpu = perf_counter(), process_time()
    certificate = certify(
        instance.lp,
        instance.economy,
        solution,
        tolerance=tolerance,
        claim_tolerance=asked.tolerance or 0.0,
        polish=polish,
    )
    cost = PhaseCost(
        name="certify", wall_s=perf_counter() - wall, cpu_s=process_time() - cpu, peak_bytes=None
    )
    return certificate, cost


def _record(
    instance: Instance,
    solver: str,
    spec: SolverSpec,
    options: SolveOptions,
    result: JobResult,
    certificate: Certificate | None,
    certify_cost: PhaseCost | None,
    surroundings: Surroundings,
) -> Record:
    """Put the record together; who asked, when and with which limits is added by the caller."""
    phases = [
        PhaseCost(name=p.name, wall_s=p.wall_s, cpu_s=p.cpu_s, peak_bytes=p.peak_bytes)
        for p in result.phases
    ]
    if certify_cost is not None:
        phases.append(certify_cost)
    before, after = result.pass_s_before, result.pass_s_after
    facts: dict[str, Any] = {"certificate_version": CERTIFICATE_VERSION}
    solution = result.solution
    notes: list[str] = []
    if solution is not None:
        notes = list(solution.notes)
        if solution.objective is not None and not math.isfinite(solution.objective):
            notes.append(f"the solver claimed the objective {solution.objective}")
        facts |= {
            "solver_version": solution.version,
            "method_run": solution.method_run,
            "native_options": json_safe(dict(solution.options)),
            "threads_used": solution.threads_used,
            "claim": solution.claim,
            "native_status": solution.native_status,
            "objective": _finite(solution.objective),
            "iterations": dict(solution.iterations),
            "presolved": dict(solution.presolved),
            "matrix_passes": passes(result.seconds("solve"), before, after),
        }
    if certificate is not None:
        facts |= certificate_facts(certificate)
    return Record(
        key=measurement_key(instance.sha256, solver, options),
        started_at="",
        instance=instance_facts(instance),
        solver=solver,
        options=asked_options(options),
        ended=result.ended,
        wall_s=result.seconds(),
        cpu_s=result.cpu_s,
        peak_bytes=result.peak_bytes,
        memory_method=result.memory_method,
        cgroup_peak_bytes=result.cgroup_peak_bytes,
        threads_seen=result.threads_seen,
        phases=phases,
        pass_s_before=before,
        pass_s_after=after,
        disturbed=is_disturbed(before, after, result.wait_s, result.seconds()),
        wait_s=result.wait_s,
        message=result.message,
        notes=notes,
        packages=package_versions(spec.packages),
        commit=surroundings.commit,
        **facts,
    )


def certificate_facts(certificate: Certificate) -> dict[str, Any]:
    """Return what a record holds of a certificate, field by field."""
    residuals = certificate.residuals
    return {
        "verdict": certificate.verdict,
        "certificate_version": CERTIFICATE_VERSION,
        "plan_verdict": certificate.plan_verdict,
        "prices_verdict": certificate.prices_verdict,
        "claim_verdict": certificate.claim_verdict,
        "certificate": certificate.kind,
        "lower_bound": certificate.lower_bound,
        "upper_bound": certificate.upper_bound,
        "estimate": _finite(certificate.estimate),
        "scale": _finite(certificate.scale),
        "raw_gap": certificate.raw_gap,
        "polished_gap": certificate.polished_gap,
        "polish_s": certificate.polish_s,
        "reasons": list(certificate.reasons),
        "residuals": None
        if residuals is None
        else ResidualFacts(
            primal=_finite(residuals.primal),
            primal_scaled=_finite(residuals.primal_scaled),
            dual=_finite(residuals.dual),
            dual_scaled=_finite(residuals.dual_scaled),
            complementarity=_finite(residuals.complementarity),
            gap=_finite(residuals.gap),
        ),
    }


def _finite(value: float | None) -> float | None:
    """`value`, or None where JSON has no number for it."""
    return float(value) if value is not None and math.isfinite(value) else None


def _read_log(path: Path, keep: Path | None) -> str:
    """Copy the log to `keep` and return its end."""
    if keep is not None:
        with path.open("rb") as source, replacing(keep) as copy:
            shutil.copyfileobj(source, copy)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        return file.read().decode(errors="replace")
