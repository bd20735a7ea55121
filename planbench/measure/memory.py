"""How much memory a process and its children hold, read as cheaply as can be.

``ru_maxrss`` is no use: Linux hands it down across fork, so a tiny child of a large parent
reports the parent's size. ``VmHWM`` (the high-water mark of resident memory) belongs to the
process alone and can be reset by writing 5 to ``/proc/self/clear_refs``, which gives a peak
for each phase. Only the standard library is imported here: the worker uses this module.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Ways the worker reads its own peak, best first.
RESET = "VmHWM reset per phase"
NO_RESET = "VmHWM, not reset"
MAXRSS = "ru_maxrss, not reset"
#: What is added where children were seen: each told its peak as it ended, or only sampling did.
REAPED = "children by wait4"
SAMPLED = "children sampled"
#: … and where the worker had a control group of its own.
CGROUP = "cgroup memory.peak beside"


@dataclass(frozen=True)
class Level:
    """Memory of one process, in bytes.

    Attributes
    ----------
    resident : int
        Resident set, swapped-out pages included.
    peak : int
        High-water mark of the resident set.
    file : int
        Resident pages of files, such as libraries, which other processes may share.
    """

    resident: int
    peak: int
    file: int = 0


def process_level(pid: int | str = "self") -> Level | None:
    """Memory of process `pid`; None when it is gone or /proc is not there."""
    try:
        text = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    found = {b"VmRSS": 0, b"VmSwap": 0, b"VmHWM": 0, b"RssFile": 0}
    for line in text.splitlines():
        key, _, rest = line.partition(b":")
        if key in found:
            found[key] = int(rest.split()[0]) * 1024
    resident = found[b"VmRSS"] + found[b"VmSwap"]
    return Level(resident, max(found[b"VmHWM"], found[b"VmRSS"]), found[b"RssFile"])


def reset_peak() -> bool:
    """Set this process's high-water mark back to its present level; False if not possible."""
    try:
        with Path("/proc/self/clear_refs").open("wb", buffering=0) as file:
            file.write(b"5")
    except OSError:
        return False
    return True


def give_back_free_memory() -> None:
    """Have the allocator hand freed memory back to the system (glibc; elsewhere nothing).

    What earlier phases freed would be taken up again without showing in the resident set, or
    would be counted although nobody holds it.
    """
    if sys.platform != "linux":
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def own_peak() -> tuple[int, str]:
    """Peak of this process since the last reset, in bytes, and how it was read."""
    level = process_level()
    if level is not None:
        return level.peak, RESET
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else peak * 1024), MAXRSS


def own_resident() -> int:
    """Resident bytes of this process now (its peak where only that is known)."""
    level = process_level()
    return level.resident if level is not None else own_peak()[0]


def descendants(pid: int) -> list[int]:
    """Process ids of all living descendants of `pid`."""
    if Path(f"/proc/{pid}/task/{pid}/children").exists():
        found: list[int] = []
        pending = [pid]
        while pending:
            here = _children(pending.pop())
            found += here
            pending += here
        return found
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - no objects wanted in a poll
    except OSError:
        return found
    for thread in threads:
        try:
            text = Path(f"/proc/{pid}/task/{thread}/children").read_bytes()
        except OSError:
            continue
        found += [int(word) for word in text.split()]
    return found


@dataclass(frozen=True)
class TreeLevel:
    """Memory of a worker and its descendants at one moment.

    Attributes
    ----------
    resident : int
        Bytes now, summed over the processes; of the descendants without pages of files, most
        of which are libraries that they share.
    reached : int
        Bytes now for the worker plus the high-water marks of its descendants, which are what
        a short peak between two looks leaves behind.
    children : tuple of int
        Process ids of the descendants.
    copies : tuple of int
        Those that still run their parent's program: forked, or about to become another.
    """

    resident: int
    reached: int
    children: tuple[int, ...]
    copies: tuple[int, ...] = ()


def tree_level(pid: int, known_copies: frozenset[int] = frozenset()) -> TreeLevel:
    """Memory of `pid` and its descendants now; zeros when it is gone.

    Parameters
    ----------
    pid : int
    known_copies : frozenset of int
        ``copies`` of the look before. A process is started as a copy of its parent, with all of
        its memory; one that is still a copy at the next look is a fork at work, and what it
        does not share counts. A new copy does not count in ``reached``.
    """
    own = _level(pid)
    children = descendants(pid)
    resident = reached = own.resident if own else 0
    stack = _stack_start(pid) if children else None
    copies = [child for child in children if stack is not None and _stack_start(child) == stack]
    for child in children:
        level = _level(child)
        if level is not None:
            resident += level.resident - level.file
            reached += 0 if child in copies else level.peak
    if known := [child for child in copies if child in known_copies]:
        together = proportional_bytes([pid, *known])
        alone = own.resident if own else 0
        reached += 0 if together is None else max(0, together - alone)
    return TreeLevel(resident, reached, tuple(children), tuple(copies))


def _stack_start(pid: int) -> int | None:
    """Where the stack of process `pid` begins, the same only for copies of one process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return int(fields[25]) or None


def _level(pid: int) -> Level | None:
    if Path("/proc/self/status").exists():
        return process_level(pid)
    import psutil

    try:
        resident = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return None
    return Level(resident, resident)


def proportional_bytes(pids: Iterable[int]) -> int | None:
    """Memory of `pids` with shared pages divided among their users (PSS and swap), in bytes.

    Forked children share pages with their parent and their resident sets count them again;
    this does not, but costs milliseconds per gigabyte, so it is asked for only before a kill.
    None where the kernel does not tell.
    """
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        except FileNotFoundError:
            if Path(f"/proc/{pid}").exists():
                return None
            continue
        except ProcessLookupError:
            continue
        except OSError:
            return None
        for line in text.splitlines():
            if line.startswith((b"Pss:", b"SwapPss:")):
                total += int(line.split()[1]) * 1024
    return total


def kernel_oom_kills() -> int | None:
    """How many processes the kernel has killed for want of memory since boot; None if untold."""
    try:
        text = Path("/proc/vmstat").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return None


def total_memory() -> int:
    """Bytes of memory that may be used here: the machine's, or the container's if smaller."""
    import psutil

    total = int(psutil.virtual_memory().total)
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total
