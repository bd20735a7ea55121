"""What the parent sees of a worker from outside, and when it decides that the worker must go.

Nothing is asked of the worker here: solvers hold the interpreter lock for a whole solve,
overrun their own limit many times over, or allocate all memory in one go. In the folder of its
job a solver can do anything: write without end, delete its log, put a pipe where a file was.
Nothing here waits for ever, reads more than it must, or trusts a name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, thread_time
from typing import BinaryIO, Literal

from planbench.errors import PlanbenchError
from planbench.measure.memory import TreeLevel, running_threads, tree_level, waiting_seconds
from planbench.measure.protocol import (
    JOB_FILE,
    LOG_FILE,
    PHASES_FILE,
    GarbledError,
    Job,
    PhaseReader,
    Sample,
)
from planbench.supervised import Supervised

#: Standard output and standard error together may grow to this.
LOG_LIMIT_BYTES = 1 << 30
#: Everything in the folder together may grow to this: problems written as text are many times
#: the instance's size.
FOLDER_LIMIT_BYTES = 4 << 30
FOLDER_LIMIT_FACTOR = 64
FOLDER_LIMIT_FILES = 10_000
#: Seconds between two counts of the folder; they may take no more than a tenth of the time.
COUNT_S = 0.1
COUNT_SHARE = 9


@dataclass
class JobFolder:
    """A job's folder as its parent holds it.

    Attributes
    ----------
    path : Path
    log : BinaryIO
        Open for reading and writing, so that it is there even if its name goes.
    instance_bytes : int
        Size of the instance's file.
    """

    path: Path
    log: BinaryIO
    instance_bytes: int
    _identity: tuple[os.stat_result, os.stat_result] = field(repr=False)
    _count_after: float = field(default=0.0, repr=False)

    @classmethod
    def prepare(cls, job: Job) -> JobFolder:
        """Write the job and open its log.

        Raises
        ------
        PlanbenchError
            When that cannot be done.
        """
        path = Path(job.folder)
        try:
            (path / JOB_FILE).write_text(job.to_json())
            (path / "tmp").mkdir(exist_ok=True)
            (path / PHASES_FILE).touch()
            identity = path.stat(), (path / PHASES_FILE).stat()
            instance = Path(job.instance)
            size = instance.stat().st_size if instance.exists() else 0
            log = (path / LOG_FILE).open("w+b", buffering=0)
        except OSError as error:
            raise PlanbenchError(f"{path}: cannot be written: {error.strerror}") from None
        return cls(path, log, size, identity)

    @property
    def limit_bytes(self) -> int:
        """Bytes everything in the folder may take together."""
        return FOLDER_LIMIT_BYTES + FOLDER_LIMIT_FACTOR * self.instance_bytes

    def overrun(self, *, now: bool = False) -> str:
        """Say which limit what was written has passed; empty when none.

        The log is checked each time, the rest at intervals unless `now` is set.
        """
        if os.fstat(self.log.fileno()).st_size > LOG_LIMIT_BYTES:
            return f"wrote more than {LOG_LIMIT_BYTES >> 20} MiB log"
        began = monotonic()
        if began < self._count_after and not now:
            return ""
        held, files = _size(self.path)
        self._count_after = monotonic() + max(COUNT_S, COUNT_SHARE * (monotonic() - began))
        if held > self.limit_bytes:
            return f"wrote more than {self.limit_bytes >> 20} MiB of files"
        if files > FOLDER_LIMIT_FILES:
            return f"made more than {FOLDER_LIMIT_FILES} files"
        return ""

    def damage(self) -> str:
        """Say what the solver has done to the files of its run; empty when nothing."""
        for path, before in zip((self.path, self.path / PHASES_FILE), self._identity, strict=True):
            try:
                found = path.lstat()
            except OSError:
                return f"{path.name} was removed from under the run"
            if not os.path.samestat(found, before):
                return f"{path.name} was replaced under the run"
        return ""

    def said(self, most: int) -> str:
        """Return the last `most` bytes of the log as text."""
        size = os.fstat(self.log.fileno()).st_size
        # Not seek: the worker's standard output has the same position.
        return os.pread(self.log.fileno(), most, max(0, size - most)).decode(errors="replace")

    def leave(self) -> None:
        """Close the log; its name refers to it again, whatever the solver did."""
        path = self.path / LOG_FILE
        with self.log, suppress(OSError):
            try:
                if os.path.samestat(path.lstat(), os.fstat(self.log.fileno())):
                    return
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            except FileNotFoundError:
                self.path.mkdir(parents=True, exist_ok=True)
            self.log.seek(0)
            with path.open("xb") as copy:
                shutil.copyfileobj(self.log, copy)


def _size(folder: Path) -> tuple[int, int]:
    """Bytes on disk and number of entries below `folder`; stops soon after the most files."""
    held = files = 0
    pending = [str(folder)]
    while pending and files <= FOLDER_LIMIT_FILES:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                files += 1
                with suppress(OSError):
                    held += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                if files > FOLDER_LIMIT_FILES:
                    break
    return held, files


Ended = Literal["ok", "timeout", "memory", "crash", "killed", "refused"]

#: Seconds between two samples of the worker: short at first, as most runs are.
POLL_FIRST_S = 0.01
POLL_LAST_S = 0.04
POLL_GROWTH = 1.2
#: Near the memory limit samples come sooner: as soon as memory could be full if it filled at this
#: rate, more than two cores touch (12e9 were seen).
FILL_BYTES_PER_S = 20e9
#: … and we were given a processor only so much later.
LATE_S = 0.008
POLL_LEAST_S = 0.001
#: … but sampling may take no more than a fifth of a core; counting shared pages once, for a peak
#: that no limit depends on, no more than a twentieth.
SAMPLE_SHARE = 4
POLL_MOST_S = 0.25
PEAK_SHARE = 19
#: A solver that has the limit as an option stops a little after it and still has to hand over its
#: answer; it is killed this much later: the larger of half a second and a twenty-fifth of the
#: limit. (With what killing takes, the overrun stays below the larger of one second and a
#: twentieth.)
GRACE_S = 0.5
GRACE_SHARE = 0.04


@dataclass
class Watch:
    """What has been seen of a worker so far, and why it was killed.

    Attributes
    ----------
    time_limit_s : float
    memory_limit : int
        Bytes.
    overhead_s : float
        Seconds granted before the solve, and again after it.
    began : float
        Monotonic clock.
    reader : PhaseReader
    folder : JobFolder
    highest : int
        Most bytes seen at all.
    had_children : bool
    threads : int
        Most threads seen running at one moment of the counted phases.
    waited : float or None
        Seconds the worker's main thread had been ready without a processor when last seen.
    killed : str or None
        How the run ended, if it was ended from here.
    reason : str
    by_kernel : bool
        Meanwhile the kernel has killed something for want of memory.
    """

    time_limit_s: float
    memory_limit: int
    overhead_s: float
    began: float
    reader: PhaseReader
    folder: JobFolder
    highest: int = 0
    had_children: bool = False
    threads: int = 0
    waited: float | None = None
    killed: Ended | None = None
    reason: str = ""
    by_kernel: bool = False
    _pause: float = field(default=POLL_FIRST_S, repr=False)
    _headroom: int = field(default=0, repr=False)
    _sample_s: float = field(default=0.0, repr=False)
    _copies: frozenset[int] = field(default=frozenset(), repr=False)
    _reached: tuple[float | None, int] = field(default=(None, 0), repr=False)
    _shared: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def sample(self, job: Supervised) -> None:
        """Sample memory, read phases, and decide whether the worker must be killed."""
        start = thread_time()  # not wall time: on a busy machine samples must not become rare
        at = monotonic()
        level = tree_level(job.pid, self._copies, job.supervisor)
        held, reached = self._shared_once(level)
        self._headroom = 0 if level.copies - self._copies else max(0, self.memory_limit - held)
        self._copies = level.copies
        if held > self.memory_limit:
            # Who runs on goes on allocating: kill first, and see to the rest afterwards.
            job.kill(level.children)
            self.killed = "memory"
            self.reason = (
                f"held {held / 2**20:.0f} MiB, more than the limit of "
                f"{self.memory_limit / 2**20:.0f} MiB{self._where()}"
            )
        self.had_children = self.had_children or bool(level.children)
        self.highest = max(self.highest, held)
        self.reader.see(Sample(at, reached, bool(level.children)))
        with self.reading():
            self.reader.poll()
        if self.reader.open_name is not None and self.reader.open_solving:
            self.threads = max(self.threads, running_threads((job.pid, *level.children)))
            self.waited = waiting_seconds(job.pid)
        if self.killed is None:
            self._judge_time(monotonic())
        if self.killed is None and (full := self.folder.overrun()):
            self.killed, self.reason = "killed", full + self._where()
        self._sample_s = thread_time() - start

    @contextmanager
    def reading(self) -> Iterator[None]:
        """End the run where its phases make no sense; not at the first, by another planbench.

        Raises
        ------
        GarbledError
            When nothing at all was understood.
        """
        try:
            yield
        except GarbledError:
            if self.reader.method == "":
                raise
            self.killed = "crash"
            self.reason = f"{self.reader.path.name} holds what no worker writes{self._where()}"

    def pause(self) -> float:
        """Seconds until the next sample."""
        self._pause = min(POLL_LAST_S, self._pause * POLL_GROWTH)
        soon = max(POLL_LEAST_S, self._headroom / FILL_BYTES_PER_S - LATE_S)
        return max(min(self._pause, soon), min(POLL_MOST_S, SAMPLE_SHARE * self._sample_s))

    def _shared_once(self, level: TreeLevel) -> tuple[int, int]:
        """Bytes held now and reached, with shared pages counted once where that matters.

        What it costs grows with the memory, so it is asked only when the limit would be passed
        or the peak of the phase would rise; in between the least that is certain is given.
        """
        if not level.may_share:
            return level.resident, level.reached
        since, highest = self._reached
        if since != self.reader.open_since:
            highest = 0
        beyond = level.resident > self.memory_limit
        held, reached = min(level.resident, self.memory_limit), level.at_least()
        if level.at_most() > highest or beyond:
            ended, took = self._shared
            began = monotonic()
            if began < ended + took * (SAMPLE_SHARE if beyond else PEAK_SHARE):
                return held, reached
            held, reached = level.shared_once() or (level.resident, level.at_most())
            self._shared = monotonic(), monotonic() - began
        self._reached = self.reader.open_since, max(highest, reached)
        return held, reached

    def _judge_time(self, now: float) -> None:
        reader = self.reader
        if reader.solving_since is not None and reader.handed_back is None:
            grace = max(GRACE_S, GRACE_SHARE * self.time_limit_s)
            # The limit is on what is reported: phases that do not count stop the clock.
            aside = reader.aside(now)
            if now - reader.solving_since - aside > self.time_limit_s + grace:
                self.killed = "timeout"
                self.reason = f"not done after {self.time_limit_s:g} s{self._where()}"
            elif aside > self.overhead_s:
                self.killed = "killed"
                self.reason = f"not done after {self.overhead_s:.0f} s of overhead{self._where()}"
            return
        # Before the solve or after it: the time is not the solver's, but must end as well.
        since = self.began if reader.handed_back is None else reader.handed_back
        if now - since > self.overhead_s:
            self.killed = "killed"
            self.reason = f"not done after {self.overhead_s:.0f} s of overhead{self._where()}"

    def _where(self) -> str:
        return f" in phase {self.reader.open_name}" if self.reader.open_name else ""
