"""What a suite meant to measure and did not, in a file next to the results.

Rows of the results file are measurements only; what was left out (a spent budget, a solver
that is not installed, a ladder no longer climbed after a timeout) is in
``RESULTS.not-run.json`` with its reason. The part of a suite is rewritten at the end of each of its
runs, so that it always says what is missing now; those of other suites in the file stay, and of
solvers that the run was not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from planbench.errors import InputError
from planbench.io.files import os_error_as_input, write_text

FORMAT_VERSION = 1


@dataclass(frozen=True)
class NotRun:
    """One measurement that was not made.

    Attributes
    ----------
    suite, group : str
        As in a record.
    instance : str
        Name of the instance.
    solver : str
    repeat : int
    reason : str
        One line.
    """

    suite: str
    group: str
    instance: str
    solver: str
    repeat: int
    reason: str


def not_run_path(results: Path) -> Path:
    """Return the file next to `results`."""
    return Path(results).with_suffix(".not-run.json")


def write_not_run(results: Path, left_out: Sequence[NotRun]) -> None:
    """Replace the list next to `results`; without entries the file is removed.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    path = not_run_path(results)
    if not left_out:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise os_error_as_input(error, path, "remove it") from None
        return
    document = {"version": FORMAT_VERSION, "not_run": [asdict(entry) for entry in left_out]}
    write_text(path, json.dumps(document, indent=1, allow_nan=False))


def read_not_run(results: Path) -> list[NotRun]:
    """Read the list next to `results`; empty when there is none.

    Raises
    ------
    InputError
        When the file is there and is not such a list.
    """
    path = not_run_path(results)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != FORMAT_VERSION:
            raise InputError(
                f"version {data['version']!r}, this planbench reads {FORMAT_VERSION}; "
                "remove it and run again",
                where=str(path),
            )
        return [NotRun(**entry) for entry in data["not_run"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"not a list of what was not run ({error}); remove it and run again", where=str(path)
        ) from None
