"""What adapters share: degenerate shapes, option values, logs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.model.linear_program import make_linear_program
from planbench.solvers.base import NativeValue, SolveOptions
from planbench.solvers.common import (
    Clock,
    convert_native,
    unsolved_shape,
)
from planbench.solvers.logs import captured_stdout
from planbench.solvers.registry import find_solver, load_adapter

INF = np.inf
RunPython = Callable[..., str]


def test_ordinary_programs_are_handed_over() -> None:
    lp = make_linear_program(
        matrix=[[1, 1], [1, 1]], cost=[1, 1], row_lower=[5, -INF], row_upper=[INF, 3]
    )
    assert unsolved_shape(lp) is None


def test_null_is_zero_plan_and_unit_rents() -> None:
    """On a planning program the zero line must be x = 0, p = 0, w = 1."""
    from planbench.model.economy import make_economy
    from planbench.model.planning_lp import plan_from_lp, to_linear_program

    economy = make_economy(
        inputs=[[0.1]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[5], assortment=[1.0]
    )
    spec = find_solver("null").spec
    by_lp = load_adapter(spec)(to_linear_program(economy), spec, SolveOptions())
    by_economy = load_adapter(spec)(economy, spec, SolveOptions())
    for solution in (by_lp, by_economy):
        plan = plan_from_lp(economy, solution.x, solution.y)
        assert plan is not None
        assert plan.x.tolist() == [0]
        assert plan.p is not None
        assert plan.p.tolist() == [0]
        assert plan.w is not None
        assert plan.w.tolist() == [1]
        assert solution.claim == "unknown"


def test_null_stays_within_bounds() -> None:
    lp = make_linear_program(
        matrix=np.zeros((0, 3)),
        cost=[0, 0, 0],
        row_lower=[],
        row_upper=[],
        col_lower=[-3, 2, -INF],
        col_upper=[-1, 4, INF],
    )
    spec = find_solver("null").spec
    x = load_adapter(spec)(lp, spec, SolveOptions()).x
    assert x is not None
    assert x.tolist() == [-1, 2, 0]


@pytest.mark.parametrize(
    ("value", "kind", "typed"),
    [
        ("on", bool, True),
        ("FALSE", bool, False),
        (True, bool, True),
        ("3", int, 3),
        ("1e3", int, 1000),
        (" 2.5 ", float, 2.5),
        ("inf", float, INF),
        (4, str, "4"),
    ],
)
def test_option_values_get_their_type(value: NativeValue, kind: type, typed: object) -> None:
    made = convert_native("key", value, kind)
    assert made == typed
    assert type(made) is type(typed)


@pytest.mark.parametrize(
    ("value", "kind"), [("maybe", bool), ("2", bool), ("2.5", int), ("x", float), ("inf", int)]
)
def test_option_values_of_the_wrong_type_are_refused(value: str, kind: type) -> None:
    with pytest.raises(InputError, match="--set: key is"):
        convert_native("key", value, kind)


def test_clock_counts_down_to_zero() -> None:
    assert Clock(None).remaining() is None
    assert Clock(0.0).remaining() == 0.0
    left = Clock(100.0).remaining()
    assert left is not None
    assert 0 < left <= 100


CAPTURE = """
import os, ctypes, subprocess
from planbench.solvers.logs import captured_stdout
print("before")
with captured_stdout() as log:
    print("python")
    ctypes.CDLL(None).printf(b"c library\\n")
    subprocess.run(["echo", "child"])
print("after")
print("SEEN", log.text.split("\\n"))
"""


def test_log_of_c_code_and_children_is_read_and_kept(run_python: RunPython) -> None:
    """C libraries buffer for themselves; the log must hold all, and still be printed."""
    lines = run_python(CAPTURE).splitlines()
    assert sorted(lines[1:4]) == ["c library", "child", "python"]
    assert lines[0] == "before"
    assert lines[4] == "after"
    for word in ("python", "c library", "child"):
        assert word in lines[5]
    assert "before" not in lines[5]


def test_log_in_a_file_is_read_from_the_file(tmp_path: object) -> None:
    """A worker's standard output is a file; nothing is redirected, so a kill loses no log."""
    path = os.path.join(str(tmp_path), "log")  # noqa: PTH118
    with open(path, "w") as file:  # noqa: PTH123
        subprocess.run([sys.executable, "-c", CAPTURE], stdout=file, check=True, timeout=60)
    with open(path) as file:  # noqa: PTH123
        lines = file.read().splitlines()
    assert lines[0] == "before"
    assert sorted(lines[1:4]) == ["c library", "child", "python"]
    assert "c library" in lines[5]


def test_nothing_printed_is_an_empty_log() -> None:
    with captured_stdout() as log:
        pass
    assert log.text == ""
