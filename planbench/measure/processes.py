"""What /proc and a log say of processes: threads that run, waiting, and how one ended."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from planbench.solvers.programs import ending


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
    """Seconds a process's main thread was ready to run and had no processor; None if unknown."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


def describe_exit(returncode: int) -> str:
    """Say how a process ended: ``exited with code 3 …`` or ``died of SIGSEGV``."""
    if returncode >= 0:
        return f"exited with code {returncode} without a result"
    return ending(returncode)


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
