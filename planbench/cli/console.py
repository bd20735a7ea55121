"""Where output goes: results on standard output, everything said about them on standard error.

A table is folded to the terminal; a message is one line however long, so that it can be searched
for. JSON is one document with neither NaN nor infinity.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

#: Columns where nobody says how wide the output is, e.g. in a pipe or a log of CI.
PIPE_WIDTH = 100


def width() -> int:
    """Columns of the terminal, of ``COLUMNS``, or :data:`PIPE_WIDTH`."""
    return max(40, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns)


def out() -> Console:
    """Console for results: tables and text as wide as the terminal."""
    from rich.console import Console

    class _Output(Console):
        def on_broken_pipe(self) -> None:
            # rich would end with exit code 1, which here means a finding.
            raise BrokenPipeError

    return _Output(width=width(), highlight=False, emoji=False, markup=False)


def say(message: str, *, word: str = "", colour: str = "") -> None:
    """Write one line to standard error, e.g. ``note: …`` with the word coloured.

    Parameters
    ----------
    message : str
    word : str
        Kind of message in front, with its colon.
    colour : str
        ANSI code of the word, e.g. ``31``; used on a terminal only.
    """
    from planbench.formatting import plain

    # Names come from files: what no terminal should be sent is replaced.
    line = plain(message)
    if word:
        paint = colour and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        line = f"\033[1;{colour}m{word}\033[0m {line}" if paint else f"{word} {line}"
    print(line, file=sys.stderr, flush=True)


def note(message: str) -> None:
    """Say something that is worth knowing, on standard error."""
    say(message, word="note:", colour="36")


def finding(message: str) -> None:
    """Say what makes the exit code 1, on standard error."""
    say(message, word="finding:", colour="31")


def error(message: str) -> None:
    """Say why a command cannot go on, on standard error."""
    say(message, word="error:", colour="31")


def print_json(document: Mapping[str, Any]) -> None:
    """Print `document` as JSON on standard output; NaN and infinities become null."""
    from pydantic_core import to_jsonable_python

    # Dataclasses become objects, and what is numpy's becomes Python's.
    value = to_jsonable_python(
        dict(document), inf_nan_mode="null", fallback=lambda value: value.tolist()
    )
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, allow_nan=False)
    print(text)


def examples(*lines: str) -> str:
    """Epilog of a command's help: its examples, a line each."""
    shown = "\n".join(f"  {line}" for line in lines).replace("[", "\\[")
    return f"[bold]Examples[/bold]\n{shown}"


def help_text(text: str) -> str:
    """Help of a command: paragraphs in one line each, for any width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
