"""A worker's process group: waiting for it, killing all of it, saying how a process ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

#: How long to wait for killed processes to be gone; they may be in an uninterruptible read.
GONE_S = 5.0


@dataclass
class ProcessTree:
    """A worker that leads its own process group, and the descendants it was seen to have.

    Attributes
    ----------
    pid : int
        The worker's process id, which is its group's too.
    """

    pid: int
    _seen: dict[int, int] = field(default_factory=dict)

    def remember(self, children: Iterable[int]) -> None:
        """Note descendants, so that one that leaves the group is found again."""
        for child in children:
            if child not in self._seen:
                start = _start_time(child)
                if start is not None:
                    self._seen[child] = start

    def kill(self) -> None:
        """Kill the group and every remembered descendant, at once."""
        # Not there, or all zombies (PermissionError on macOS): then there is nothing to kill.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for child in self._escaped():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)

    def _escaped(self) -> list[int]:
        """Remembered descendants that are still the same living process."""
        return [child for child, start in self._seen.items() if _start_time(child) == start]

    def wait_until_gone(self) -> bool:
        """Wait until no killed descendant lives; False when one still does."""
        until = monotonic() + GONE_S
        while self._escaped():
            if monotonic() > until:
                return False
            sleep(0.005)
        return True


def _start_time(pid: int) -> int | None:
    """Start of a living process in clock ticks, which tells it from a later one of its id."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def running_threads(pids: Iterable[int]) -> int:
    """How many threads of the processes are running or ready to run now."""
    count = 0
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - no objects in a poll
        except OSError:
            continue
        for thread in threads:
            try:
                text = Path(f"/proc/{pid}/task/{thread}/stat").read_bytes()
            except OSError:
                continue
            count += text.rpartition(b")")[2].split()[0] == b"R"
    return count


def waiting_seconds(pid: int | str = "self") -> float | None:
    """Seconds a process's main thread was ready to run and had no processor; None if untold."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


@contextmanager
def waiting_for(pid: int) -> Iterator[Callable[[float], object]]:
    """Give a way to sleep that the end of `pid` cuts short, where the system has one."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield sleep
        return
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: poller.poll(seconds * 1000)
    finally:
        os.close(descriptor)


@contextmanager
def killed_with_us(group: int) -> Iterator[None]:
    """Have the process group killed even if this process is killed with SIGKILL.

    A shell of its own session waits on a pipe only this process holds: a line means all is
    well, its end without one means that this process is gone. (The worker also asks for a
    parent-death signal; that would not reach the worker's children.)
    """
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", f"read line || kill -s KILL -- -{group}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        watcher.communicate(b"done\n")


def describe_exit(returncode: int) -> str:
    """Say how a process ended: ``exited with code 3 …`` or ``died of SIGSEGV``."""
    if returncode >= 0:
        return f"exited with code {returncode} without a result"
    try:
        return f"died of {signal.Signals(-returncode).name}"
    except ValueError:
        return f"died of signal {-returncode}"


def last_words(log: Path, lines: int = 3, most: int = 300) -> str:
    """Return the last `lines` lines of a log that say something, joined to one short line.

    Python's own crash reports (faulthandler) are passed over but for their first line.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 65536))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    head = text.rpartition("Fatal Python error:")
    if head[1]:
        said = [*head[0].splitlines()[-lines + 1 :], "Fatal Python error:" + head[2].split("\n")[0]]
    else:
        said = text.splitlines()
    kept = [" ".join(line.split()) for line in said if line.strip()][-lines:]
    return " | ".join(kept)[-most:]
