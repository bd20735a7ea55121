"""One solver on one instance: worker process, certificate, record. And each on each of several.

The answer is judged here, in the parent, from the instance this process holds; nothing the
worker says of it is taken over.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from planbench.bench.request import (
    Conditions,
    InstanceCache,
    Place,
    Request,
    asked_options,
    instance_facts,
    make_request,
)
from planbench.catalogue.instance import Instance
from planbench.certificates import Certificate, certify, prepare
from planbench.certificates.certificate import CERTIFICATE_VERSION
from planbench.io.files import replacing
from planbench.io.scratch import scratch_folder
from planbench.measure.calibrate import is_disturbed, passes
from planbench.measure.in_process import ENVIRONMENT, NOTE, run_in_process
from planbench.measure.launch import JobResult, run_job
from planbench.measure.machine import describe_machine, git_commit, load_now
from planbench.measure.protocol import LOG_FILE, Job
from planbench.model.arrays import FloatArray
from planbench.model.plan import Plan
from planbench.model.planning_lp import plan_from_lp
from planbench.records.schema import PhaseCost, Record, ResidualFacts
from planbench.records.values import json_safe
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.registry import check_options, choose_solver, find_solver

#: Of a longer log only the end is kept in memory.
LOG_BYTES = 4 << 20


@dataclass(frozen=True, eq=False, kw_only=True)
class RunOutcome:
    """Everything one run gave.

    Attributes
    ----------
    instance : Instance
        What was solved.
    record : Record
        The measurement, as a row of a results file.
    certificate : Certificate or None
        None when the solver handed back nothing to judge.
    solution : Solution or None
        What the solver handed back, translated but not judged.
    plan : Plan or None
        The solution read as a plan, for an economy.
    log : str
        What worker and solver wrote, at most the last :data:`LOG_BYTES`.
    """

    instance: Instance
    record: Record
    certificate: Certificate | None = None
    solution: Solution | None = None
    plan: Plan | None = None
    log: str = ""

    @property
    def x(self) -> FloatArray | None:
        """Columns of the linear program, shape (columns,)."""
        return None if self.solution is None else self.solution.x

    @property
    def row_duals(self) -> FloatArray | None:
        """∂(optimal objective)/∂(right-hand side) in the stated sense, shape (rows,)."""
        return None if self.solution is None else self.solution.y


def solve_once(
    request: Request,
    *,
    cache: InstanceCache | None = None,
    keep_log: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> RunOutcome:
    """Let a solver solve an instance in a process of its own, and judge the answer.

    Parameters
    ----------
    request : Request
    cache : InstanceCache, optional
        For many runs on one instance; otherwise it is written for this run alone.
    keep_log : Path, optional
        Where to copy the log.
    progress : callable, optional
        Called with the name of each phase as it begins.

    Returns
    -------
    RunOutcome

    Raises
    ------
    InputError
        An impossible limit.
    """
    instance, conditions = request.instance, request.conditions
    started = datetime.now(UTC)
    load = load_now()
    with scratch_folder() as folder:
        if conditions.in_process:
            spec = request.solver.spec
            result = run_in_process(
                instance.economy or instance.lp if spec.accepts == "economy" else instance.lp,
                instance.lp,
                spec,
                request.passed_options,
                folder / LOG_FILE,
                time_limit_s=conditions.time_limit_s,
                progress=progress,
            )
        else:
            file = (cache or InstanceCache(folder)).path(instance)
            work = folder / "job"
            work.mkdir()
            environment = conditions.environment
            result = run_job(
                Job(str(file), request.solver.name, str(work), request.passed_options),
                time_limit_s=conditions.time_limit_s,
                memory_limit_bytes=conditions.memory_limit_bytes,
                progress=progress,
                interpreter=environment.interpreter if environment is not None else None,
                shape=instance.lp.matrix.shape,
            )
        log = _read_log(result.log, keep_log)
    solution, certificate, cost = result.solution, None, None
    if solution is not None:
        if progress is not None:
            progress("certify")
        certificate, cost = _judge(request, solution)
    record = Record(
        started_at=started.isoformat(timespec="milliseconds"),
        **_asked_facts(request),
        machine={**describe_machine(), "load": load},
        **_measured_facts(result, cost),
        **_answer_facts(request, result),
        **({} if certificate is None else certificate_facts(certificate)),
    )
    plan = None
    if instance.economy is not None and solution is not None:
        plan = plan_from_lp(instance.economy, solution.x, solution.y)
    return RunOutcome(
        instance=instance,
        record=record,
        certificate=certificate,
        solution=solution,
        plan=plan,
        log=log,
    )


def _judge(request: Request, solution: Solution) -> tuple[Certificate, PhaseCost]:
    lp, economy = request.instance.lp, request.instance.economy
    # What belongs to the instance is not charged to the first solver that runs on it.
    prepare(lp, economy)
    wall, cpu = perf_counter(), process_time()
    certificate = certify(
        lp,
        economy,
        solution,
        tolerance=request.conditions.tolerance,
        claim_tolerance=request.options.tolerance or 0.0,
        polish=request.conditions.polish,
    )
    cost = PhaseCost(
        name="certify", wall_s=perf_counter() - wall, cpu_s=process_time() - cpu, peak_bytes=None
    )
    return certificate, cost


def _asked_facts(request: Request) -> dict[str, Any]:
    """Return what a record says of what was measured, where and with which limits."""
    conditions, environment = request.conditions, request.conditions.environment
    facts: dict[str, Any] = {
        **asdict(request.place),
        "key": request.key,
        "instance": instance_facts(request.instance),
        "solver": request.solver.name,
        "options": asked_options(request.options),
        "packages": request.packages,
        "time_limit_s": conditions.time_limit_s,
        "memory_limit_bytes": conditions.memory_limit_bytes,
    }
    if environment is not None:
        return facts | {"environment": environment.name, "commit": environment.commit}
    facts["commit"] = git_commit()
    if conditions.in_process:
        facts |= {"environment": ENVIRONMENT, "memory_limit_bytes": None}
    return facts


#: Fields of a job's result that a record has by the same names.
_MEASURED = (
    *("ended", "message", "cpu_s", "peak_bytes", "memory_method", "cgroup_peak_bytes"),
    *("threads_seen", "pass_s_before", "pass_s_after", "wait_s"),
)


def _measured_facts(result: JobResult, certify_cost: PhaseCost | None) -> dict[str, Any]:
    """Return what a record says of the cost, and of how the run ended."""
    phases = [
        PhaseCost(name=p.name, wall_s=p.wall_s, cpu_s=p.cpu_s, peak_bytes=p.peak_bytes)
        for p in result.phases
    ]
    before, after = result.pass_s_before, result.pass_s_after
    return {name: getattr(result, name) for name in _MEASURED} | {
        "wall_s": result.seconds(),
        "phases": phases if certify_cost is None else [*phases, certify_cost],
        "disturbed": is_disturbed(before, after, result.wait_s, result.seconds()),
    }


def _answer_facts(request: Request, result: JobResult) -> dict[str, Any]:
    """Return what a record says of the answer as the solver handed it back."""
    solution = result.solution
    remark = [NOTE] if request.conditions.in_process else []
    if solution is None:
        return {"certificate_version": CERTIFICATE_VERSION, "notes": remark}
    notes = list(solution.notes)
    if solution.objective is not None and not math.isfinite(solution.objective):
        notes.append(f"the solver claimed the objective {solution.objective}")
    return {
        "solver_version": solution.version,
        "method_run": solution.method_run,
        "native_options": json_safe(dict(solution.options)),
        "threads_used": solution.threads_used,
        "claim": solution.claim,
        "native_status": solution.native_status,
        "objective": _finite(solution.objective),
        "iterations": dict(solution.iterations),
        "presolved": dict(solution.presolved),
        "notes": notes + remark,
        "matrix_passes": passes(result.seconds("solve"), result.pass_s_before, result.pass_s_after),
    }


#: Fields of a certificate that a record has by the same names.
_CERTIFIED = (
    *("verdict", "plan_verdict", "prices_verdict", "claim_verdict"),
    *("lower_bound", "upper_bound", "raw_gap", "polished_gap", "polish_s"),
)


def certificate_facts(certificate: Certificate) -> dict[str, Any]:
    """Return what a record holds of a certificate, field by field."""
    residuals = None
    if certificate.residuals is not None:
        values = asdict(certificate.residuals)
        residuals = ResidualFacts(**{k: _finite(values[k]) for k in ResidualFacts.model_fields})
    return {name: getattr(certificate, name) for name in _CERTIFIED} | {
        "certificate_version": CERTIFICATE_VERSION,
        "certificate": certificate.kind,
        "estimate": _finite(certificate.estimate),
        "scale": _finite(certificate.scale),
        "reasons": list(certificate.reasons),
        "residuals": residuals,
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


def options_by_solver(
    solvers: Sequence[str], asked: SolveOptions
) -> tuple[dict[str, SolveOptions], dict[str, list[str]]]:
    """Give each solver those of the options that it has.

    Returns
    -------
    dict of str to SolveOptions
    dict of str to list of str
        Options asked for that a solver lacks, by solver.

    Raises
    ------
    InputError
        On an unknown solver or a native option.
    """
    given: dict[str, SolveOptions] = {}
    lacks: dict[str, list[str]] = {}
    for name in solvers:
        spec = find_solver(name).spec
        lacking = [option for option in asked_options(asked) if option not in spec.takes]
        kept = {name: None for name in lacking if name in ("tolerance", "threads", "seed")}
        own = replace(asked, **kept)  # type: ignore[arg-type]
        check_options(spec, own)
        given[name] = own
        if lacking:
            lacks[name] = lacking
    return given, lacks


def run_grid(
    instances: Sequence[Instance],
    solvers: Mapping[str, SolveOptions],
    conditions: Conditions,
    *,
    repeats: int = 1,
    progress: Callable[[str, str, str], None] | None = None,
) -> Iterator[Record]:
    """Run everything, instance by instance, the solvers in a shuffled order each round.

    Parameters
    ----------
    instances : sequence of Instance
    solvers : mapping of str to SolveOptions
    conditions : Conditions
    repeats : int
        Rounds.
    progress : callable, optional
        Called with solver, name of the instance, and phase.

    Yields
    ------
    Record
        As each run ends.
    """
    generator = np.random.default_rng(np.random.SeedSequence(len(solvers)))
    chosen = [(choose_solver(name), options) for name, options in solvers.items()]
    with scratch_folder() as folder:
        for instance in instances:
            cache = InstanceCache(folder)
            for repeat in range(repeats):
                for k in generator.permutation(len(chosen)):
                    solver, options = chosen[int(k)]

                    def phase(at: str, solver: str = solver.name, on: str = instance.name) -> None:
                        if progress is not None:
                            progress(solver, on, at)

                    phase("start")
                    yield solve_once(
                        make_request(instance, solver, options, conditions, Place(repeat=repeat)),
                        cache=cache,
                        progress=phase,
                    ).record
            cache.drop(instance)
