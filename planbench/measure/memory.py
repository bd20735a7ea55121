"""What /proc says of processes: memory, threads that run, waiting; read as cheaply as can be.

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
#: What is added where children were seen: each reported its peak as it ended, or only sampling did.
REAPED = "children by wait4"
SAMPLED = "children sampled"
#: … and where the worker had a control group of its own.
CGROUP = "also cgroup memory.peak"


def read_file(path: str | Path) -> bytes:
    """Content of a file of the kernel; empty where it, or the process, is not there."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


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
    shared : int
        Resident pages of shared memory.
    """

    resident: int
    peak: int
    file: int = 0
    shared: int = 0

    @property
    def own(self) -> int:
        """Resident bytes without pages of files."""
        return self.resident - self.file


def process_level(pid: int | str = "self") -> Level | None:
    """Memory of process `pid`; None when it is gone or /proc is not there."""
    text = read_file(f"/proc/{pid}/status")
    if not text:
        return None
    found = {b"VmRSS": 0, b"VmSwap": 0, b"VmHWM": 0, b"RssFile": 0, b"RssShmem": 0}
    for line in text.splitlines():
        key, _, rest = line.partition(b":")
        if key in found:
            found[key] = int(rest.split()[0]) * 1024
    resident = found[b"VmRSS"] + found[b"VmSwap"]
    peak = max(found[b"VmHWM"], found[b"VmRSS"])
    return Level(resident, peak, found[b"RssFile"], found[b"RssShmem"])


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
    for thread in _threads(pid):
        found += map(int, read_file(f"/proc/{pid}/task/{thread}/children").split())
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - no objects wanted in a poll
    except OSError:
        return []


@dataclass(frozen=True)
class TreeLevel:
    """Memory of a worker and its descendants at one moment, in bytes.

    A descendant that was forked and still runs the program of another process of the tree is a
    *copy*: at first it shares all its pages. One that was not there at the sample before may be
    about to start another program, and is left out.

    Attributes
    ----------
    resident : int
        Sum over the processes; of descendants without pages of files, most of which are
        libraries that they share. What they share otherwise counts for each.
    reached : int
        Worker's resident memory plus the high-water marks of its descendants, which are what a
        short peak between two samples leaves behind; without copies.
    file : int
        Worker's pages of files.
    programs : int
        ``resident`` without copies.
    shared : int
        Shared memory of descendants in ``programs``.
    may_share : bool
        Whether pages may be counted more than once.
    children : tuple of int
        Process ids of all descendants.
    counted : tuple of int
        Process ids of all that count, the worker included.
    copies : frozenset of int
        Process ids of all copies, new ones too.
    """

    resident: int = 0
    reached: int = 0
    file: int = 0
    programs: int = 0
    shared: int = 0
    may_share: bool = False
    children: tuple[int, ...] = ()
    counted: tuple[int, ...] = ()
    copies: frozenset[int] = frozenset()

    def at_least(self) -> int:
        """Return the least that ``reached`` can be with shared pages counted once."""
        return self.reached - self.shared

    def at_most(self) -> int:
        """Return the most that ``reached`` can be with copies."""
        return self.reached + self.resident - self.programs - self.file

    def shared_once(self) -> tuple[int, int] | None:
        """``resident`` and ``reached`` with pages that several processes share counted once.

        It costs milliseconds per gigabyte. None where the kernel does not say.
        """
        together = proportional_bytes(self.counted)
        if together is None:
            return None
        return self.file + together, max(0, self.reached + together - self.programs)


def tree_level(
    pid: int, known_copies: frozenset[int] = frozenset(), root: int | None = None
) -> TreeLevel:
    """Memory of `pid` and its descendants now; zeros when it is gone.

    Parameters
    ----------
    pid : int
    known_copies : frozenset of int
        ``copies`` of the sample before.
    root : int, optional
        An ancestor of `pid` that everything below it counts of; by default `pid`.
    """
    own = _level(pid) or Level(0, 0)
    children = [child for child in descendants(root or pid) if child != pid]
    resident, reached, programs = own.resident, own.resident, own.own
    may_share, shared = False, 0
    counted = [pid]
    copies: set[int] = set()
    stacks = {_stack_start(pid)} if children else set()
    for child in children:
        stack, level = _stack_start(child), _level(child)
        # What became another program meanwhile has the memory of one and the stack of the other.
        if level is None or stack != _stack_start(child):
            continue
        if stack is not None and stack in stacks:
            if any(same_memory(child, other) for other in counted):
                continue  # between vfork and exec: not a copy, but the same memory
            copies.add(child)
            if child not in known_copies:
                continue
            may_share = True
        else:
            stacks.add(stack)
            reached += level.peak
            programs += level.own
            shared += level.shared
        may_share = may_share or level.shared > 0
        resident += level.own
        counted.append(child)
    return TreeLevel(
        resident, reached, own.file, programs, shared, may_share, tuple(children),
        tuple(counted), frozenset(copies),
    )  # fmt: skip


def same_memory(one: int, other: int) -> bool:
    """Whether two processes share all their memory, as parent and child between vfork and exec do.

    The kernel is asked by ``kcmp`` (Linux, not in every kernel); False where it does not say.
    """
    import ctypes  # only who watches asks, not the worker

    number = {"x86_64": 312, "aarch64": 272}.get(os.uname().machine)
    if sys.platform != "linux" or number is None:
        return False
    kcmp_vm = 1
    return bool(ctypes.CDLL(None).syscall(number, one, other, kcmp_vm, 0, 0) == 0)


def _stack_start(pid: int) -> int | None:
    """Where the stack of process `pid` begins, the same only for copies of one process."""
    fields = read_file(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[25]) or None if fields else None


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
    """Memory of `pids` with shared pages divided among their users, without pages of files.

    That is the proportional set size (PSS) of private and shared memory, swapped out or not.
    None where the kernel does not say.
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
        found = {
            key: int(rest.split()[0]) * 1024
            for key, _, rest in (line.partition(b":") for line in text.splitlines()[1:])
        }
        # Before Linux 5.4 there is only the sum.
        total += found[b"Pss"] - found.get(b"Pss_File", 0) + found.get(b"SwapPss", 0)
    return total


def running_threads(pids: Iterable[int]) -> int:
    """How many threads of the processes are running or ready to run now."""
    stats = (read_file(f"/proc/{pid}/task/{t}/stat") for pid in pids for t in _threads(pid))
    return sum(text.rpartition(b")")[2].split()[:1] == [b"R"] for text in stats)


def waiting_seconds(pid: int | str = "self") -> float | None:
    """Seconds a process's main thread was ready to run and had no processor; None if unknown."""
    try:
        return int(read_file(f"/proc/{pid}/schedstat").split()[1]) / 1e9
    except (IndexError, ValueError):
        return None


def kernel_oom_kills() -> int | None:
    """How many processes the kernel has killed for want of memory since boot; None if unknown."""
    for line in read_file("/proc/vmstat").splitlines():
        if line.startswith(b"oom_kill "):
            return int(line.split()[1])
    return None


#: Share of the memory available now that a run may take where no limit is given.
DEFAULT_SHARE = 0.8


def default_limit() -> int:
    """Bytes a run may take where no limit is given: most of what is free now."""
    import psutil

    return int(DEFAULT_SHARE * psutil.virtual_memory().available)


def total_memory() -> int:
    """Bytes of memory that may be used here: the machine's, or the container's if smaller."""
    import psutil

    total = int(psutil.virtual_memory().total)
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if (text := read_file(name).strip()).isdigit():
            total = min(total, int(text))
    return total
