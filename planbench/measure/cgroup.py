"""A control group (cgroup v2) of its own for each worker, where the system lets us have one.

It closes what sampling from outside leaves open: the kernel enforces the memory limit in the
very allocation that crosses it, and one write kills every descendant, also one that hid. Its
``memory.peak`` is recorded in addition to the resident peak, not instead of it: it counts page
cache and kernel memory too, so the two do not compare.

A group can be had where the memory controller of cgroup v2 is delegated to us: inside
``systemd-run --user --scope -p Delegate=yes planbench …``, or as root. Otherwise there is none
and the limits are enforced by sampling alone.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from planbench.measure.memory import read_file

MOUNT = Path("/sys/fs/cgroup")
#: The kernel's limit lies this much above ours, so that sampling, which can say what happened,
#: comes first, and within the tenth by which memory may be overrun.
SLACK = 1.05
REMOVE_S = 2.0


@dataclass(frozen=True)
class MemoryGroup:
    """A control group of one worker.

    Attributes
    ----------
    path : Path
    """

    path: Path

    def add(self, pid: int) -> bool:
        """Move process `pid` in; False when the kernel refuses."""
        return _write(self.path / "cgroup.procs", str(pid))

    def peak(self) -> int | None:
        """Most bytes charged to the group, page cache and kernel memory included."""
        text = _read(self.path / "memory.peak")
        return int(text) if text.strip().isdigit() else None

    def oom_kills(self) -> int:
        """Count the processes of the group the kernel has killed for want of memory."""
        for line in _read(self.path / "memory.events").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
        return 0

    def kill(self) -> None:
        """Kill every process of the group."""
        _write(self.path / "cgroup.kill", "1")

    def remove(self) -> None:
        """Remove the group once its processes are gone; it is left behind if they stay."""
        until = monotonic() + REMOVE_S
        while self.path.exists() and monotonic() < until:
            try:
                self.path.rmdir()
            except OSError:
                sleep(0.005)


def memory_group(limit_bytes: int, mount: Path = MOUNT) -> MemoryGroup | None:
    """Make a control group with a memory limit a little above `limit_bytes`.

    Returns
    -------
    MemoryGroup or None
        None where there is no cgroup v2 with a delegated memory controller.
    """
    parent = _delegated(mount)
    if parent is None:
        return None
    path = parent / f"planbench-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        path.mkdir()
    except OSError:
        return None
    group = MemoryGroup(path)
    if not _write(path / "memory.max", str(int(SLACK * limit_bytes))):
        group.remove()
        return None
    _write(path / "memory.swap.max", "0")
    _write(path / "memory.oom.group", "1")
    return group


def _delegated(mount: Path) -> Path | None:
    """Group whose children may have a memory limit and into which we may put processes."""
    own = _own(mount)
    if own is None:
        return None
    for place in (own, own.parent):
        if not place.is_relative_to(mount) or not os.access(place, os.W_OK):
            continue
        if not os.access(place / "cgroup.procs", os.W_OK):
            continue
        if "memory" in _read(place / "cgroup.subtree_control").split():
            return place
    return _step_aside(own)


def _step_aside(own: Path) -> Path | None:
    """Give `own` children with a memory limit: it must hold no process itself, so we move down."""
    if "memory" not in _read(own / "cgroup.controllers").split():
        return None
    if _read(own / "cgroup.procs").split() != [str(os.getpid())]:
        return None  # somebody else's processes are not ours to move
    aside = own / "planbench-self"
    with suppress(OSError):
        aside.mkdir(exist_ok=True)
    if not _write(aside / "cgroup.procs", str(os.getpid())):
        return None
    if not _write(own / "cgroup.subtree_control", "+memory"):
        _write(own / "cgroup.procs", str(os.getpid()))
        with suppress(OSError):
            aside.rmdir()
        return None
    return own


def _own(mount: Path) -> Path | None:
    """Our own group in the unified hierarchy."""
    if not (mount / "cgroup.controllers").exists():
        return None  # version 1, or none
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        if line.startswith("0::/"):
            return mount / line.removeprefix("0::/")
    return None


def _read(path: Path) -> str:
    return read_file(path).decode()


def _write(path: Path, text: str) -> bool:
    try:
        with path.open("r+") as file:  # the kernel's files are there already
            file.write(text)
    except OSError:
        return False
    return True
