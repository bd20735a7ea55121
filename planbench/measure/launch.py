"""Run one job in a process of its own and end it when it overruns, whatever it does.

Solvers hold the interpreter lock for a whole solve, overrun their time limit many times over,
hang on odd data, or allocate all memory in one go; so nothing is asked of the worker. The
parent watches wall time and memory of the whole process group from outside and kills it. The
limits and how the ways of ending are distinguished are described in docs/measurement.md.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from planbench.errors import InputError, PlanbenchError
from planbench.measure.cgroup import memory_group
from planbench.measure.memory import CGROUP, REAPED, SAMPLED, kernel_oom_kills
from planbench.measure.protocol import (
    CANNOT_READ,
    CANNOT_WRITE,
    JOB_FILE,
    LOG_FILE,
    NO_SPACE,
    PHASES_FILE,
    GarbledError,
    Job,
    PhaseReader,
    PhaseSample,
    read_result,
    read_solution,
)
from planbench.measure.watch import Ended, JobFolder, Watch
from planbench.solvers.base import Solution
from planbench.solvers.programs import ending
from planbench.supervised import Supervised, supervised

#: Backstop for what is not the solver's: starting, reading, assembling, calibrating, writing.
OVERHEAD_S = 60.0
OVERHEAD_BYTES_PER_S = 10e6
#: How long a worker that has left its result may take to be gone.
LEAVE_S = 5.0
#: Private memory the kernel refuses to hand out beyond: twice the limit and a gibibyte. Twice,
#: because libraries reserve what they never touch; a jump beyond it is stopped at once.
DATA_LIMIT_FACTOR = 2
DATA_LIMIT_EXTRA = 1 << 30
#: A process killed by somebody else this close to its memory limit ran out of memory.
NEAR_LIMIT = 0.8
#: The kernel stops a file that is this much larger than the folder may be.
FILE_LIMIT_EXTRA = 1 << 30
#: Bytes of the log in which last words are searched for.
LAST_BYTES = 1 << 16
#: Ends that a worker reports itself; NO_SPACE is no end of a run.
FAILURES = ("memory", "crash", "refused")

_WORKER = ("-P", "-X", "faulthandler", "-m", "planbench.measure.worker")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class Interpreter:
    """The Python a worker runs in.

    Attributes
    ----------
    python : str
        Path of the program.
    source : str or None
        Folder that holds the ``planbench`` package to be used, and nothing else that could be
        imported; None: the one installed there.
    """

    python: str = sys.executable
    source: str | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class JobResult:
    """How a job ended and what it cost.

    Attributes
    ----------
    ended : {"ok", "timeout", "memory", "crash", "killed", "refused"}
    message : str
        One line on what went wrong; empty when nothing did.
    solution : Solution or None
        What the solver handed back; a run that stopped on its own time limit may have one.
    phases : tuple of PhaseSample
        In order; the last is incomplete where the worker died in it.
    peak_bytes : int or None
        Peak of the counted phases, worker and children, minus the level before.
    pass_s_before, pass_s_after : float or None
        Seconds of one matrix pass right before and right after the solve.
    memory_method : str
        How memory was read.
    log : Path
        Everything worker and solver wrote.
    returncode : int or None
        Exit status of the worker; negative for a signal.
    cgroup_peak_bytes : int or None
        Most bytes charged to the worker's control group in the whole run, where it had one.
    threads_seen : int or None
        Most threads seen running at one moment of the counted phases; None when no sample fell
        into them.
    """

    ended: Ended
    message: str = ""
    solution: Solution | None = None
    phases: tuple[PhaseSample, ...] = ()
    peak_bytes: int | None = None
    pass_s_before: float | None = None
    pass_s_after: float | None = None
    memory_method: str
    log: Path
    returncode: int | None = None
    cgroup_peak_bytes: int | None = None
    threads_seen: int | None = None

    def seconds(self, *names: str) -> float | None:
        """Wall seconds of the counted phases called `names` (all, without names)."""
        found = [p.wall_s for p in self.phases if p.solving and (not names or p.name in names)]
        return sum(found) if found else None

    @property
    def cpu_s(self) -> float | None:
        """CPU seconds of the counted phases; None when one of them was cut short."""
        return _sum_if_known([p.cpu_s for p in self.phases if p.solving])

    @property
    def wait_s(self) -> float | None:
        """Seconds of the counted phases without a processor; None when unknown for one."""
        return _sum_if_known([p.wait_s for p in self.phases if p.solving])


def _sum_if_known(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None


def check_limits(time_limit_s: float, memory_limit_bytes: int) -> None:
    """Check that both limits are above 0.

    Raises
    ------
    InputError
    """
    if not time_limit_s > 0:
        raise InputError(f"is {time_limit_s:g}; give seconds above 0", where="time limit")
    if memory_limit_bytes <= 0:
        raise InputError(f"is {memory_limit_bytes}; give bytes above 0", where="memory limit")


def run_job(
    job: Job,
    *,
    time_limit_s: float,
    memory_limit_bytes: int,
    progress: Callable[[str], None] | None = None,
    interpreter: Interpreter | None = None,
    shape: tuple[int, int] | None = None,
) -> JobResult:
    """Run `job` in a fresh process and wait for its end.

    Parameters
    ----------
    job : Job
        Its folder exists and is empty.
    time_limit_s : float
        Wall seconds from the start of the first counted phase to the end of the last;
        starting the interpreter, reading and assembling do not count.
    memory_limit_bytes : int
        Resident bytes of the worker and all its descendants together.
    progress : callable or None
        Called with the phase going on whenever it changes.
    interpreter : Interpreter or None
        Python of another environment; None: the one this process runs in.
    shape : (rows, columns), optional
        Of the problem; what is handed back must fit.

    Returns
    -------
    JobResult

    Raises
    ------
    InputError
        When a limit is not positive.
    PlanbenchError
        When the job's folder cannot be written (a full disk), or no worker be started.
    KeyboardInterrupt, TerminatedError
        After the worker and its descendants have been killed.
    """
    check_limits(time_limit_s, memory_limit_bytes)
    ceiling = DATA_LIMIT_FACTOR * memory_limit_bytes + DATA_LIMIT_EXTRA
    job = replace(job, data_limit_bytes=ceiling)
    folder = JobFolder.prepare(job)
    interpreter = interpreter or Interpreter()
    watch = Watch(
        time_limit_s=time_limit_s,
        memory_limit=memory_limit_bytes,
        overhead_s=OVERHEAD_S + folder.instance_bytes / OVERHEAD_BYTES_PER_S,
        began=monotonic(),
        reader=PhaseReader(folder.path / PHASES_FILE),
        folder=folder,
    )
    try:
        returncode, group_peak = _run(job, watch, interpreter, progress)
        return _conclude(watch, returncode, group_peak, shape)
    except OSError as error:
        if error.filename != interpreter.python:
            raise
        raise PlanbenchError(
            f"{interpreter.python}: the worker cannot be started: {error.strerror}"
        ) from None
    finally:
        folder.leave()


def _run(
    job: Job,
    watch: Watch,
    interpreter: Interpreter,
    progress: Callable[[str], None] | None,
) -> tuple[int, int | None]:
    """Run the worker to its end: its exit code, and the peak of its control group."""
    folder = watch.folder
    oom_before = kernel_oom_kills()
    group = memory_group(watch.memory_limit)
    group_peak: int | None = None
    group_kills = 0
    try:
        with supervised(
            [interpreter.python, *_WORKER, str(folder.path / JOB_FILE)],
            stdout=folder.log,
            stderr=subprocess.STDOUT,
            env=_environment(job, folder.path, interpreter),
        ) as worker:
            _limit_files(worker.pid, folder.limit_bytes)
            used = group if group is not None and group.add(worker.pid) else None
            try:
                _wait(worker, watch, progress)
            finally:
                # Always, and also after a good end: children may have been left behind.
                if used is not None:
                    used.kill()
        if used is not None:
            group_peak, group_kills = used.peak(), used.oom_kills()
    finally:
        if group is not None:
            group.remove()
    assert worker.returncode is not None
    if watch.killed is None and (trouble := folder.overrun(now=True)):
        # It was quicker than the samples, or came against the backstop.
        watch.killed, watch.reason = "killed", trouble
    with watch.reading():
        watch.reader.close(monotonic(), watch.waited)
    if watch.killed is None and (damage := folder.damage()):
        watch.killed, watch.reason = "crash", damage
    oom_kills = kernel_oom_kills()
    watch.by_kernel = group_kills > 0 or (
        oom_kills is not None and oom_before is not None and oom_kills > oom_before
    )
    return worker.returncode, group_peak


def _limit_files(pid: int, limit: int) -> None:
    """Have the kernel stop a file that grows beyond what the watch should have stopped."""
    if sys.platform == "linux":
        most = limit + FILE_LIMIT_EXTRA
        with suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def _wait(worker: Supervised, watch: Watch, progress: Callable[[str], None] | None) -> None:
    """Return when the worker has ended or must be killed."""
    shown: str | None = None
    result_since: float | None = None
    while worker.returncode is None:
        watch.sample(worker)
        if watch.killed is not None:
            return
        if progress is not None and watch.reader.open_name not in (None, shown):
            shown = watch.reader.open_name
            progress(str(shown))
        if watch.reader.handed_back is not None and read_result(watch.folder.path) is not None:
            result_since = result_since or monotonic()
            if monotonic() - result_since > LEAVE_S:
                return
        worker.wait(watch.pause())


def _environment(job: Job, folder: Path, interpreter: Interpreter) -> dict[str, str]:
    threads = str(job.options.threads or 1)
    inherited = dict(os.environ)
    if interpreter.source is not None:
        # What the user's PYTHONPATH holds is not part of that environment.
        inherited["PYTHONPATH"] = interpreter.source
    return {
        **inherited,
        **dict.fromkeys(_THREAD_VARIABLES, threads),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder / "tmp"),
    }


def _conclude(
    watch: Watch, returncode: int, group_peak: int | None, shape: tuple[int, int] | None
) -> JobResult:
    """Determine how the run ended from what was seen and what it left behind."""
    reader = watch.reader
    folder = watch.folder.path
    result = None if watch.killed else read_result(folder)
    solution: Solution | None = None
    ended: Ended = "ok"
    message = ""
    if watch.killed is not None:
        ended, message = watch.killed, watch.reason
    elif returncode == CANNOT_WRITE or (result or {}).get("failed") == NO_SPACE:
        # A row would charge the solver with our disk.
        said = last_words(watch.folder.said(LAST_BYTES), lines=1)
        why = (result or {}).get("message") or said or "no space"
        raise PlanbenchError(
            f"{folder}: the run could not write its files ({why}); make room there, or name "
            "another folder with TMPDIR"
        )
    elif result is None:
        ended, message = _died(watch, returncode)
    elif "failed" in result:
        ended, message = _failed(result, watch)
    elif reader.handed_back is None:
        ended, message = "crash", "left a result before the solver had ended"
    else:
        try:
            solution = read_solution(folder, result.get("solution"), shape)
        except GarbledError as error:
            ended, message = "crash", str(error)
        spent = sum(p.wall_s for p in reader.phases if p.solving)
        if solution is not None:
            ended, message = judge_time(solution, spent, watch.time_limit_s)
    before, after = [*reader.pass_seconds, None, None][:2]
    peaks = [
        p.peak_bytes - p.level
        for p in reader.phases
        if p.solving and p.peak_bytes is not None and p.level is not None
    ]
    return JobResult(
        ended=ended,
        message=message,
        solution=solution,
        phases=tuple(reader.phases),
        peak_bytes=max(0, *peaks) if peaks else None,
        pass_s_before=before,
        pass_s_after=after,
        memory_method=reader.method
        + (f"; {SAMPLED}" if watch.had_children and REAPED not in reader.method else "")
        + (f"; {CGROUP}" if group_peak is not None else ""),
        cgroup_peak_bytes=group_peak,
        threads_seen=watch.threads or None,
        log=folder / LOG_FILE,
        returncode=returncode,
    )


def judge_time(solution: Solution, spent_s: float, limit_s: float) -> tuple[Ended, str]:
    """How a run ended that handed back a solution."""
    if solution.hit_limit:
        return "timeout", f"stopped by itself at its time limit ({spent_s:.3g} s)"
    if spent_s > limit_s:
        return "timeout", f"took {spent_s:.3g} s, limit {limit_s:g} s"
    return "ok", ""


def _failed(result: dict[str, Any], watch: Watch) -> tuple[Ended, str]:
    """How a worker ended that says itself what failed."""
    ended, message = result["failed"], result.get("message")
    if ended not in FAILURES or not isinstance(message, str):
        return "crash", "the result is not as a worker writes it"
    message = " ".join(message.encode(errors="replace").decode().split())
    if result.get("signal") == signal.SIGKILL and _was_memory(watch):
        return "memory", f"killed by the system when memory ran out ({message})"
    return ended, message


def _was_memory(watch: Watch) -> bool:
    """Whether a SIGKILL that we did not send is the kernel's, for want of memory."""
    return watch.by_kernel or watch.highest > NEAR_LIMIT * watch.memory_limit


def _died(watch: Watch, returncode: int) -> tuple[Ended, str]:
    """How a worker ended that left no result and was not killed by us."""
    words = last_words(watch.folder.said(LAST_BYTES))
    silent = f"exited with code {returncode} without a result"
    what = (silent if returncode >= 0 else ending(returncode)) + (
        f" in phase {watch.reader.phases[-1].name}"
        if watch.reader.phases and not watch.reader.phases[-1].complete
        else ""
    )
    message = f"{what}: {words}" if words else what
    if returncode == CANNOT_READ and not watch.reader.phases:
        # Another planbench may be at work there, which does not know this one's jobs.
        return "refused", f"the worker cannot read its job: {words}"
    if returncode == -signal.SIGKILL:
        if _was_memory(watch):
            return "memory", f"killed by the system when memory ran out ({what})"
        return "killed", message
    if returncode in (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, -signal.SIGQUIT):
        return "killed", message
    if "bad_alloc" in words or "MemoryError" in words:
        return "memory", message
    return "crash", message


def last_words(text: str, lines: int = 3, most: int = 300) -> str:
    """Return the last `lines` lines of a log that say something, joined to one short line.

    Python's own crash reports (faulthandler) are passed over but for their first line.
    """
    head = text.rpartition("Fatal Python error:")
    if head[1]:
        said = [*head[0].splitlines()[-lines + 1 :], "Fatal Python error:" + head[2].split("\n")[0]]
    else:
        said = text.splitlines()
    kept = [" ".join(line.split()) for line in said if line.strip()][-lines:]
    return " | ".join(kept)[-most:]
