"""What the parent sees of a worker from outside, and when it decides that the worker must go.

Nothing is asked of the worker here: solvers hold the interpreter lock for a whole solve,
overrun their own limit many times over, or allocate all memory in one go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, thread_time
from typing import Literal

from planbench.measure.memory import TreeLevel, proportional_bytes, tree_level
from planbench.measure.processes import ProcessTree, running_threads, waiting_seconds
from planbench.measure.protocol import Look, PhaseReader

Ended = Literal["ok", "timeout", "memory", "crash", "killed", "refused"]

#: Seconds between two looks at the worker: short at first, as most runs are.
POLL_FIRST_S = 0.01
POLL_LAST_S = 0.04
POLL_GROWTH = 1.2
#: Near the memory limit looks come sooner: as soon as memory could be full if it filled at this
#: rate, several times what one core can touch.
FILL_BYTES_PER_S = 8e9
#: … and we were given a processor only so much later.
LATE_S = 0.008
POLL_LEAST_S = 0.001
#: … but looking may take no more than a fifth of a core.
LOOK_SHARE = 4
#: A solver told the limit stops a little after it and still has to hand over its answer; it is
#: killed this much later: the larger of half a second and a twenty-fifth of the limit. (With
#: what killing takes, the overrun stays below the larger of one second and a twentieth.)
GRACE_S = 0.5
GRACE_SHARE = 0.04
#: A log beyond this is a fault of its own: it would fill the disk.
LOG_LIMIT_BYTES = 1 << 30


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
    log : Path
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
    log: Path
    highest: int = 0
    had_children: bool = False
    threads: int = 0
    waited: float | None = None
    killed: Ended | None = None
    reason: str = ""
    _pause: float = field(default=POLL_FIRST_S, repr=False)
    _headroom: int = field(default=0, repr=False)
    _look_s: float = field(default=0.0, repr=False)
    _copies: frozenset[int] = field(default=frozenset(), repr=False)

    def look(self, tree: ProcessTree) -> None:
        """Sample memory, read phases, and decide whether the worker must be killed."""
        start = thread_time()  # not wall time: on a busy machine looks must not become rare
        at = monotonic()
        level = tree_level(tree.pid, self._copies)
        self._copies = frozenset(level.copies)
        self._judge_memory(tree, level)
        tree.remember(level.children)
        self.had_children = self.had_children or bool(level.children)
        self.highest = max(self.highest, level.resident)
        self.reader.see(Look(at, level.reached, bool(level.children)))
        self.reader.poll()
        if self.reader.open_name is not None and self.reader.open_solving:
            self.threads = max(self.threads, running_threads((tree.pid, *level.children)))
            self.waited = waiting_seconds(tree.pid)
        if self.killed is None:
            self._judge_time(monotonic())
        if self.killed is None and size_of(self.log) > LOG_LIMIT_BYTES:
            self.killed, self.reason = "killed", f"wrote more than {LOG_LIMIT_BYTES >> 20} MiB log"
        self._look_s = thread_time() - start

    def pause(self) -> float:
        """Seconds until the next look."""
        self._pause = min(POLL_LAST_S, self._pause * POLL_GROWTH)
        soon = max(POLL_LEAST_S, self._headroom / FILL_BYTES_PER_S - LATE_S)
        return min(POLL_LAST_S, max(min(self._pause, soon), LOOK_SHARE * self._look_s))

    def _judge_memory(self, tree: ProcessTree, level: TreeLevel) -> None:
        held = level.resident
        if level.copies and held > self.memory_limit:  # they share pages, counted more than once
            shared_once = proportional_bytes([tree.pid, *level.children])
            held = level.resident if shared_once is None else shared_once
        self._headroom = max(0, self.memory_limit - held)
        if held > self.memory_limit:
            self.killed = "memory"
            # Who runs on goes on allocating: kill first, and see to the rest afterwards.
            tree.kill()
            self.reason = (
                f"held {held / 2**20:.0f} MiB, more than the limit of "
                f"{self.memory_limit / 2**20:.0f} MiB{self._where()}"
            )

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


def size_of(path: Path) -> int:
    """Bytes of a file; 0 when it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
