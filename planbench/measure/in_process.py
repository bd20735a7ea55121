"""One measurement in the calling process, for notebooks: it starts at once, and measures less.

A worker (:mod:`planbench.measure.launch`) is what figures come from. Here there is no process to
watch: peak memory, CPU time and the number of threads are not measured, no memory limit is
enforced, the time limit is the solver's own, and a solver that crashes takes the caller with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from planbench.errors import PlanbenchError
from planbench.measure.calibrate import matrix_pass_seconds
from planbench.measure.launch import JobResult, check_limits, judge_time
from planbench.measure.protocol import PhaseSample
from planbench.measure.watch import Ended
from planbench.measure.worker import COUNTED, checked_arrays
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Solution, SolveOptions, SolverSpec
from planbench.solvers.logs import flush
from planbench.solvers.registry import load_adapter

#: What a record calls the environment, and says of memory and of itself.
ENVIRONMENT = "in-process"
NO_MEMORY = "not measured"
NOTE = (
    "ran in the calling process: memory, CPU time and threads are not measured, no memory limit "
    "is enforced, and the time limit is the solver's own"
)


def run_in_process(
    problem: Economy | LinearProgram,
    lp: LinearProgram,
    spec: SolverSpec,
    options: SolveOptions,
    log: Path,
    *,
    time_limit_s: float,
    progress: Callable[[str], None] | None = None,
) -> JobResult:
    """Let `spec` solve `problem` here and now.

    Parameters
    ----------
    problem : Economy or LinearProgram
        What the solver is handed.
    lp : LinearProgram
        The linear program, whose matrix the passes are measured with.
    spec : SolverSpec
    options : SolveOptions
        With what the solver's name implies and, where the solver has one, its time limit.
    log : Path
        File that takes what the solver prints.
    time_limit_s : float
        A run that took longer counts as stopped at the limit.
    progress : callable, optional
        Called with the name of each phase as it begins.

    Returns
    -------
    JobResult
        Without memory, CPU time and threads.

    Raises
    ------
    InputError
        When the time limit is not positive.
    """
    check_limits(time_limit_s, 1)
    phases: list[PhaseSample] = []
    passes: list[float] = []

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        if progress is not None:
            progress(name)
        start, complete = perf_counter(), False
        try:
            yield
            complete = True
        finally:
            phases.append(
                PhaseSample(name, perf_counter() - start, None, None, name in COUNTED, complete)
            )

    solution: Solution | None = None
    ended: Ended = "ok"
    message = ""
    try:
        with phase("calibrate"):
            passes.append(matrix_pass_seconds(lp.matrix))
        with phase("import"):
            solve = load_adapter(spec)
        with _printed_to(log), threadpool_limits(options.threads or 1):
            found = solve(problem, spec, options, phase)
        solution = replace(found, **checked_arrays(found, lp.n_rows, lp.n_cols))
        with phase("calibrate"):
            passes.append(matrix_pass_seconds(lp.matrix))
    except MemoryError as error:
        ended, message = "memory", f"out of memory: {error}"
    except PlanbenchError as error:
        ended, message = "refused", str(error)
    except Exception as error:  # noqa: BLE001, RUF100 - a run's failure is its result
        ended, message = "crash", f"{type(error).__name__}: {error}"
    if solution is not None and ended == "ok":
        spent = sum(p.wall_s for p in phases if p.solving)
        ended, message = judge_time(solution, spent, time_limit_s)
    return JobResult(
        ended=ended,
        message=message,
        solution=solution,
        phases=tuple(phases),
        pass_s_before=passes[0] if passes else None,
        pass_s_after=passes[1] if len(passes) > 1 else None,
        memory_method=NO_MEMORY,
        log=log,
    )


@contextmanager
def _printed_to(path: Path) -> Iterator[None]:
    """Send what Python and C code print, on standard output and error, to the file at `path`."""
    flush()
    with path.open("a", encoding="utf-8", errors="replace") as file:
        kept = os.dup(1), os.dup(2)
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            # A notebook has other objects in their place, which do not write there.
            with redirect_stdout(file), redirect_stderr(file):
                yield
        finally:
            file.flush()
            flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
