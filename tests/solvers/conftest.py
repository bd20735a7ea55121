"""Helpers of the solver tests: code in a fresh process, third-party packages without pip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunPython = Callable[..., str]


@pytest.fixture
def run_python() -> RunPython:
    """Run code in a fresh interpreter (highspy and OR-Tools clash) and return its output."""

    def run(code: str, *, path: Path | None = None, expect: int = 0) -> str:
        environment = dict(os.environ)
        if path is not None:
            environment["PYTHONPATH"] = os.pathsep.join(
                [str(path), *environment.get("PYTHONPATH", "").split(os.pathsep)]
            ).rstrip(os.pathsep)
        ended = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
            check=False,
        )
        assert ended.returncode == expect, ended.stdout[-2000:] + ended.stderr[-4000:]
        return ended.stdout

    return run


@pytest.fixture
def third_party(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Write a package with an entry point, as pip would install it; returns its folder."""

    def write(module: str, entry_point: str, source: str) -> Path:
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        (folder / f"{module}.py").write_text(source)
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[planbench.solvers]\n{entry_point}\n")
        return folder

    return write


@pytest.fixture
def documented_adapter() -> str:
    """Return the worked example of docs/adding-a-solver.md."""
    text = (Path(__file__).parents[2] / "docs" / "adding-a-solver.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return next(block for block in blocks if "SOLVERS" in block)
