"""The last resort: what nobody foresaw becomes one line, and its details a file."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from planbench.cli import console
from planbench.version import __version__

#: Exit code of an error of planbench itself: EX_SOFTWARE of sysexits.h.
UNFORESEEN = 70
#: What a system may say at any place: its disks, limits and names, and no fault of planbench.
_OF_THE_SYSTEM = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EAGAIN),
        *(errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR),
        *(errno.EACCES, errno.EPERM, errno.EISDIR),
    }
)


def say_unforeseen(error: BaseException, arguments: Sequence[str]) -> int:
    """Say in one line what went wrong; return the exit code.

    Parameters
    ----------
    error : BaseException
        A full disk, a limit of the system or too little memory is an input error; anything
        else is a bug, whose traceback is written to a file in the temporary folder.
    arguments : sequence of str
        The command line.

    Returns
    -------
    int
        2 or :data:`UNFORESEEN`.
    """
    if isinstance(error, MemoryError):
        console.say("out of memory; use a smaller instance", word="error:", colour="31")
        return 2
    if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
        from planbench.io.files import os_error_as_input

        name = error.filename if isinstance(error.filename, str) else "the system"
        line = str(os_error_as_input(error, name, "go on"))
        console.say(line, word="error:", colour="31")
        return 2
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    what = what if len(what) <= 200 else f"{what[:199]}…"
    console.say(
        f"planbench failed in a way it did not foresee: {what}{place}; {_keep(error, arguments)}",
        word="error:",
        colour="31",
    )
    return UNFORESEEN


def _keep(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the details to a file that stays; say where."""
    lines = [
        f"planbench {__version__}, Python {sys.version}, {platform.platform()}",
        f"{datetime.now(UTC).isoformat(timespec='seconds')} in {os.getcwd()}",  # noqa: PTH109
        f"planbench {' '.join(map(repr, arguments))}",
        "",
        *traceback.format_exception(error),
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="planbench-error-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.write("\n".join(lines))
    except OSError as reason:
        return f"the details could not be written ({reason.strerror}): set TMPDIR and run it again"
    return f"the details are in {file.name}"
