"""What the parent sees of a worker from outside, and when it decides that the worker must go.

Nothing is asked of the worker here: solvers hold the interpreter lock for a whole solve,
overrun their own limit many times over, or allocate all memory in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, thread_time
from typing import Literal

from planbench.measure.job_folder import JobFolder
from planbench.measure.memory import TreeLevel, running_threads, tree_level, waiting_seconds
from planbench.measure.protocol import GarbledError, PhaseReader, Sample
from planbench.supervised import Supervised

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
