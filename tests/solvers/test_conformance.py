"""Every adapter that can run here translates its solver rightly; the kit catches others."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.full import full_only

from planbench.errors import SolverUnavailableError
from planbench.solvers.conformance import check_adapter, main
from planbench.solvers.registry import availability, list_solvers

Write = Callable[[str, str, str], Path]
RunPython = Callable[..., str]

#: HiPDLP has no way to find a program infeasible and uses its whole limit.
SLOW = {"highs-hipdlp"}


def _names() -> list[object]:
    names: list[object] = []
    for spec in list_solvers():
        # The kit hands over general programs; planners take economies and have tests of their own.
        # The null solver solves nothing.
        if spec.name in ("cmd", "null") or spec.accepts == "economy":
            continue
        missing = availability(spec) is not None and not spec.environment
        marks = [pytest.mark.skipif(missing, reason="not installed here")]
        if spec.name in SLOW:
            marks.append(pytest.mark.slow)
        names.append(pytest.param(spec.name, marks=marks, id=spec.name))
        if spec.stock:
            name = f"{spec.name}:stock"
            stock = [full_only] if spec.name in SLOW else []
            names.append(pytest.param(name, marks=[*marks, *stock], id=name))
    return names


@pytest.mark.parametrize("name", _names())
def test_adapter_conforms(name: str) -> None:
    try:
        results = check_adapter(name)
    except SolverUnavailableError as error:
        pytest.skip(str(error))  # its own environment cannot be built
    assert len(results) == 24
    failed = [f"{result.check}: {result.message}" for result in results if not result.passed]
    assert not failed, "\n".join(failed)


CHECK = """
import json
from planbench.solvers.conformance import check_adapter, main
failed = [f.check + ": " + f.message for f in check_adapter({name!r}) if not f.passed]
print("RESULT", json.dumps(failed))
"""


def _failed(run_python: RunPython, folder: Path, name: str) -> list[str]:
    out = run_python(CHECK.format(name=name), path=folder)
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    found: list[str] = json.loads(line.removeprefix("RESULT "))
    return found


def test_documented_adapter_conforms(
    third_party: Write, run_python: RunPython, documented_adapter: str
) -> None:
    """The worked example is installed by entry point and passes, or the page misleads."""
    folder = third_party(
        "planbench_milp", "scipy-milp = planbench_milp:SOLVERS", documented_adapter
    )
    assert _failed(run_python, folder, "scipy-milp") == []


LYING = """
import dataclasses
import numpy as np
from planbench.solvers import scipy_highs
from planbench.solvers.base import SolverSpec, no_phase
from planbench.solvers.scipy_highs import SOLVERS as HONEST

SOLVERS = tuple(
    dataclasses.replace(HONEST[0], name=name, module="planbench_liar")
    for name in ("negated", "sense", "offset", "claims", "rounding", "crash", "phases", "options")
)

def solve(problem, spec, options, phase=no_phase):
    if spec.name == "rounding":
        options = dataclasses.replace(options, stock=True)
    if spec.name == "phases":
        phase = lambda name: no_phase(name)
    s = scipy_highs.solve(problem, HONEST[0], options, phase)
    change = lambda **kw: dataclasses.replace(s, **kw)
    if spec.name == "negated" and s.y is not None:
        return change(y=0.0 - s.y)
    if spec.name == "sense" and s.y is not None and problem.maximise:
        return change(y=0.0 - s.y)
    if spec.name == "offset" and s.objective is not None:
        return change(objective=s.objective - problem.offset)
    if spec.name == "claims" and s.claim == "unbounded":
        return change(claim="infeasible")
    if spec.name == "crash" and problem.name == "unbounded":
        import os
        os.abort()
    if spec.name == "options":
        return change(options={})
    return s
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("negated", "minimise, ≥ and ≤: row duals"),
        ("sense", "maximise, ≥ and ≤: row duals"),
        ("offset", "maximise, ≥ and ≤: objective"),
        ("claims", "unbounded: claims infeasible"),
        ("rounding", "coefficient of 5e-10: x"),
        ("crash", "unbounded: the process died of SIGABRT"),
        ("phases", "phases are as declared"),
        ("options", "options reach the solver"),
    ],
)
def test_kit_catches(name: str, caught: str, third_party: Write, run_python: RunPython) -> None:
    """An adapter with one thing wrong fails, at the check made for it."""
    folder = third_party("planbench_liar", f"{name} = planbench_liar:SOLVERS", LYING)
    failed = _failed(run_python, folder, name)
    assert any(line.startswith(caught) for line in failed), failed


def test_external_program_conforms(tmp_path: Path) -> None:
    """A program behind ``cmd:`` gets the right problem and its answer is read rightly."""
    program = tmp_path / "my solver.py"
    program.write_text(EXTERNAL)
    results = check_adapter(f"cmd:{sys.executable} '{program}' {{mps}} {{sol}}")
    failed = [f"{f.check}: {f.message}" for f in results if not f.passed]
    # The program is HiGHS, which drops what is below 1e-9: the kit must say so.
    assert [line.split(":")[0] for line in failed] == ["coefficient of 5e-10"], failed


EXTERNAL = """
import sys
import highspy

h = highspy.Highs()
h.setOptionValue("output_flag", False)
h.setOptionValue("solve_relaxation", True)
assert h.readModel(sys.argv[1]) == highspy.HighsStatus.kOk
h.run()
words = {"Optimal": "optimal", "Infeasible": "infeasible", "Unbounded": "unbounded"}
status = words.get(h.modelStatusToString(h.getModelStatus()), "unknown")
with open(sys.argv[2], "w") as out:
    print("status", status, file=out)
    if status == "optimal":
        lp, found = h.getLp(), h.getSolution()
        print("objective", h.getObjectiveValue(), file=out)
        for name, value in zip(lp.col_names_, found.col_value):
            print(name, float(value), sep=",", file=out)
        for name, value in zip(lp.row_names_, found.row_dual):
            print(name, float(value), file=out)
"""


def test_the_kit_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, says in (
        ([], 2, "required: solver"),
        (["--help"], 0, "cmd:'prog {mps} {sol}'"),
        (["no-such-solver"], 2, "unknown solver 'no-such-solver'"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = "".join(capsys.readouterr())
        assert ended.value.code == code
        assert says in said
        assert "usage: python -m planbench.solvers.conformance" in said


def test_a_program_that_dies_fails_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    """A case that a solver may refuse is not passed by crashing on it."""
    assert main(["cmd:sh -c 'kill -9 $$' {mps} {sol}"]) == 1
    lines = capsys.readouterr().out.splitlines()
    died = [line for line in lines if "died of SIGKILL" in line]
    assert died
    assert all(line.startswith("FAIL") for line in died)
