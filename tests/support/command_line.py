"""Run the planbench command the way a person does, and read what it said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.full import FULL


@dataclass(frozen=True)
class Said:
    """Exit code and output of one command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output read as one strict JSON document."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} in JSON")

        return json.loads(self.out, parse_constant=refuse)


def planbench(
    *arguments: str, folder: Path | None = None, columns: int = 100, process: bool = FULL
) -> Said:
    """Run one command line of planbench.

    Parameters
    ----------
    *arguments : str
        Without the program's name.
    folder : Path, optional
        To run it in, instead of the current one.
    columns : int
        Width of the terminal.
    process : bool
        By ``python -m planbench`` in a process of its own, as a shell does; otherwise within this
        one, which does not import everything again. `make test-full` always starts a process.
    """
    if process:
        return _in_process_of_its_own(arguments, folder, columns)
    from planbench.cli.main import run

    with (
        pytest.MonkeyPatch.context() as patch,
        _stream() as out,
        _stream() as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setenv("COLUMNS", str(columns))
        if folder is not None:
            patch.chdir(folder)
        code = run(arguments)
        return Said(code, _written(out), _written(err))


def _in_process_of_its_own(arguments: tuple[str, ...], folder: Path | None, columns: int) -> Said:
    environment = {**os.environ, "COLUMNS": str(columns), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-m", "planbench", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def _stream() -> Iterator[io.TextIOWrapper]:
    """Text file with a descriptor, as standard output has one."""
    with tempfile.TemporaryFile() as file:
        yield io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read().replace("\r\n", "\n")
