"""Running a solver that is a program of its own, so that its peak memory can be measured.

Linux hands ``ru_maxrss`` down: a child reports at least what its parent held when the child
was started, so the peak of a small program started from a large worker is lost in the
worker's own. Here a shell of about one megabyte starts the program and goes away at once; the
program passes to the worker (which is a child subreaper) with a high-water mark of its own,
exact however short it ran. Sampling from outside would miss a program that runs for less than
the time between two samples.

Nothing of this happens unless somebody measures (:data:`observer`): by hand, an adapter starts
its program directly.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

#: Called with the peak resident bytes of each program when it has ended; set by a worker that
#: has made itself a child subreaper.
observer: Callable[[int], None] | None = None

_SHELL = "/bin/sh"
#: Standard input is a socket. A subshell in the background becomes the program once the other
#: side says no more; its process id is said first. (A program started at once could end before
#: the shell does, which then waits for it and takes its exit code and peak along.)
_START = 'exec 3<&0; ( read _ <&3; exec "$@" 3<&- </dev/null ) & echo $! >&3'


def run_program(
    command: Sequence[str],
    *,
    stderr: IO[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run `command` without input and wait for it.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    stderr : file, optional
        Where its standard error goes; by default where ours goes.
    env : mapping, optional
        Its environment; by default ours.

    Returns
    -------
    int
        Exit code; negative for the signal it died of.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    if observer is None:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=stderr, env=env, check=False
        ).returncode
    path = _found(command[0], env)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            shell = subprocess.Popen(
                [_SHELL, "-c", _START, _SHELL, path, *command[1:]],
                stdin=theirs.fileno(),
                stderr=stderr,
                env=env,
            )
        with ours.makefile() as said:
            pid = said.readline().strip()
        shell.wait()
        if not pid.isdigit():
            raise OSError(0, f"{_SHELL} could not start it")
    return _reap(int(pid))


def ending(code: int) -> str:
    """Say how a program ended: ``ended with code 3`` or ``died of SIGSEGV``."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"


def _found(program: str, env: Mapping[str, str] | None) -> str:
    """Path of `program`, refused here as the operating system would: a shell only prints."""
    search = (os.environ if env is None else env).get("PATH")
    found = program if os.sep in program else shutil.which(program, path=search)
    if found is None or not Path(found).exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    if Path(found).is_dir() or not os.access(found, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), program)
    return found


def _reap(pid: int) -> int:
    """Wait for a program that was passed on to this process."""
    _, status, usage = os.wait4(pid, 0)
    if observer is not None:
        observer(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    return os.waitstatus_to_exitcode(status)
