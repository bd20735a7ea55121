"""What ``import planbench as pb`` gives: light to import, honest, and the same as the commands."""

from __future__ import annotations

import gc
import importlib.util
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import planbench as pb
from planbench import api
from planbench.io.plan_file import write_plan

ROOT = Path(__file__).parents[2]
TABLE = "us-bea-71"
#: Packages that take long to import, and all of planbench but the package itself.
HEAVY = {"numpy", "scipy", "pandas", "pydantic", "typer", "rich", "highspy", "psutil", "packaging"}


@pytest.fixture(scope="module")
def plywood() -> pb.Result:
    return pb.solve("kantorovich-plywood", "highs-ds", in_process=True)


def test_importing_planbench_imports_nothing_else():
    """Whoever only asks for the version waits for no numpy; counted, as time varies."""
    told = subprocess.run(
        [sys.executable, "-c", "import planbench, sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert not HEAVY & {name.partition(".")[0] for name in told}
    mine = {name for name in told if name.startswith("planbench")}
    assert mine == {"planbench", "planbench.version"}


def test_what_is_promised_is_what_there_is():
    """Type checkers read the names of planbench.api, programs ask __getattr__, people dir()."""
    assert set(api.__all__) == set(pb.__all__) - {"__version__"}
    assert set(pb.__all__) <= set(dir(pb))
    assert all(getattr(pb, name) is getattr(api, name) for name in api.__all__)
    with pytest.raises(AttributeError, match="no attribute 'sovle'"):
        pb.sovle  # noqa: B018


def test_no_package_has_the_name_of_a_function():
    """Importing planbench.NAME would put the package in the function's place."""
    assert [n for n in api.__all__ if importlib.util.find_spec(f"planbench.{n}")] == []


def test_a_run_in_process_finds_what_a_worker_finds_and_says_what_it_is(plywood):
    """The short way must give the same plan, and never pass for a measurement of memory."""
    worker = pb.solve("kantorovich-plywood", "highs-ds")
    assert worker.verdict == plywood.verdict == "certified"
    np.testing.assert_array_equal(worker.plan.x, plywood.plan.x)
    assert worker.bracket == plywood.bracket
    assert worker.record.key == plywood.record.key
    assert worker.record.environment == ""
    assert worker.record.peak_bytes > 0
    mine = plywood.record
    assert mine.environment == "in-process"
    assert any("calling process" in note for note in mine.notes)
    assert (mine.peak_bytes, mine.cpu_s, mine.threads_seen, mine.memory_limit_bytes) == (None,) * 4
    assert mine.memory_method == "not measured"
    assert mine.wall_s > 0
    assert mine.matrix_passes > 0
    assert [p.name for p in mine.phases] == [
        p.name for p in worker.record.phases if p.name != "read" and p.name != "assemble"
    ]


def test_in_process_the_log_is_kept_and_nothing_is_printed(capfd):
    """HiGHS prints from C; a notebook or a pipe must not be flooded."""
    result = pb.solve("kantorovich-plywood", "highs-ipm", in_process=True)
    assert "HiGHS" in result.log
    assert capfd.readouterr() == ("", "")


def test_in_process_a_run_over_the_limit_is_a_timeout():
    """The solver may overrun or have no limit of its own; that is no success."""
    record = pb.solve("gen:goods=60,seed=1", "null", time_limit=1e-9, in_process=True).record
    assert record.ended == "timeout"
    assert "limit" in record.message


def test_the_frame_of_a_plan_adds_up(plywood):
    """Every good, activity, resource and target with amount and price, in the right units."""
    economy = plywood.instance.economy
    frame = plywood.to_frame()
    assert frame.groupby(level="kind").size().to_dict() == {
        "good": economy.n_goods, "activity": economy.n_activities,
        "resource": economy.n_resources, "target": economy.n_targets,
    }  # fmt: skip
    assert frame.loc["target", "value"].sum() == pytest.approx(plywood.bracket.lower, rel=1e-6)
    # Duality: rents times limits are worth the plan; nothing is taken from stocks here.
    rents = frame.loc[["resource", "activity"]]
    assert (rents["price"] * rents["limit"]).fillna(0).sum() == pytest.approx(
        plywood.bracket.upper, rel=1e-6
    )
    assert frame.loc["good", "amount"].to_list() == pytest.approx(
        (economy.outputs @ plywood.plan.x).tolist()
    )
    assert plywood.prices.to_dict() == pytest.approx(frame.loc["good", "price"].to_dict())
    assert (frame.loc["resource", "amount"] <= frame.loc["resource", "limit"] * (1 + 1e-9)).all()


def test_a_linear_program_has_rows_and_columns_and_duals():
    """Solver developers bring programs that are no economies."""
    lp = pb.make_linear_program(
        matrix=[[1.0, 1.0], [1.0, 3.0]], cost=[3.0, 2.0], maximise=True,
        row_lower=[-np.inf, -np.inf], row_upper=[4.0, 6.0],
        row_names=["hours", "steel"], col_names=["tables", "chairs"], name="shop",
    )  # fmt: skip
    result = pb.solve(lp, "highs-ds", in_process=True)
    assert result.plan is None
    assert result.record.instance.name == "shop"
    assert result.prices.to_dict() == pytest.approx({"hours": 3.0, "steel": 0.0})
    frame = result.to_frame()
    assert frame.loc[("column", "tables"), "amount"] == pytest.approx(4.0)
    assert frame.loc[("column", "chairs"), "dual"] == pytest.approx(-1.0)
    assert frame.loc[("row", "hours"), "amount"] == pytest.approx(4.0)
    assert pb.certify(lp, pb.LpPoint(result.x, result.row_duals)).verdict == "certified"
    assert pb.certify(lp, pb.LpPoint(0.9 * result.x, result.row_duals)).verdict != "certified"


def test_certify_judges_plans_from_anywhere(plywood, tmp_path):
    """A plan may come from a result, from numpy or from a file; and it may be bad."""
    economy = plywood.instance.economy
    path = tmp_path / "plan.csv"
    write_plan(plywood.plan, path, economy)
    for plan in (plywood, plywood.plan, path, str(path)):
        assert pb.certify(economy, plan).verdict == "certified"
    worse = replace(plywood.plan, x=0.9 * plywood.plan.x, z=0.9 * plywood.plan.z)
    found = pb.certify("kantorovich-plywood", worse, polish=False)
    assert found.verdict != "certified"
    assert found.raw_gap == pytest.approx(0.1, rel=0.01)
    bare = pb.Plan(plywood.plan.x, plywood.plan.z)
    assert pb.certify(economy, bare, polish=False).verdict == "unproven"
    assert pb.certify(economy, bare, known=plywood.bracket).verdict == "certified"
    with pytest.raises(pb.InputError, match=r"^plan\.z: has shape \(7,\), this problem needs"):
        pb.certify(economy, replace(plywood.plan, z=np.ones(7)))
    with pytest.raises(pb.InputError, match=r"^plan: is ndarray; give a Plan or a plan file$"):
        pb.certify(economy, plywood.x)
    with pytest.raises(pb.InputError, match=r"^tolerance: is 2; give a number between 0 and 1$"):
        pb.certify(economy, plywood.plan, tolerance=2)


def test_what_was_loaded_keeps_its_name_and_what_was_changed_loses_its_optimum():
    """A record names the instance and how to make it again; a changed economy is another one."""
    economy = pb.load(TABLE)
    result = pb.solve(economy, "highs-ds", in_process=True)
    assert result.record.instance.name == TABLE
    assert result.record.instance.recipe
    assert result.instance.optimum == pytest.approx(result.bracket.lower, rel=1e-6)
    poorer = replace(economy, endowment=0.9 * economy.endowment, name="poorer")
    other = pb.solve(poorer, "highs-ds", in_process=True)
    assert other.verdict == "certified"
    assert other.record.instance.name == "poorer"
    assert other.record.instance.sha256 != result.record.instance.sha256
    assert other.instance.optimum is None
    assert other.bracket.upper < result.bracket.lower


def test_a_loaded_economy_is_let_go():
    """A loop over economies must not fill the memory."""
    economy = pb.generate(goods=20, seed=1)
    gone = weakref.ref(economy)
    pb.certify(economy, pb.solve(economy, "null", in_process=True))
    del economy
    gc.collect()
    assert gone() is None


def test_generate_is_the_recipe_of_the_command_line():
    """The same knobs give the same economy as the text form."""
    economy = pb.generate(goods=30, structure="sectors", seed=4)
    assert economy.sha256 == pb.load("gen:goods=30,structure=sectors,seed=4").sha256


def test_compare_runs_each_problem_once_and_reports_findings(plywood, tmp_path):
    """Equal problems are one; a claim that is refuted is a finding, as on the command line."""
    liar = tmp_path / "liar.py"
    liar.write_text(
        "import pathlib, sys\n"
        "pathlib.Path(sys.argv[2]).write_text('status optimal\\nobjective -1000\\n')\n"
    )
    program = f"cmd:'{sys.executable} {liar} {{mps}} {{sol}}'"
    made = pb.compare(
        ["kantorovich-plywood", plywood.instance.economy],
        ["highs-ds", "null", program],
        in_process=True,
    )
    frame = made.to_frame()
    assert frame["solver"].value_counts().to_dict() == {"highs-ds": 1, "null": 1, program: 1}
    assert set(frame["instance_name"]) == {"kantorovich-plywood"}
    assert made.findings
    assert all(line.startswith(f"kantorovich-plywood: {program}") for line in made.findings)
    again = pb.compare("kantorovich-plywood", "null", repeats=2, in_process=True)
    assert sorted(record.repeat for record in again.records) == [0, 1]
    assert again.findings == ()


SUITE = """
description = "two small instances"
solvers = ["null", "highs-ds"]
time_limit_s = 20
budget_s = 60
repeats = 1
rerun_disturbed = false
instances = ["kantorovich-plywood"]
"""


def test_a_suite_runs_once_and_is_read_back(tmp_path):
    """The file is the same as the command's: it is carried on, and read into a frame."""
    suite, out = tmp_path / "mine.toml", tmp_path / "mine.jsonl"
    suite.write_text('name = "mine"\n' + SUITE)
    first = pb.run_suite(suite, out)
    assert {record.solver for record in first.records} == {"null", "highs-ds"}
    assert pb.run_suite(suite, out).records == first.records
    frame = pb.read_results(out)
    assert len(frame) == 2
    assert frame.equals(first.to_frame())
    with pytest.raises(pb.InputError, match=r"ends in \.jsonl"):
        pb.run_suite(suite, tmp_path / "mine.csv")


def test_columns_have_the_same_types_whatever_a_file_holds(plywood):
    """Code written for one results file works with the next, down to none at all."""
    from planbench.records.flat import to_frame

    reference = pb.read_results(ROOT / "results" / "reference" / "standard.jsonl")
    none = to_frame([])
    free = {"value"}  # a number or a word, as ladders vary
    wanted = none.dtypes.drop(list(free))
    for frame in (reference, to_frame([plywood.record])):
        assert frame[wanted.index].dtypes.equals(wanted)
    assert reference["started_at"].dt.tz is not None
    assert reference["instance_goods"].dtype == "Int64"
    assert reference["wall_s"].dtype == reference["phase_solve_wall_s"].dtype == "float64"
    assert reference["disturbed"].dtype == "boolean"
    assert "residuals_primal" in none
    assert len(reference.select_dtypes("object").columns) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pb.load("us-bea-17"), r"no instance 'us-bea-17', nearest 'us-bea-"),
        (lambda: pb.load(3), r"int is no problem; give a name, a path, a recipe, an Economy"),
        (lambda: pb.generate(good=3), r"recipe"),
        (lambda: pb.solve(TABLE, "highs"), r"unknown solver|no solver"),
        (lambda: pb.solve(TABLE, "null", time_limit=-1), r"time limit: is -1"),
        (lambda: pb.solve(TABLE, "null", time_limit=0, in_process=True), r"time limit: is 0"),
        (lambda: pb.solve(TABLE, "null", threads=3), r"threads"),
        (lambda: pb.compare(TABLE, "null", repeats=0), r"repeats: is 0; give at least 1"),
        (lambda: pb.read_results("nowhere.jsonl"), r"nowhere\.jsonl: no such file"),
    ],
)
def test_bad_input_is_one_line(call, message):
    """The same messages as on the command line, as an exception that can be caught."""
    with pytest.raises(pb.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, pb.PlanbenchError)


def test_a_solver_that_refuses_is_an_error():
    """It is no result: value-iteration takes economies with one resource."""
    pytest.importorskip("numba")
    with pytest.raises(pb.SolverError, match="value-iteration: takes one resource"):
        pb.solve("kantorovich-plywood", "value-iteration", in_process=True)
