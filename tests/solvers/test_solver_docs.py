"""The pages about solvers say what the registry says."""

from __future__ import annotations

import re
from pathlib import Path

from planbench.solvers.registry import list_solvers

PAGE = (Path(__file__).parents[2] / "docs" / "solvers.md").read_text()


def _rows() -> dict[str, list[str]]:
    rows = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.match(r"`([a-z-]+)", cells[0])
        if line.startswith("| `") and name and len(cells) == 6:
            rows[name[1]] = cells
    return rows


def test_table_is_the_registry() -> None:
    """A solver, an exactness or an option that the page gets wrong misleads its reader."""
    rows = _rows()
    ours = [spec for spec in list_solvers() if spec.module.startswith("planbench.")]
    assert set(rows) == {spec.name for spec in ours}
    for spec in ours:
        _, _, exact, takes, _, _ = rows[spec.name]
        assert (exact == "yes") == spec.exact, spec.name
        listed = {word.strip().replace(" ", "_") for word in takes.split(",")} - {"–"}
        assert listed == set(spec.takes), spec.name
