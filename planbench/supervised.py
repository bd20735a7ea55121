"""Starting programs that leave nothing behind, however they or this process end."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

#: Signals that end planbench, which sees to its children first.
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: Longer than a supervisor goes on killing.
_LEAVE_S = 10.0
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class TerminatedError(SystemExit):
    """A signal of :data:`ENDING` was sent to this process, which ends quietly if nobody minds.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    def die(self) -> None:
        """End this process by the signal it was sent, so that whoever sent it sees that."""
        signal.signal(self.number, signal.SIG_DFL)
        os.kill(os.getpid(), self.number)


@contextmanager
def _raising_when_ended() -> Iterator[None]:
    """Have signals that would end this process raise :class:`TerminatedError` meanwhile.

    Only while children run: a long computation of ours must end at once, and leaves nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise TerminatedError(number)

    # Not where somebody has other plans, such as nohup.
    ours = [number for number in ENDING if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


class Supervised:
    """A program that runs in a session of its own under a supervisor; see :func:`supervised`.

    Attributes
    ----------
    pid : int
        Its process id, which is its group's too.
    supervisor : int
        Process id of the supervisor, an ancestor of everything the program starts.
    returncode : int or None
        Its exit code once it has ended, negative for a signal.
    """

    def __init__(self, program: str, supervisor: int, report: int) -> None:
        self.pid = 0
        self.supervisor = supervisor
        self.returncode: int | None = None
        self._program = program
        self._report = report
        self._unread = b""
        while not self.pid and self.returncode is None:
            self.wait(None)
        if not self.pid:
            raise OSError(errno.EAGAIN, "no process could be made for it", program)

    def wait(self, seconds: float | None) -> bool:
        """Wait for its end, at most so long; whether it has ended.

        Raises
        ------
        OSError
            When it could not be started.
        """
        if self.returncode is None:
            poller = select.poll()
            poller.register(self._report, select.POLLIN)
            if poller.poll(None if seconds is None else seconds * 1000):
                self._read()
        return self.returncode is not None

    def _read(self) -> None:
        said = os.read(self._report, 4096)
        *lines, self._unread = (self._unread + said).split(b"\n")
        for line in lines:
            word, _, number = line.partition(b" ")
            if word == b"pid":
                self.pid = int(number)
            elif word == b"ended":
                self.returncode = int(number)
            elif word == b"error":
                self.returncode = 127
                raise OSError(int(number), os.strerror(int(number)), self._program)
        if not said and self.returncode is None:
            # Somebody killed the supervisor; the kernel has killed the program with it.
            self.returncode = -signal.SIGKILL

    def kill(self, others: Iterable[int] = ()) -> None:
        """Kill its group, and processes `others`, at once; the supervisor sees to the rest."""
        # Not there, or all zombies (PermissionError on macOS): then there is nothing to kill.
        if self.pid and self.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        for other in others:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(other, signal.SIGKILL)


@contextmanager
def supervised(
    command: Sequence[str],
    *,
    stdout: IO[bytes],
    stderr: IO[bytes] | int,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Supervised]:
    """Run `command` without input; at the end of the block it and all it started are killed.

    So they are when this process ends meanwhile, by whatever: a supervisor process adopts
    what the program leaves behind and waits on a pipe that only this process holds
    (:mod:`planbench.supervisor`).

    Raises
    ------
    OSError
        When it cannot be started.
    TerminatedError
        When this process is sent a signal that would end it, after the killing.
    """
    with ExitStack() as stack, _raising_when_ended():
        watched, lifeline = os.pipe()
        report, report_end = os.pipe()
        stack.callback(os.close, report)
        with ExitStack() as given:
            held = stack.enter_context(os.fdopen(lifeline, "wb"))
            given.callback(os.close, watched)
            given.callback(os.close, report_end)
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", _SUPERVISOR, str(watched), str(report_end), *command],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=env,
                cwd=cwd,
                pass_fds=(watched, report_end),
                start_new_session=True,
            )
        job: Supervised | None = None
        try:
            job = Supervised(command[0], supervisor.pid, report)
            yield job
        finally:
            if job is not None:
                job.kill()
            held.close()
            try:
                supervisor.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:  # somebody has stopped it
                supervisor.kill()
                supervisor.wait()
            if job is not None and job.returncode is None:
                job.wait(0)


def run_supervised(
    command: Sequence[str],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Like ``subprocess.run`` with captured text, but nothing survives its end or ours.

    Raises
    ------
    OSError
        When it cannot be started.
    subprocess.TimeoutExpired
        When it takes longer than `timeout_s`; it has been killed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with supervised(command, stdout=out, stderr=err, env=env) as job:
            if not job.wait(timeout_s):
                raise subprocess.TimeoutExpired(command, timeout_s)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    assert job.returncode is not None
    return subprocess.CompletedProcess(list(command), job.returncode, *said)
