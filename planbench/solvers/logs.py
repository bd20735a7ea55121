"""The log of code that prints to file descriptor 1 whatever Python thinks of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class CapturedLog:
    """What was printed; ``text`` is filled when the block ends."""

    text: str = ""


def _flush() -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    # C libraries keep their own buffer, which Python's flush does not touch.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)


@contextlib.contextmanager
def captured_stdout() -> Iterator[CapturedLog]:
    """Collect what is printed to file descriptor 1 in the block; it still arrives there.

    Where standard output is a file (a worker's log), nothing is redirected and the new part
    of the file is read back, so that the log of a solver killed half-way is not lost.
    """
    log = CapturedLog()
    _flush()
    myself = Path("/proc/self/fd/1")
    if stat.S_ISREG(os.fstat(1).st_mode) and myself.exists():
        start = os.fstat(1).st_size
        try:
            yield log
        finally:
            _flush()
            with myself.open("rb") as file:
                file.seek(start)
                log.text = file.read().decode(errors="replace")
        return
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield log
        finally:
            _flush()
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            content = file.read()
            log.text = content.decode(errors="replace")
            with contextlib.suppress(OSError):
                view = memoryview(content)
                while view:
                    view = view[os.write(1, view) :]
