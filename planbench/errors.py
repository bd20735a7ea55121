"""The errors planbench raises on purpose; each carries one line a person can act on.

Anything else that escapes is a bug of planbench: the command line writes its traceback to a file.
"""

from __future__ import annotations


class PlanbenchError(Exception):
    """Base class: the message is one line; ``exit_code`` is what the command line returns."""

    exit_code = 2


class InputError(PlanbenchError):
    """Input that cannot be used: the message names the file, the field and the fix.

    Parameters
    ----------
    message : str
        What is wrong and how to fix it, in one line.
    where : str, optional
        File (and line) or field at fault; put in front of the message.
    """

    def __init__(self, message: str, *, where: str | None = None) -> None:
        text = " ".join(str(message).split())
        super().__init__(f"{where}: {text}" if where else text)
        self.where = where


class SolverUnavailableError(PlanbenchError):
    """A known solver cannot run here; the message says why and what to install."""


class SolverError(PlanbenchError):
    """A solver refused an option, changed the problem, or ran another method than named."""

    exit_code = 1


class SolverCrashError(SolverError):
    """A solver's program died, ended with an error, or left an answer nobody can read.

    Parameters
    ----------
    message : str
    returncode : int, optional
        How the program ended; negative for a signal.
    """

    def __init__(self, message: str, *, returncode: int | None = None) -> None:
        super().__init__(message)
        self.returncode = returncode
