"""What the commands print: the numbers are right, JSON is strict, exit codes mean something."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.catalogue.resolve import load_instance
from planbench.cli.main import run

REQUIRED = [
    *("instance", "solver", "ended", "claim", "verdict"),
    *("plan_verdict", "prices_verdict", "claim_verdict", "objective", "lower_bound"),
    *("upper_bound", "raw_gap", "polished_gap", "iterations", "wall_s", "peak_bytes", "phases"),
]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def planbench(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process; exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def strict(text: str) -> Any:
    """Read JSON that must hold neither NaN nor infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in JSON")

    return json.loads(text, parse_constant=refuse)


def test_solve_shows_a_plan_a_person_can_read(planbench: Command) -> None:
    code, out, _ = planbench("solve", "us-bea-71", "--solver", "highs-ipm")
    assert code == 0
    for word in ("certified", "objective", "net final use", "Wholesale trade", "labour", "capital"):
        assert word in out
    for title in ("Largest activities", "Dearest goods", "Dearest resources", "Time and memory"):
        assert title in out
    assert "10 of 71" in out
    assert max(map(len, out.splitlines())) <= 80


def test_solve_json_has_every_field_and_the_plan_adds_up(planbench: Command) -> None:
    code, out, _ = planbench("solve", "leontief-3", "-s", "highs-ds", "--json")
    row = strict(out)
    assert code == 0
    assert row.keys() >= set(REQUIRED)
    assert (row["instance"], row["solver"], row["ended"]) == ("leontief-3", "highs-ds", "ok")
    assert row["verdict"] == "certified"
    assert row["lower_bound"] <= 12.5 <= row["upper_bound"]
    plan = row["plan"]
    assert plan["targets"][0]["level"] == pytest.approx(12.5)
    # Value of the resources is the value of the plan, and it is all labour.
    labour = plan["resources"][0]
    assert labour["rent"] * labour["endowment"] == pytest.approx(12.5)
    assert labour["share"] == pytest.approx(1.0)
    assert math.fsum(a["share"] for a in plan["activities"]) == pytest.approx(1.0)
    assert [g["price"] for g in plan["goods"]] == sorted(
        (g["price"] for g in plan["goods"]), reverse=True
    )


def test_top_limits_the_lists_and_keeps_the_largest(planbench: Command) -> None:
    _, out, _ = planbench("solve", "us-bea-15", "--top", "2", "--json")
    activities = strict(out)["plan"]["activities"]
    assert len(activities) == 2
    _, out, _ = planbench("solve", "us-bea-15", "--top", "99", "--json")
    everything = strict(out)["plan"]["activities"]
    assert activities == everything[:2]
    assert len(everything) == 15


@pytest.mark.parametrize("ending", [".npz", ".csv"])
def test_a_plan_written_by_solve_is_certified_by_verify(
    planbench: Command, tmp_path: Path, ending: str
) -> None:
    path = str(tmp_path / f"plan{ending}")
    code, _, err = planbench("solve", "cockshott-five-year", "-s", "highs-ds", "-o", path)
    assert code == 0
    assert f"wrote {path}" in err
    code, out, _ = planbench("verify", "cockshott-five-year", path, "--json")
    found = strict(out)
    assert code == 0
    assert found["verdict"] == "certified"
    assert found["lower_bound"] <= 7.336453089662 + 1e-9
    assert found["upper_bound"] >= 7.336453089662 - 1e-9
    assert found["violations"] == []


def test_verify_finds_a_bad_plan_and_names_what_it_violates(
    planbench: Command, tmp_path: Path
) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(
        "kind,name,value\nactivity,grow grain,200\nactivity,weave cloth,1\ntarget,assortment,20\n"
    )
    code, out, _ = planbench("verify", "leontief-3", str(path))
    assert code == 1
    assert "Worst violated" in out
    assert "cloth" in out
    code, out, _ = planbench("verify", "leontief-3", str(path), "--json")
    found = strict(out)
    assert code == 1
    assert {v["name"] for v in found["violations"] if v["kind"] == "good"} >= {"cloth", "tools"}
    economy = load_instance("leontief-3").economy
    assert economy is not None
    x = np.zeros(3)
    for name, level in (("grow grain", 200.0), ("weave cloth", 1.0)):
        assert economy.activities is not None
        x[economy.activities.index(name)] = level
    assert economy.goods is not None
    net = (economy.outputs - economy.inputs) @ x - 20.0 * economy.assortment.toarray().ravel()
    missing = {v["name"]: v["amount"] for v in found["violations"] if v["kind"] == "good"}
    for name, amount in missing.items():
        assert amount == pytest.approx(-net[economy.goods.index(name)])
    assert found["violations_by_kind"]["good"] == pytest.approx(-net.min())
    labour = economy.resource_use.toarray()[0] @ x - economy.endowment[0]
    assert found["violations_by_kind"]["resource"] == pytest.approx(max(labour, 0.0))
    assert found["violations_by_kind"]["activity"] == 0.0


def test_verify_refuses_a_plan_of_nan(planbench: Command, tmp_path: Path) -> None:
    path = tmp_path / "plan.npz"
    np.savez(path, x=np.full(3, np.nan), z=np.array([np.inf]))
    code, out, error = planbench("verify", "leontief-3", str(path), "--json")
    assert (code, out) == (2, "")
    assert "plan.npz: field 'x': is nan at activity" in error


def test_an_empty_plan_is_not_certified_by_what_polish_makes_of_it(
    planbench: Command, tmp_path: Path
) -> None:
    """Polish solves economies with one resource from any rent; the plan is still empty."""
    path = tmp_path / "nothing.csv"
    path.write_text("kind,name,value\ntarget,assortment,0\nresource,labour,1\n")
    code, out, _ = planbench("verify", "leontief-3", str(path), "--json")
    found = strict(out)
    assert code == 1
    assert found["polished_gap"] < 1e-9
    assert (found["verdict"], found["plan_verdict"]) == ("loose", "loose")


def test_a_plan_that_promises_what_cannot_be_is_refuted(planbench: Command, tmp_path: Path) -> None:
    """Repair delivers what is possible, and the optimal rest would hide a false promise."""
    good = tmp_path / "plan.csv"
    assert planbench("solve", "leontief-3", "-s", "highs-ds", "-o", str(good))[0] == 0
    lines = good.read_text().splitlines()
    bad = ["target,assortment,1e6" if line.startswith("target,") else line for line in lines]
    (tmp_path / "bad.csv").write_text("\n".join(bad) + "\n")
    code, out, _ = planbench("verify", "leontief-3", str(tmp_path / "bad.csv"))
    assert code == 1
    assert "promises 1000000, more than the certified upper bound" in " ".join(out.split())


def test_parts_of_a_plan_are_judged_alone(planbench: Command, tmp_path: Path) -> None:
    """An optimal plan without prices is optimal all the same, and so are its prices alone."""
    both = tmp_path / "plan.csv"
    assert planbench("solve", "leontief-3", "-s", "highs-ds", "-o", str(both))[0] == 0
    head, *lines = both.read_text().splitlines()
    kinds = {"plan": ("activity", "target"), "prices": ("good", "resource")}
    for part, of_kind in kinds.items():
        path = tmp_path / f"{part}.csv"
        kept = [line for line in lines if line.split(",")[0] in of_kind]
        path.write_text("\n".join([head, *kept]) + "\n")
        code, out, _ = planbench("verify", "leontief-3", str(path), "--json")
        found = strict(out)
        assert code == 0, out
        other = "prices" if part == "plan" else "plan"
        assert found[f"{part}_verdict"] == "certified"
        assert found[f"{other}_verdict"] is None
        assert found["bound_from"]["solver"] == "highs-ipm"
        code, out, _ = planbench("verify", "leontief-3", str(path))
        assert code == 0
        assert "bound from" in out


def test_a_poor_plan_without_prices_is_measured_against_a_bound_that_is_found(
    planbench: Command, tmp_path: Path
) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(
        "kind,name,value\nactivity,grow grain,88\nactivity,weave cloth,38\n"
        "activity,make tools,66\ntarget,assortment,12\n"
    )
    code, out, _ = planbench("verify", "leontief-3", str(path), "--no-polish")
    assert code == 1
    assert "bound from" in out
    assert "proven no closer to the optimum than" in out


def test_names_from_files_cannot_send_commands_to_the_terminal(
    planbench: Command, tmp_path: Path
) -> None:
    from planbench.io.npz import save_npz
    from planbench.model import make_linear_program

    model = tmp_path / "model.npz"
    program = make_linear_program(
        matrix=[[1.0]], cost=[1.0], row_lower=[2.0], row_upper=[np.inf],
        row_names=["[bold]need"], col_names=["\x1b[31mred"],
    )  # fmt: skip
    save_npz(program, model)
    code, out, err = planbench("solve", str(model), "-s", "highs-ds")
    assert code == 0
    assert "red" in out
    assert "[bold]need" in out
    assert "\x1b" not in out + err


def test_a_general_program_is_solved_verified_and_shown(planbench: Command, tmp_path: Path) -> None:
    model = tmp_path / "model.mps"
    model.write_text(
        "NAME m\nOBJSENSE\n MAX\nROWS\n N cost\n L limit\nCOLUMNS\n apples cost 3\n"
        " apples limit 1\n pears cost 2\n pears limit 1\nRHS\n RHS limit 4\nBOUNDS\n"
        " UP BND apples 3\nENDATA\n"
    )
    plan = str(tmp_path / "answer.csv")
    code, out, _ = planbench("solve", str(model), "-s", "highs-ds", "-o", plan)
    assert code == 0
    assert "Largest columns" in out
    assert "apples" in out
    assert "limit" in out
    code, out, _ = planbench("verify", str(model), plan, "--json")
    assert code == 0
    assert strict(out)["upper_bound"] == pytest.approx(11.0)
    (tmp_path / "worse.csv").write_text("kind,name,value\ncolumn,pears,4\n")
    code, _, _ = planbench("verify", str(model), str(tmp_path / "worse.csv"))
    assert code == 1


def _lying_solver(folder: Path) -> str:
    """Command that claims an objective far better than any plan allows."""
    script = folder / "liar.py"
    script.write_text(
        "import sys\n"
        "open(sys.argv[2], 'w').write('status optimal\\nobjective -999\\nC0000001 1\\n')\n"
    )
    return f"cmd:{sys.executable} {script} {{mps}} {{sol}}"


def test_a_lying_solver_is_a_finding(planbench: Command, tmp_path: Path) -> None:
    liar = _lying_solver(tmp_path)
    code, out, err = planbench(
        "compare", "leontief-3", "--solvers", "highs-ds", "--solver", liar, "--json"
    )
    found = strict(out)
    assert code == 1
    assert len(found["rows"]) == 2
    assert all(set(REQUIRED) <= set(row) for row in found["rows"])
    assert found["findings"]
    assert [d["solver"] for d in found["consensus"][0]["disagreeing"]] == [liar]
    assert "finding: leontief-3" in err
    code, out, err = planbench("solve", "leontief-3", "-s", liar)
    assert code == 1
    assert "wrong" in out
    assert "finding: cmd:" in err


def test_compare_shows_a_table_and_runs_every_repeat(planbench: Command) -> None:
    code, out, err = planbench(
        "compare", "leontief-3", "--solvers", "null,highs-ds", "--repeats", "2"
    )
    assert code == 0
    assert "highs-ds" in out
    assert "null" in out
    assert err.count("on leontief-3") == 4


def test_compare_drops_options_a_solver_lacks_and_says_so(planbench: Command) -> None:
    code, out, err = planbench(
        "compare", "leontief-3", "--solvers", "null,highs-ds", "--seed", "3", "--json"
    )
    options = {row["solver"]: row["options"] for row in strict(out)["rows"]}
    assert code == 0
    assert options["highs-ds"]["seed"] == 3
    assert "seed" not in options["null"]
    assert "null has no option seed" in err


def test_a_run_stopped_at_its_limit_is_a_row_and_exit_code_1(
    planbench: Command, tmp_path: Path
) -> None:
    sleeper = f"cmd:{sys.executable} -c 'import time; time.sleep(60)' {{mps}} {{sol}}"
    code, out, _ = planbench("solve", "leontief-3", "-s", sleeper, "--time-limit", "0.5s", "--json")
    row = strict(out)
    assert code == 1
    assert row["ended"] == "timeout"
    assert row["plan"] is None


def test_the_log_of_the_solver_can_be_kept_and_shown(planbench: Command, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    planbench("solve", "leontief-3", "-s", "highs-ds", "--log", str(log))
    assert "HiGHS" in log.read_text()
    _, out, _ = planbench("solve", "leontief-3", "-s", "highs-ds", "--log", "-")
    assert "HiGHS run time" in out or "Running HiGHS" in out
    _, out, err = planbench("solve", "leontief-3", "-s", "highs-ds", "--log", "-", "--json")
    strict(out)
    assert "HiGHS" in err


def test_settings_reach_the_solver_and_are_recorded(planbench: Command) -> None:
    _, out, _ = planbench(
        "solve", "leontief-3", "-s", "highs-ds", "--set", "presolve=off", "--tolerance", "1e-8",
        "--json",
    )  # fmt: skip
    assert strict(out)["native_options"]["presolve"] == "off"
    assert strict(out)["options"]["tolerance"] == 1e-8


def test_no_polish_leaves_the_polished_gap_out(planbench: Command) -> None:
    _, out, _ = planbench("solve", "leontief-3", "-s", "highs-ds", "--no-polish", "--json")
    assert strict(out)["polished_gap"] is None


def test_info_lists_what_was_moved_in_a_real_table(planbench: Command) -> None:
    code, out, _ = planbench("info", "us-bea-15")
    assert code == 0
    assert "Moved so that nothing is negative" in out
    assert "negative imports" in out
    _, out, _ = planbench("info", "us-bea-15", "--json")
    facts = strict(out)
    assert facts["sha256"] == load_instance("us-bea-15").sha256
    assert (facts["goods"], facts["activities"], facts["resources"]) == (17, 15, 2)
    assert facts["column_sums"]["largest"] < 1
    assert facts["moved"]


def test_info_does_not_add_up_amounts_in_different_units(planbench: Command) -> None:
    _, out, _ = planbench("info", "gen:goods=50,inputs=5,unit_spread=6", "--json")
    assert strict(out)["column_sums"] is None


def test_lists_name_everything_there_is(planbench: Command) -> None:
    from planbench.catalogue.builtin import builtin_names
    from planbench.solvers.registry import list_solvers

    _, out, _ = planbench("instances", "--json")
    assert [i["name"] for i in strict(out)["instances"]] == list(builtin_names())
    _, out, _ = planbench("solvers", "--json")
    assert [s["name"] for s in strict(out)["solvers"]] == [s.name for s in list_solvers()]
    _, out, _ = planbench("solvers", "highs-hipdlp")
    assert "highs-hipdlp:stock" in out
    _, out, _ = planbench("suites", "--json")
    assert {"quick", "smoke"} <= {s["name"] for s in strict(out)["suites"]}
    for command in ("instances", "solvers", "suites"):
        code, out, _ = planbench(command)
        assert code == 0
        assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("ending", [".npz", ".mps", ".mps.gz", ""])
def test_an_exported_economy_is_the_same_instance(
    planbench: Command, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"economy{ending}"
    code, _, _ = planbench("export", "leontief-3", "-o", str(path))
    assert code == 0
    original, again = load_instance("leontief-3"), load_instance(str(path))
    assert again.lp.sha256 == original.lp.sha256
    if again.economy is not None:
        assert again.sha256 == original.sha256


def test_generate_takes_its_options_from_the_recipe(planbench: Command, tmp_path: Path) -> None:
    from planbench.generators.recipe import GeneratorRecipe

    code, out, _ = planbench("generate", "--help")
    assert code == 0
    for field in GeneratorRecipe.model_fields:
        assert f"--{field.replace('_', '-')}" in out
    path = str(tmp_path / "e.npz")
    code, out, _ = planbench(
        "generate", "gen:goods=40,inputs=4,seed=1", "--goods", "60", "--structure", "layered",
        "-o", path, "--json",
    )  # fmt: skip
    made = strict(out)
    assert code == 0
    assert made["goods"] == 60
    assert made["recipe"]["structure"] == "layered"
    assert made["recipe"]["seed"] == 1
    assert made["sha256"] == load_instance(path).sha256
    assert made["sha256"] == load_instance(made["instance"]).sha256


def test_bench_measures_resumes_reports_and_exports(planbench: Command, tmp_path: Path) -> None:
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'name = "tiny"\nbudget_s = 60\ntime_limit_s = 5\nrepeats = 1\nrerun_disturbed = false\n'
        'solvers = ["highs-ds", "null"]\ninstances = ["leontief-3"]\n'
    )
    results = tmp_path / "deep" / "tiny.jsonl"
    arguments = ("bench", str(suite), "--out", str(results), "--no-report")
    code, out, err = planbench(*arguments)
    assert code == 0
    assert "leontief-3" in out
    assert str(results) in err
    code, out, _ = planbench(*arguments, "--json")
    again = strict(out)
    assert code == 0
    assert (again["measured"], again["skipped"]) == (0, 2)
    assert {row["solver"] for row in again["rows"]} == {"highs-ds", "null"}
    sheet = tmp_path / "tiny.csv"
    code, _, _ = planbench("export", str(results), "-o", str(sheet))
    assert code == 0
    lines = sheet.read_text().splitlines()
    assert len(lines) == 3
    assert "phase_solve_wall_s" in lines[0]
    assert "phase_calibrate_again_wall_s" in lines[0]


def test_bench_says_what_the_budget_left_out(planbench: Command, tmp_path: Path) -> None:
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'name = "tiny"\nbudget_s = 60\ntime_limit_s = 5\nrepeats = 1\nsolvers = ["null"]\n'
        'instances = ["leontief-3", "kantorovich-lathes", "kantorovich-plywood"]\n'
    )
    code, out, err = planbench(
        "bench", str(suite), "--out", str(tmp_path / "t.jsonl"), "--no-report",
        "--budget", "200ms", "--json",
    )  # fmt: skip
    found = strict(out)
    assert code == 0
    assert found["budget_spent"]
    assert len(found["rows"]) + len(found["left_out"]) == 3
    assert found["left_out"]
    assert f"not run: {len(found['left_out'])} x" in err


@pytest.mark.parametrize("name", ["mine.html", "mine.json", "mine", "mine.1"])
def test_bench_refuses_names_beside_which_other_files_would_not_fit(
    planbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The report of mine.html would replace the very rows it is made from."""
    monkeypatch.chdir(tmp_path)
    code, _, err = planbench("bench", "smoke", "--out", name)
    assert code == 2
    assert err == f"error: {name}: the name of a results file ends in .jsonl\n"
    assert not list(tmp_path.iterdir())


def test_report_never_replaces_its_results(
    planbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither under the same name nor under another name of the same file."""
    rows = Path(__file__).parents[1] / "records" / "data" / "version-1.jsonl"
    results = tmp_path / "r.jsonl"
    results.write_bytes(rows.read_bytes())
    (tmp_path / "link.jsonl").symlink_to(results)
    monkeypatch.chdir(tmp_path)
    for page in ("r.jsonl", str(results), "link.jsonl"):
        code, _, err = planbench("report", "r.jsonl", "-o", page)
        assert code == 2
        assert "would replace the results" in err
    assert results.read_bytes() == rows.read_bytes()


def test_report_writes_one_page(planbench: Command, tmp_path: Path) -> None:
    pytest.importorskip("altair")
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'name = "tiny"\nbudget_s = 60\ntime_limit_s = 5\nrepeats = 1\nrerun_disturbed = false\n'
        'solvers = ["highs-ds"]\ninstances = ["leontief-3"]\n'
    )
    results = tmp_path / "tiny.jsonl"
    planbench("bench", str(suite), "--out", str(results), "--no-report")
    page = tmp_path / "page.html"
    code, _, err = planbench("report", str(results), "-o", str(page))
    assert code == 0
    assert str(page) in err
    assert "leontief-3" in page.read_text()


def test_cmd_is_described_without_a_command(planbench: Command) -> None:
    """It is listed, so it can be asked about."""
    code, out, _ = planbench("solvers", "cmd")
    assert code == 0
    assert "any program that reads MPS" in out
    assert strict(planbench("solvers", "cmd", "--json")[1])["name"] == "cmd"


def test_a_program_that_dies_is_a_finding_of_a_suite(planbench: Command, tmp_path: Path) -> None:
    """It was a refusal, with exit code 0."""
    suite = tmp_path / "mine.toml"
    suite.write_text(
        'name = "mine"\nbudget_s = 60\ntime_limit_s = 20\n'
        'solvers = ["null"]\ninstances = ["leontief-3"]\n'
    )
    code, out, err = planbench(
        "bench", str(suite), "--out", str(tmp_path / "r.jsonl"), "--no-report", "--json",
        "--solver", "cmd:sh -c 'kill -SEGV $$' {mps} {sol}",
    )  # fmt: skip
    assert code == 1, err
    assert [row["ended"] for row in strict(out)["rows"]] == ["crash"]
    assert "died of SIGSEGV" in err


def test_numbers_that_are_none_are_shown(planbench: Command, tmp_path: Path) -> None:
    """A plan of NaN or infinity had ended in a traceback; what is said of it is the verdict's."""
    from planbench import formatting as fmt

    assert [fmt.gap(value) for value in (float("nan"), float("inf"))] == ["nan", "inf"]
    for value in ("nan", "inf"):
        script = tmp_path / "program.py"
        script.write_text(
            "import sys\n"
            "open(sys.argv[2], 'w').write("
            f"'status optimal\\nC0000001 {value}\\nR0000001 {value}')\n"
        )
        solver = f"cmd:{sys.executable} -S {script} {{mps}} {{sol}}"
        row = strict(planbench("solve", "leontief-3", "-s", solver, "--json")[1])
        assert row["verdict"] != "certified"
        assert "NaN or infinite" in " ".join(row["reasons"])


def test_a_solver_that_refused_is_a_finding(planbench: Command) -> None:
    """As docs/cli.md has it: the solver did not run as named."""
    code, out, err = planbench("solve", "gen:goods=50,seed=1", "-s", "value-iteration")
    assert code == 1
    assert "refused to run" in out
    assert err.startswith("finding: value-iteration refused to run: takes one resource")


def test_a_page_of_a_history_without_series_is_not_passed_over(
    planbench: Command, tmp_path: Path
) -> None:
    rows = Path(__file__).parents[2] / "results" / "baselines" / "smoke.jsonl"
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "one.jsonl").write_bytes(rows.read_bytes())
    page = tmp_path / "page.html"
    code, _, err = planbench("history", str(tmp_path / "runs"), "-o", str(page))
    assert code == 2
    assert "not written: no measurement was made in two runs" in err
    assert not page.exists()
