"""Run the planbench command the way a person does, and read what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def planbench(*arguments: str, folder: Path | None = None, columns: int = 100) -> Said:
    """Run ``python -m planbench`` in a process of its own."""
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
