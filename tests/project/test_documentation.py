"""The documentation builds, and a broken link stops the build."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build as ``make docs`` does."""
    command = re.search(r"-m sphinx (.+) docs build/docs", (ROOT / "Makefile").read_text())
    assert command is not None
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *command[1].split(), str(source), str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_documentation_builds_and_describes_every_name(tmp_path):
    """Every link between pages holds, every page is reached, every function is described."""
    import planbench

    done = build(DOCS, tmp_path)
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "api.html").read_text()
    undescribed = [
        name
        for name in planbench.__all__
        if f'id="planbench.{name}"' not in reference and name not in ("__version__", "Record")
    ]
    assert undescribed == []


@pytest.mark.slow
def test_a_broken_link_is_an_error(tmp_path):
    """To a page, a heading of a page, a heading of the same page, or a picture."""
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(DOCS / "conf.py", source)
    (source / "index.md").write_text(
        "# Home\n\n[fine](other.md#there)\n\n```{toctree}\nother\n```\n"
    )
    (source / "other.md").write_text("# Other\n\n## There\n\nText.\n")
    assert build(source, tmp_path / "fine").returncode == 0
    links = ("[x](no.md)", "[x](other.md#no)", "[x](#no)", "![x](img/no.svg)")
    (source / "other.md").write_text("# Other\n\n## There\n\n" + "\n\n".join(links))
    done = build(source, tmp_path / "broken")
    assert done.returncode != 0
    lines = [f"other.md:{number}: WARNING" for number in (5, 7, 9, 11)]
    assert [line for line in lines if line not in done.stderr] == [], done.stderr
