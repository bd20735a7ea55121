"""External programs: what they are told, what is read back, and how they may fail."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from planbench.errors import InputError, SolverCrashError
from planbench.model.linear_program import make_linear_program
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.command import read_solution
from planbench.solvers.registry import find_solver, load_adapter

LP = make_linear_program(
    matrix=[[1, 1]],
    cost=[3, 2],
    row_lower=[-np.inf],
    row_upper=[4],
    maximise=True,
    offset=10.0,
    row_names=["a row"],
    col_names=["iron and steel", "$corn"],
)


def run(tmp_path: Path, program: str, *, extra: str = "", limit: float | None = None) -> Solution:
    file = tmp_path / "program.py"
    file.write_text(program)
    solver = find_solver(f"cmd:{sys.executable} {file} {{mps}} {{sol}} {extra}")
    options = solver.options(SolveOptions(time_limit=limit))
    return load_adapter(solver.spec)(LP, solver.spec, options)


def test_answer_is_turned_into_the_stated_sense(tmp_path: Path) -> None:
    """The file is a minimisation without constant; objective and duals must be turned back."""
    solution = run(
        tmp_path,
        "import sys\n"
        "open(sys.argv[2], 'w').write('name,value\\nstatus OPTIMAL # sure\\nobjective -12\\n\\n"
        "C0000001 4\\nR0000001,-3\\niterations 7\\nversion 1.2\\n')",
    )
    assert solution.claim == "optimal"
    assert solution.objective == 22
    assert solution.x is not None
    assert solution.x.tolist() == [4, 0]
    assert solution.y is not None
    assert solution.y.tolist() == [3]
    assert solution.iterations == {"reported": 7}
    assert solution.version == "1.2"


def test_program_is_told_the_limit(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "assert sys.argv[3] == os.environ['PLANBENCH_TIME_LIMIT'] == '2.5', sys.argv\n"
        "open(sys.argv[2], 'w').write('C0000001 1')"
    )
    assert run(tmp_path, program, extra="{time}", limit=2.5).claim == "unknown"
    with pytest.raises(InputError, match="give a time limit"):
        run(tmp_path, program, extra="{time}")


def test_no_shell_is_started(tmp_path: Path) -> None:
    """A semicolon is an argument, not a second command."""
    marker = tmp_path / "ran"
    program = "import sys\nopen(sys.argv[2], 'w').write('C0000001 1')"
    run(tmp_path, program, extra=f"; touch {marker}")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import sys; sys.exit('first\\nno licence')", "ended with code 1: no licence"),
        ("import sys; sys.exit(3)", "ended with code 3: it said nothing"),
        ("import os; os.abort()", "died of SIGABRT"),
        ("pass", "wrote no {sol} file"),
        ("import sys; open(sys.argv[2], 'w').write('C0000001')", "line 1: .* is not 'name value'"),
        ("import sys; open(sys.argv[2], 'w').write('\\nC0000001 x')", "line 2: 'x' is no number"),
        ("import sys; open(sys.argv[2], 'w').write('C0000009 1')", "names no row and no column"),
        ("import sys; open(sys.argv[2], 'w').write('status done')", "status 'done' is none of"),
        ("import sys; open(sys.argv[2], 'w').write('iterations nan')", "is no whole number"),
        (
            "import sys; open(sys.argv[2], 'w').write('C0000001 1\\nC0000001 2')",
            "line 2: C0000001 is given a second time",
        ),
        ("import sys; open(sys.argv[2], 'wb').write(b'\\xff\\xfe\\x00')", "is not 'name value'"),
    ],
)
def test_failures_are_one_line(program: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SolverCrashError, match=says) as caught:
        run(tmp_path, program)
    assert "\n" not in str(caught.value)


def test_missing_program_is_bad_input() -> None:
    solver = find_solver("cmd:no-such-program-here {mps} {sol}")
    with pytest.raises(InputError, match="cannot start 'no-such-program-here'"):
        load_adapter(solver.spec)(LP, solver.spec, solver.options(SolveOptions()))


def test_values_are_not_judged_here(tmp_path: Path) -> None:
    """NaN and infinities are the certificate's business; an infinite objective is dropped."""
    file = tmp_path / "sol"
    file.write_text("C0000001 nan\nC0000002 inf\nobjective inf\n")
    read = read_solution(file, ["R0000001"], ["C0000001", "C0000002"])
    assert read.x is not None
    assert np.isnan(read.x[0])
    assert np.isinf(read.x[1])
    assert read.objective is None
    assert read.y is None
