"""The notebooks in examples/ run from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def _text(notebook) -> str:
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    return "\n".join(
        out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the notebook machinery, not of planbench
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("economist", ["'certified'", "lost: ", "'loose'"]),
        ("solver_developer", ["()", "highs-ds n^", "peak_bytes"]),
    ],
)
def test_a_notebook_runs_and_shows_what_its_text_speaks_of(name, shown, tmp_path):
    """A newcomer's first steps in Python are these cells."""
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    text = _text(notebook)
    assert [words for words in shown if words not in text] == []


def test_every_notebook_is_tested_and_committed_without_output():
    """Figures of one machine would be taken for results, and change with every run."""
    assert [path.stem for path in NOTEBOOKS] == ["economist", "solver_developer"]
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None
