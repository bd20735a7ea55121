"""Starts one program and leaves nothing of it behind: ``supervisor.py LIFELINE REPORT PROGRAM …``.

A process between planbench and each program it starts (a worker, pip). It adopts every process
below it whose parent ends, so that none can get away by leaving its group or session, and kills
them all when the program has ended, or when the pipe LIFELINE is closed: by planbench, or by the
kernel when planbench dies, of whatever. To the pipe REPORT it writes ``pid N``, then ``ended N``
(exit code, negative for a signal), or ``error N`` when the program cannot be started.

It is run by its path in isolated mode and imports little, as one is started for every run.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from time import monotonic, sleep

#: How long to go on killing; a process may be in an uninterruptible read.
GONE_S = 5.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: Signals that end planbench must not end this process before it has done its work.
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _start(program: list[str], report: int) -> int:
    """Start the program as leader of its own session; return its process id."""
    me = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in signal.valid_signals():
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == me:
            os.execvp(program[0], program)
    except OSError as error:
        os.write(report, f"error {error.errno}\n".encode())
    finally:
        os._exit(127)


def _descendants() -> list[int]:
    """Return all descendants of this process that /proc knows."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():  # noqa: PTH112, PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError):
                continue
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    pending = [os.getpid()]
    while pending:
        here = children.get(pending.pop(), [])
        found += here
        pending += here
    return found


def _kill(pid: int, *, group: bool = False) -> None:
    try:
        (os.killpg if group else os.kill)(pid, signal.SIGKILL)
    except OSError:
        return


def _reap(program: int) -> tuple[bool, int | None]:
    """Take leave of children that ended; whether any is left, and the program's exit code."""
    code: int | None = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, code
        if pid == 0:
            return True, code
        if pid == program:
            code = os.waitstatus_to_exitcode(status)


def _sweep(program: int) -> int | None:
    """Kill everything below this process until nothing is left; the program's exit code."""
    code: int | None = None
    until = monotonic() + GONE_S
    while True:
        left, ended = _reap(program)
        code = ended if ended is not None else code
        if not left or monotonic() > until:
            return code
        for pid in _descendants():
            _kill(pid)
        sleep(0.001)


def main(lifeline: int, report: int, program: list[str]) -> None:
    """Run `program`; return when it and all that it started are gone."""
    for descriptor in (lifeline, report):
        os.set_inheritable(descriptor, False)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    awake, wake = os.pipe()
    for descriptor in (awake, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake)
    # Also when it was ignored, in which case the kernel would throw exit codes away.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    pid = _start(program, report)
    code: int | None = None
    try:
        os.write(report, f"pid {pid}\n".encode())
        while code is None:
            ready, _, _ = select.select([lifeline, awake], [], [])
            if lifeline in ready:
                break
            os.read(awake, 4096)
            code = _reap(pid)[1]
        if code is not None:
            os.write(report, f"ended {code}\n".encode())
    except BrokenPipeError:
        pass  # planbench is gone
    _kill(pid, group=True)
    swept = _sweep(pid)
    if code is None and swept is not None:
        try:
            os.write(report, f"ended {swept}\n".encode())
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
