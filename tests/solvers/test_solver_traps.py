"""The traps solvers set: each was met, and each adapter's way round it is held here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from planbench.errors import InputError, SolverError, SolverUnavailableError
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.solvers.base import Solution, SolveOptions, SolverSpec
from planbench.solvers.registry import (
    availability,
    find_solver,
    load_adapter,
    own_environment,
)

INF = np.inf
RunPython = Callable[..., str]

HIGHS = ["highs-ds", "highs-ipm", "highs-ipm-crossover", "highs-hipo", "highs-pdlp", "highs-hipdlp"]

PRELUDE = """
import numpy as np
from planbench.model.linear_program import make_linear_program
from planbench.solvers.registry import find_solver, load_adapter
from planbench.solvers.base import SolveOptions
from planbench.solvers.conformance import ring
INF = np.inf
def solve(lp, name, **options):
    solver = find_solver(name)
    spec, asked = solver.spec, solver.options(SolveOptions(**options))
    return load_adapter(spec)(lp, spec, asked)
"""


def solve(lp: LinearProgram, name: str, **options: object) -> Solution:
    """Solve in this process; HiPO in its own environment, where that can be built."""
    solver = find_solver(name)
    spec, asked = solver.spec, solver.options(SolveOptions(**options))  # type: ignore[arg-type]
    try:
        if own_environment(spec) is not None:
            return solved_elsewhere(lp, name, asked)
        return load_adapter(spec)(lp, spec, asked)
    except SolverUnavailableError as error:
        pytest.skip(str(error))


def solved_elsewhere(lp: LinearProgram, name: str, asked: SolveOptions) -> Solution:
    from planbench.bench.request import Conditions, make_request
    from planbench.bench.single import solve_once
    from planbench.catalogue.instance import Instance

    trap = Instance("trap", general=lp)
    found = solve_once(make_request(trap, name, asked, Conditions(20.0, 1 << 30)))
    assert found.solution is not None, found.record.message
    assert found.record.packages["highspy"] == found.record.solver_version
    return found.solution


def two_by_three() -> LinearProgram:
    """Build max 3x + 2y + w with y ≥ 1, x + y + w ≤ 4: optimum 11, duals (−1, 3)."""
    return make_linear_program(
        matrix=[[0, 1, 0], [1, 1, 1]],
        cost=[3, 2, 1],
        row_lower=[1, -INF],
        row_upper=[INF, 4],
        maximise=True,
    )


def tiny() -> LinearProgram:
    return make_linear_program(
        matrix=[[5e-10]],
        cost=[1],
        row_lower=[-INF],
        row_upper=[1],
        col_upper=[1e12],
        maximise=True,
    )


@pytest.mark.parametrize("name", HIGHS)
def test_maximisation_is_handed_over_as_minimisation(name: str) -> None:
    """With a maximisation HiPDLP finds 2 instead of 11, and others return negated duals."""
    solution = solve(two_by_three(), name, time_limit=5.0)
    assert solution.objective == pytest.approx(11, rel=1e-5)
    assert solution.y == pytest.approx([-1, 3], abs=1e-4)


@pytest.mark.parametrize("name", ["highs-ds", "highs-pdlp"])
def test_small_coefficients_are_kept(name: str) -> None:
    """HiGHS drops 5e-10 by default and calls 1e12 optimal; the truth is 2e9."""
    assert solve(tiny(), name, time_limit=5.0).objective == pytest.approx(2e9, rel=1e-6)


def test_dropping_is_an_error_or_in_stock_a_flag() -> None:
    lp = tiny()
    with pytest.raises(SolverError, match="would be dropped"):
        solve(lp, "scipy-highs-ds")
    for name in ("scipy-highs-ds:stock", "highs-ds:stock"):
        solution = solve(lp, name)
        assert solution.objective == pytest.approx(1e12)  # wrong, and flagged
        assert any("dropped" in note for note in solution.notes)


def test_too_small_even_for_the_lowest_threshold() -> None:
    lp = make_linear_program(matrix=[[1e-13, 1]], cost=[1, 1], row_lower=[1], row_upper=[INF])
    with pytest.raises(SolverError, match="1 coefficients were dropped"):
        solve(lp, "highs-ds")


@pytest.mark.parametrize("name", ["highs-ds", "scipy-highs-ds"])
def test_bounds_taken_as_infinite_are_an_error(name: str) -> None:
    """HiGHS reads 1e20 and more as infinite; scipy hands them on."""
    lp = make_linear_program(
        matrix=[[1, -1]], cost=[-1, 0], row_lower=[-INF], row_upper=[0], col_upper=[INF, 1e21]
    )
    with pytest.raises(SolverError, match="would not be what is solved"):
        solve(lp, name)


def test_refused_model_is_an_error_not_an_old_answer() -> None:
    """After passModel's kError HiGHS's run() goes on with what it has: an empty model."""
    lp = make_linear_program(matrix=[[1e16]], cost=[1], row_lower=[1], row_upper=[INF])
    with pytest.raises(SolverError, match="passModel"):
        solve(lp, "highs-ds")


def test_threads_may_change_within_one_process(run_python: RunPython) -> None:
    """HiGHS fails when `threads` changes after its first run, unless its scheduler is reset."""
    out = run_python(
        PRELUDE + "print([solve(ring(30), 'highs-ds', threads=t).claim for t in (1, 2, 1)])"
    )
    assert out.splitlines()[-1] == "['optimal', 'optimal', 'optimal']"


def test_parallel_simplex_is_what_threads_ask_for(run_python: RunPython) -> None:
    """HiGHS's dual simplex ignores threads in silence unless the strategy says parallel."""
    out = run_python(
        PRELUDE + "s = solve(ring(60), 'highs-ds', threads=2); print(s.threads_used, s.method_run)"
    )
    assert out.splitlines()[-1] == "2 dual simplex (PAMI)"


def test_second_scaling_of_hipdlp_is_recorded() -> None:
    """HiPDLP never ends on an infeasible program: both scalings must have had their turn."""
    lp = make_linear_program(
        matrix=[[1, 1], [1, 1]], cost=[1, 1], row_lower=[5, -INF], row_upper=[INF, 3]
    )
    solution = solve(lp, "highs-hipdlp", time_limit=1.0)
    assert solution.claim == "unknown"
    assert solution.hit_limit
    assert solution.options["pdlp_scaling_mode"] == 6
    assert any("pdlp_scaling_mode 7 had not converged" in note for note in solution.notes)
    chosen = solve(lp, "highs-hipdlp", time_limit=0.5, native={"pdlp_scaling_mode": "5"})
    assert chosen.options["pdlp_scaling_mode"] == 5
    assert not any("pdlp_scaling_mode 7" in note for note in chosen.notes)


@pytest.mark.parametrize("name", ["highs-ds", "highs-ipm", "highs-hipo"])
def test_claims_of_infeasible_come_with_a_proof(name: str) -> None:
    from planbench.certificates.rays import proves_infeasible

    lp = make_linear_program(
        matrix=[[1, 1], [1, 1]], cost=[1, 1], row_lower=[5, -INF], row_upper=[INF, 3]
    )
    solution = solve(lp, name, time_limit=5.0)
    assert solution.claim == "infeasible"
    assert solution.dual_ray is not None
    assert proves_infeasible(lp, solution.dual_ray, lp.col_lower, lp.col_upper)


def test_optimal_status_at_the_limit_is_not_believed() -> None:
    """PuLP's status says Optimal when CBC stopped at a limit; sol_status tells."""
    from planbench.solvers.conformance import ring

    lp = ring(200)
    for name in ("cbc", "cbc-mps"):
        solution = solve(lp, name, native={"maxIterations": 1, "presolve": "off"})
        assert solution.claim == "unknown", name
        assert solution.hit_limit
    assert "Optimal" in solve(lp, "cbc", native={"maxIterations": 1}).native_status


def test_rounding_by_pulp_is_flagged() -> None:
    """PuLP's MPS writer has 13 digits; the fast path has 17 and reads back all bits."""
    third = 1 / 3
    lp = make_linear_program(matrix=[[third]], cost=[1], row_lower=[1], row_upper=[INF])
    by_pulp, by_file = solve(lp, "cbc"), solve(lp, "cbc-mps")
    assert any("rounds 1 numbers to 13 digits" in note for note in by_pulp.notes)
    assert not any("rounds" in note for note in by_file.notes)
    assert by_file.x is not None
    assert by_file.x[0] == pytest.approx(3.0, rel=1e-15)


def test_cbc_leaves_no_files(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """PuLP leaves its MPS file behind when CBC fails."""
    import tempfile
    from pathlib import Path

    folder = Path(str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    solve(two_by_three(), "cbc")
    with pytest.raises(InputError):
        solve(two_by_three(), "cbc", native={"presolve": "bogus"})
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["cbc", "cbc-mps"])
@pytest.mark.parametrize(
    "native",
    [{"presolve": "bogus"}, {"zeroTolerance": "2"}, {"nosuch": "1"}, {"scaling": "a b"}],
)
def test_options_cbc_ignores_are_refused(name: str, native: dict[str, str]) -> None:
    """CBC prints a line about an option it does not know, and goes on without it."""
    with pytest.raises(InputError, match="--set"):
        solve(two_by_three(), name, native=native)


@pytest.mark.parametrize(
    ("name", "native", "says"),
    [
        ("highs-ds", {"presolv": "off"}, "did you mean presolve"),
        ("highs-ds", {"presolve": "maybe"}, "refuses presolve"),
        ("highs-ds", {"simplex_iteration_limit": "many"}, "is a whole number"),
        ("highs-ds", {"solver": "ipm"}, "choose the adapter by name"),
        ("highs-ds", {"time_limit": "3"}, "use the option time_limit"),
        ("scipy-highs-ds", {"threads": "2"}, "has no option 'threads'"),
        ("scipy-highs-ds", {"simplex_dual_edge_weight_strategy": "x"}, "--set"),
        ("scipy-highs-ipm", {"presolve": "perhaps"}, "is a switch"),
    ],
)
def test_native_options_are_checked(name: str, native: dict[str, str], says: str) -> None:
    """An unknown option is only a warning to scipy; HiGHS's return value is easily missed."""
    with pytest.raises(InputError, match=says):
        solve(two_by_three(), name, native=native)


def test_native_options_get_their_type() -> None:
    solution = solve(
        two_by_three(),
        "highs-ds",
        native={"presolve": "off", "simplex_iteration_limit": "100", "objective_bound": "1e9"},
    )
    assert solution.options["simplex_iteration_limit"] == 100
    assert solution.options["objective_bound"] == 1e9
    assert solution.iterations == {"simplex": 2}


def test_another_method_is_an_error() -> None:
    """A log that shows another engine must never be recorded under the name asked for."""
    from planbench.solvers.highs import METHODS, method_that_ran

    def spec(name: str) -> SolverSpec:
        return METHODS[name].spec

    simplex = "Using dual simplex solver\n"
    with pytest.raises(SolverError, match="asked for HiPO, but HiGHS ran dual simplex"):
        method_that_ran(simplex, spec("highs-hipo"), "HiPO", "optimal", {"simplex": 9})
    with pytest.raises(SolverError, match="went on with IPX after HiPO"):
        method_that_ran(
            "Running HiPO\nIPX version 1.0\n", spec("highs-hipo"), "HiPO", "optimal", {}
        )
    with pytest.raises(SolverError, match="went on with dual simplex after IPX"):
        method_that_ran(
            "IPX version 1.0\n" + simplex, spec("highs-ipm"), "IPX", "optimal", {"simplex": 1}
        )
    with pytest.raises(SolverError, match="does not show"):
        method_that_ran("nothing\n", spec("highs-ds"), "dual simplex", "optimal", {})
    assert "presolve" in method_that_ran(
        "... Reduced to empty\n", spec("highs-ipm"), "IPX", "optimal", {}
    )


def test_highs_falls_back_loudly_from_an_unknown_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older HiGHS without a method refuses `solver`; simplex must not run in its place."""
    from planbench.solvers import highs

    method = replace(highs.METHODS["highs-hipdlp"], chosen={"solver": "hipx"})
    monkeypatch.setitem(highs.METHODS, "highs-hipdlp", method)
    spec = find_solver("highs-hipdlp").spec
    with pytest.raises(SolverUnavailableError, match="has no method 'hipx'"):
        highs.solve(two_by_three(), spec, SolveOptions())


def test_hipo_without_its_extras_is_never_recorded() -> None:
    """HiGHS then refuses the option, and its run() goes on with simplex."""
    from planbench.solvers import highs
    from planbench.solvers.registry import why_not_here

    spec = find_solver("highs-hipo").spec
    if why_not_here(spec) is None:
        pytest.skip("HiPO can run in this environment")
    with pytest.raises(SolverUnavailableError, match="has no method 'hipo'"):
        highs.solve(two_by_three(), spec, SolveOptions())


needs_ortools = pytest.mark.skipif(
    availability(find_solver("glop").spec) is not None, reason="OR-Tools is not installed"
)


@needs_ortools
def test_libraries_that_clash_are_one_line(run_python: RunPython) -> None:
    """Both bring a libhighs: up to highspy 1.15 they cannot share a process, in either order."""
    clash = tuple(map(int, importlib.metadata.version("highspy").split(".")[:2])) < (1, 16)
    for first, second in (("highs-ds", "glop"), ("pdlp", "highs-ds")):
        out = run_python(
            PRELUDE
            + "from planbench.errors import SolverUnavailableError\n"
            + f"assert solve(ring(5), {first!r}).claim == 'optimal'\n"
            + f"try: solve(ring(5), {second!r})\n"
            + "except SolverUnavailableError as error: print('ONE LINE', error)\n"
        )
        lines = [line for line in out.splitlines() if line.startswith("ONE LINE")]
        assert len(lines) == clash, out
        assert not clash or "cannot import" in lines[0]
        assert not clash or "the two clash" in lines[0]


@needs_ortools
def test_glop_unbounded_is_not_infeasible(run_python: RunPython) -> None:
    """OR-Tools calls a program infeasible that GLOP found unbounded."""
    out = run_python(
        PRELUDE
        + "lp = make_linear_program(matrix=[[1, -1]], cost=[1, 1], row_lower=[-INF], row_upper=[3],"
        " maximise=True)\n"
        "off = {'use_preprocessing': 'off'}\n"
        "found = solve(lp, 'glop'), solve(lp, 'glop', native=off), solve(lp, 'pdlp')\n"
        "print(*(solution.claim for solution in found))"
    )
    assert out.splitlines()[-1] == "infeasible-or-unbounded unbounded infeasible-or-unbounded"


@needs_ortools
@pytest.mark.parametrize(
    ("name", "native", "says"),
    [
        ("glop", {"use_dual_simplx": "1"}, "did you mean use_dual_simplex?"),
        ("glop", {"scaling_method": "NONE"}, "is one of"),
        ("glop", {"random_seed": "1"}, "use the option seed"),
        ("pdlp", {"eps_optimal_absolute": "1"}, "has several"),
        ("pdlp", {"num_shards": "99999999999999"}, "refuses"),
        ("pdlp", {"num_threads": "2"}, "use the option threads"),
    ],
)
def test_native_options_of_ortools(
    name: str, native: dict[str, str], says: str, run_python: RunPython
) -> None:
    out = run_python(
        PRELUDE
        + "from planbench.errors import InputError\n"
        + f"try: solve(ring(5), {name!r}, native={native!r})\n"
        + "except InputError as error: print('REFUSED', error)\n"
    )
    assert out.splitlines()[-1].startswith("REFUSED --set:"), out
    assert says in out.splitlines()[-1]


def test_infinite_coefficients_never_reach_a_solver() -> None:
    """An infinity aborts OR-Tools' PDLP; NaN makes HiGHS say optimal, and others hang."""
    for value in (INF, -INF, float("nan")):
        with pytest.raises(InputError):
            make_linear_program(matrix=[[value]], cost=[1], row_lower=[0], row_upper=[1])
        with pytest.raises(InputError):
            make_linear_program(matrix=[[1]], cost=[value], row_lower=[0], row_upper=[1])
