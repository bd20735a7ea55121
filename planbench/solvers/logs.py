"""Files and logs of code that is not trusted: opening, capturing, and the size after presolve."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Of a longer log so much of its beginning and of its end is read.
KEPT_BYTES = 16 << 20


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading that must be a plain one: no link, no pipe to wait for.

    Raises
    ------
    OSError
        When it is not there, cannot be read, or is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(0, "is no plain file", str(path))
    return file


@dataclass
class CapturedLog:
    """What was printed; ``text`` is filled when the block ends."""

    text: str = ""


def flush() -> None:
    """Write out what Python and C libraries hold back of standard output and error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # C libraries keep their own buffer, which Python's flush does not touch.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)


def captured_stdout() -> contextlib.AbstractContextManager[CapturedLog]:
    """:func:`captured` of standard output."""
    return captured(1)


@contextlib.contextmanager
def captured(descriptor: int) -> Iterator[CapturedLog]:
    """Collect what is printed to `descriptor` in the block; it still arrives there.

    Where it is a file (a worker's log), nothing is redirected and the new part of the file is
    read back, so that the log of a solver killed half-way is not lost.
    """
    log = CapturedLog()
    flush()
    myself = Path(f"/proc/self/fd/{descriptor}")
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and myself.exists():
        start = os.fstat(descriptor).st_size
        try:
            yield log
        finally:
            flush()
            with myself.open("rb") as file:
                log.text = _read(file, start)
        return
    with tempfile.TemporaryFile() as file:
        kept = os.dup(descriptor)
        os.dup2(file.fileno(), descriptor)
        try:
            yield log
        finally:
            flush()
            os.dup2(kept, descriptor)
            os.close(kept)
            log.text = _read(file, 0)
            file.seek(0)
            with contextlib.suppress(OSError):
                while content := file.read(1 << 20):
                    view = memoryview(content)
                    while view:
                        view = view[os.write(descriptor, view) :]


def _read(file: BinaryIO, start: int) -> str:
    """Text from `start` on; of more than twice :data:`KEPT_BYTES` the middle is left out."""
    file.seek(start)
    content = file.read(KEPT_BYTES)
    end = max(file.seek(0, os.SEEK_END) - KEPT_BYTES, start + len(content))
    left_out = b"\n" if end > start + len(content) else b""
    file.seek(end)
    return (content + left_out + file.read(KEPT_BYTES)).decode(errors="replace")


#: Rows, columns and non-zeros after presolve as HiGHS, CBC and GLOP log them.
_PRESOLVED = (
    re.compile(
        r"^Presolve reductions: rows (?P<rows>\d+)\(\S*\); columns (?P<columns>\d+)\(\S*\); "
        r"nonzeros (?P<nonzeros>\d+)\(",
        re.MULTILINE,
    ),
    re.compile(
        r"^Presolve (?P<rows>\d+) \(\S+\) rows, (?P<columns>\d+) \(\S+\) columns and "
        r"(?P<nonzeros>\d+) \(\S+\) elements",
        re.MULTILINE,
    ),
    re.compile(
        r"^Presolved problem: (?P<rows>\d+) rows, (?P<columns>\d+) columns, "
        r"(?P<nonzeros>\d+) entries",
        re.MULTILINE,
    ),
)


def presolved_size(log: str) -> dict[str, int]:
    """Read the size after presolve.

    Parameters
    ----------
    log : str
        A solver's log.

    Returns
    -------
    dict of str to int
        ``rows``, ``columns`` and ``nonzeros``; empty where presolve did not run or does not
        say. The last line counts where a program was presolved twice.
    """
    for line in _PRESOLVED:
        found = list(line.finditer(log))
        if found:
            return {name: int(value) for name, value in found[-1].groupdict().items()}
    return {}
