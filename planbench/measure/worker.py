"""The process that makes one measurement: ``python -m planbench.measure.worker job.json``.

It stays thin (numpy, scipy.sparse, one reader, one adapter), because what it imports is memory
and time that every solver would be charged with. Each phase is written to ``phases.jsonl`` as
it begins and as it ends, so that a run that is killed leaves behind what it had done and where
it was. Standard output and error are files already when it starts; it imports nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from planbench.errors import InputError, PlanbenchError, SolverCrashError
from planbench.measure.memory import (
    MAXRSS,
    NO_RESET,
    REAPED,
    give_back_free_memory,
    own_peak,
    own_resident,
    reset_peak,
    waiting_seconds,
)
from planbench.measure.protocol import (
    ARRAYS,
    CANNOT_READ,
    CANNOT_WRITE,
    JOB_FILE,
    NO_SPACE,
    PHASES_FILE,
    PROTOCOL_VERSION,
    RESULT_FILE,
    SOLUTION_FILE,
    Job,
    job_from_json,
)
from planbench.model.arrays import Matrix
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.records.values import json_safe
from planbench.solvers import programs
from planbench.solvers.base import Solution

#: Why a disk takes no more; anything else that keeps a result from being written is the solver's
#: doing, which may have removed the folder.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)

#: Phases of an adapter that make up what a solve costs.
COUNTED = ("build", "load", "solve", "extract")


def _cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    # Not os.times(), which counts in hundredths of a second.
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


@dataclass
class PhaseLog:
    """Writes what each phase cost to a file, as it ends.

    Attributes
    ----------
    path : Path
    solving : bool
        Whether the adapter is at work: its phases called as in :data:`COUNTED` count in the
        time limit, the times and the peak; others (``import``, ``check``) are only listed.
    level_before : int or None
        Resident bytes when the first counted phase began, and what phases that do not count
        have added since: what the solver's peak is counted from.
    method : str
        How peaks are read.
    reached : int
        Most bytes this process and a program it ran held together in the phase going on.
    """

    path: Path
    solving: bool = False
    level_before: int | None = None
    method: str = ""
    reached: int = 0
    _open: str | None = field(default=None, repr=False)
    _reaped: bool = field(default=False, repr=False)
    _counting: bool = field(default=False, repr=False)
    _held: int = field(default=0, repr=False)

    def write(self, event: dict[str, Any]) -> None:
        """Append one line; it is with the kernel when this returns, so a kill loses nothing."""
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(event).encode() + b"\n")

    def child_ended(self, peak: int) -> None:
        """Take into account that a program ended whose resident memory reached `peak` bytes."""
        self.reached = max(self.reached, own_resident() + peak)
        self._reaped = True

    def _change_over(self, solving: bool) -> None:
        """Keep apart the memory of phases that count and of those that do not."""
        self._counting = solving
        # What a phase that does not count has freed is not the solver's to find or to pay.
        give_back_free_memory()
        held = own_resident()
        if not solving:
            self._held = held
        elif self.level_before is None:
            self.level_before = held
        else:
            # Nor is what it keeps, such as pages of library code that only it needed.
            self.level_before += max(0, held - self._held)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure one phase.

        Raises
        ------
        RuntimeError
            When phases are nested: the inner would reset the outer's peak. That is an error of
            the adapter, and no refusal.
        """
        if self._open is not None:
            raise RuntimeError(f"phase {name!r} begins inside phase {self._open!r}")
        self._open = name
        solving = self.solving and name in COUNTED
        if solving != self._counting:
            self._change_over(solving)
        could_reset = reset_peak()
        self.reached = 0
        waited = waiting_seconds()
        self.write(
            {
                "event": "start",
                "name": name,
                "solving": solving,
                "at": monotonic(),
                "waited_s": waited,
                "level_before": self.level_before,
            }
        )
        cpu, start = _cpu_seconds(), monotonic()
        try:
            yield
        finally:
            wall_s, cpu_s = monotonic() - start, _cpu_seconds() - cpu
            wait_s = waiting_seconds()
            peak, method = own_peak()
            self.method = method if could_reset or method == MAXRSS else NO_RESET
            if self._reaped:
                self.method += f"; {REAPED}"
            self._open = None
            self.write(
                {
                    "event": "end",
                    "name": name,
                    "solving": solving,
                    "wall_s": wall_s,
                    "cpu_s": cpu_s,
                    "wait_s": None if wait_s is None or waited is None else wait_s - waited,
                    "peak_bytes": max(peak, self.reached),
                    "method": self.method,
                    "at": monotonic(),
                }
            )


def run(job: Job) -> dict[str, Any]:
    """Carry out `job` and return what goes into ``result.json`` (without failures)."""
    from planbench.io.npz import load_any
    from planbench.measure.calibrate import matrix_pass_seconds
    from planbench.model.planning_lp import to_linear_program
    from planbench.solvers.registry import find_solver, load_adapter

    folder = Path(job.folder)
    phase = PhaseLog(folder / PHASES_FILE)
    if _adopts_orphans():
        programs.observer = phase.child_ended
    solver = find_solver(job.solver)
    spec, options = solver.spec, solver.options(job.options)

    with phase("read"):
        problem: Economy | LinearProgram = load_any(Path(job.instance))
    matrix: Matrix
    if isinstance(problem, Economy):
        with phase("assemble"):
            lp = to_linear_program(problem)
        matrix = lp.matrix
        if spec.accepts == "lp":
            problem = lp
        del lp
    else:
        matrix = problem.matrix
    if job.calibrate:
        with phase("calibrate"):
            before = matrix_pass_seconds(matrix)
        phase.write({"event": "pass", "seconds": before})
    with phase("import"):
        solve = load_adapter(spec)
    phase.solving = True
    solution = solve(problem, spec, options, phase)
    phase.solving = False
    phase.write({"event": "handed-back", "at": monotonic()})
    arrays = checked_arrays(solution, matrix.shape[0], matrix.shape[1])
    if job.calibrate:
        with phase("calibrate"):
            after = matrix_pass_seconds(matrix)
        phase.write({"event": "pass", "seconds": after})
    _write_arrays(folder / SOLUTION_FILE, arrays)
    # NaN and infinities as words, since JSON has no such numbers.
    facts = {
        each.name: json_safe(getattr(solution, each.name))
        for each in fields(solution)
        if each.name not in ARRAYS
    }
    return {"solution": facts}


def checked_arrays(solution: Solution, rows: int, columns: int) -> dict[str, Any]:
    """Return the solution's arrays as float64, their lengths checked; values are not judged."""
    import numpy as np

    if not isinstance(solution, Solution):
        raise TypeError(f"the adapter handed back {type(solution).__name__}, not a Solution")
    out: dict[str, Any] = {}
    for name, kind in ARRAYS.items():
        value = getattr(solution, name)
        if value is None:
            continue
        array = np.ascontiguousarray(value, dtype=np.float64)
        size = rows if kind == "rows" else columns
        if array.shape != (size,):
            raise ValueError(
                f"the adapter handed back {name} of shape {array.shape}, expected ({size},)"
            )
        out[name] = array
    return out


def _write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    import numpy as np

    with path.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write ``result.json`` in one piece; once it is there the measurement is complete."""
    temporary = folder / (RESULT_FILE + ".part")
    with temporary.open("w") as file:
        json.dump({"protocol": PROTOCOL_VERSION, **result}, file, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / RESULT_FILE)


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        ended = NO_SPACE
    elif isinstance(error, SolverCrashError):
        ended = "crash"
    elif isinstance(error, MemoryError):
        ended = "memory"
    elif isinstance(error, PlanbenchError):
        ended = "refused"
    else:
        ended = "crash"
    text = " ".join(str(error).split())
    message = text if isinstance(error, PlanbenchError) else f"{type(error).__name__}: {text}"
    failure: dict[str, Any] = {"failed": ended, "message": message.rstrip(": ")}
    if isinstance(error, SolverCrashError) and error.returncode is not None:
        failure["signal"] = -error.returncode
    return failure


def _set_limits(job: Job) -> None:
    """Set what the kernel enforces: no core dumps, a ceiling on memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if job.data_limit_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (job.data_limit_bytes, job.data_limit_bytes))
    # Should the machine run out of memory all the same, the kernel takes this process first.
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return


def _adopts_orphans() -> bool:
    """Have descendants whose parent ended passed on to this process; False if not possible.

    A program that solves is started that way (see planbench.solvers.programs), and a daemon of
    a solver stays among the descendants that are watched.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    pr_set_child_subreaper = 36
    return bool(ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)


def main(argv: list[str]) -> int:
    """Read the job named on the command line, carry it out, write the result.

    Returns
    -------
    int
        0 with a result or a recorded failure; :data:`CANNOT_READ` when the job cannot be;
        :data:`CANNOT_WRITE` when there is no room for the result; 1 when it cannot be written.
    """
    if len(argv) != 1:
        print(f"usage: python -m planbench.measure.worker {JOB_FILE}", file=sys.stderr)
        return CANNOT_READ
    try:
        job = job_from_json(Path(argv[0]).read_text(), argv[0])
    except (OSError, InputError) as error:
        print(error, file=sys.stderr)
        return CANNOT_READ
    _set_limits(job)
    try:
        result = run(job)
    except BaseException as error:  # noqa: BLE001, RUF100 - a run's failure is its result
        result = _failure(error)
        if not isinstance(error, PlanbenchError):
            with suppress(OSError):
                traceback.print_exc()
    try:
        _write_result(Path(job.folder), result)
    except OSError as error:
        with suppress(OSError):  # the log may be on the same full disk
            print(f"cannot write the result: {error}", file=sys.stderr, flush=True)
        return CANNOT_WRITE if error.errno in DISK_ERRORS else 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    # No interpreter shutdown: the measurement is complete, and several solver libraries crash
    # or hang while they are being taken down.
    os._exit(code)
