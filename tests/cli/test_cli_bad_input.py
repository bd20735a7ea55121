"""Bad input through the real entry point: one line that helps, exit code 2, no traceback."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.command_line import planbench

NAN_MPS = """NAME nan
ROWS
 N cost
 L limit
COLUMNS
 x cost 1
 x limit nan
RHS
 RHS limit 1
ENDATA
"""
UNKNOWN_ROW_MPS = NAN_MPS.replace("x limit nan", "x limt 1")
SUITE = """name = "mine"
budget_s = 10
time_limit_s = 1
instances = ["leontief-3"]
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files that are wrong in every way a file can be wrong."""
    folder = tmp_path_factory.mktemp("wrong")
    from planbench.catalogue.resolve import load_instance
    from planbench.io.csv_folder import save_economy as save_folder
    from planbench.io.npz import save_npz

    economy = load_instance("leontief-3").economy
    assert economy is not None
    save_npz(economy, folder / "good.npz")
    whole = (folder / "good.npz").read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.npz").write_bytes(b"")
    (folder / "plain-pickle.npz").write_bytes(pickle.dumps([1, 2, 3]))
    np.savez(folder / "object.npz", meta=np.array([{"a": 1}], dtype=object))
    with zipfile.ZipFile(folder / "good.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(n for n in members if n.startswith("endowment"))
    members[name] = members[name][:-8] + np.float64(123.0).tobytes()
    with zipfile.ZipFile(folder / "altered.npz", "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)

    (folder / "nan.mps").write_text(NAN_MPS)
    (folder / "unknown-row.mps").write_text(UNKNOWN_ROW_MPS)
    save_folder(economy, folder / "negative")
    inputs = folder / "negative" / "inputs.csv"
    lines = inputs.read_text().splitlines()
    lines[1] = lines[1].rsplit(",", 1)[0] + ",-1"
    inputs.write_text("\n".join(lines) + "\n")
    save_folder(economy, folder / "unproductive")
    inputs = folder / "unproductive" / "inputs.csv"
    lines = inputs.read_text().splitlines()
    inputs.write_text(
        "\n".join([lines[0], *(line.rsplit(",", 1)[0] + ",5" for line in lines[1:])]) + "\n"
    )
    (folder / "suite-typo.toml").write_text(SUITE + "buget_s = 3\n")
    (folder / "suite-value.toml").write_text(SUITE.replace("= 10", '= "much"'))
    (folder / "suite-solver.toml").write_text(SUITE + 'solvers = ["highs-dss"]\n')
    (folder / "short.npz").write_bytes(b"")
    np.savez(folder / "short.npz", x=np.zeros(2), z=np.zeros(1))
    (folder / "plan.csv").write_text("kind,name,value\nactivity,no such activity,1\n")
    (folder / "results.jsonl").write_text('{"schema_version": 1}\n')
    return folder


#: Command line, and what its one line must hold: the file or field, and the fix.
CASES = {
    "unknown solver": ("solve leontief-3 -s highs-dss", ["highs-dss", "did you mean highs-ds?"]),
    "unknown instance": ("solve us-bea-7", ["us-bea-7", "us-bea-71"]),
    "unknown suite": ("bench quik", ["quik", "did you mean quick?"]),
    "unknown command": ("slove leontief-3", ["slove", "solve"]),
    "unknown option": ("solve leontief-3 --bogus 3", ["--bogus", "solve --help"]),
    "no instance": ("solve", ["INSTANCE"]),
    "negative time": ("solve leontief-3 --time-limit -5", ["--time-limit", "10min"]),
    "infinite time": ("solve leontief-3 --time-limit 1e999", ["--time-limit"]),
    "negative memory": ("solve leontief-3 --memory-limit -1GB", ["--memory-limit", "4GB"]),
    "tolerance of NaN": ("solve leontief-3 --tolerance nan", ["--tolerance", "between 0 and 1"]),
    "no threads": (
        "solve leontief-3 --threads 0",
        ["--threads: is '0'", "greater than or equal to 1"],
    ),
    "half a run": ("compare leontief-3 --repeats 1.5", ["--repeats: is '1.5'", "integer"]),
    "runs without end": ("compare leontief-3 --repeats 1e9", ["--repeats: is '1e9'"]),
    "too many runs": ("compare leontief-3 --repeats 1001", ["less than or equal to 1000"]),
    "share of a hundred": ("study replan leontief-3 --left 80", ["--left", "e.g. 5%"]),
    "negative seed": ("generate --goods 10 --seed -1 -o a.npz", ["seed", "0"]),
    "setting without value": ("solve leontief-3 --set presolve", ["--set", "KEY=VALUE"]),
    "unknown setting": (
        "solve leontief-3 -s highs-ds --set presolv=off",
        ["--set", "presolv", "did you mean presolve?"],
    ),
    "setting of a wrong type": (
        "solve leontief-3 -s highs-ds --set simplex_iteration_limit=abc",
        ["--set", "simplex_iteration_limit", "'abc'"],
    ),
    "option the solver lacks": ("solve leontief-3 -s null --seed 3", ["null", "seed"]),
    "missing file": ("info nothing.npz", ["nothing.npz"]),
    "truncated npz": ("info truncated.npz", ["truncated.npz"]),
    "empty npz": ("info empty.npz", ["empty.npz"]),
    "pickle": ("info plain-pickle.npz", ["plain-pickle.npz"]),
    "pickled array": ("info object.npz", ["object.npz"]),
    "wrong checksum": ("info altered.npz", ["altered.npz"]),
    "NaN in MPS": ("info nan.mps", ["nan.mps:7"]),
    "unknown row in MPS": ("info unknown-row.mps", ["unknown-row.mps:7", "limt"]),
    "negative coefficient": ("info negative", ["inputs.csv:2"]),
    "unproductive": ("solve unproductive", ["unproductive", "productive", "grain"]),
    "folder without tables": ("info .", ["goods.csv"]),
    "too large": ("info gen:goods=1e9,inputs=100", ["are available", "fewer goods"]),
    "recipe field": ("info gen:good=10", ["good", "goods"]),
    "recipe option": ("generate --goods 100 --structur x -o a.npz", ["--structur", "--structure"]),
    "recipe value": (
        "generate --goods 100 --structure unifrm -o a.npz",
        ["structure", "did you mean 'uniform'?"],
    ),
    "no recipe": ("generate -o a.npz", ["--goods"]),
    "unknown ending": ("generate --goods 100 -o a.foo", ["a.foo", ".npz"]),
    "no such folder": ("generate --goods 100 -o no/where/a.npz", ["no/where"]),
    "plan name": ("solve leontief-3 -o plan.txt", ["plan.txt", ".csv"]),
    "plan folder": ("solve leontief-3 -o no/plan.csv", ["no/plan.csv"]),
    "log folder": ("solve leontief-3 --log no/log.txt", ["no/log.txt"]),
    "plan of the wrong length": ("verify leontief-3 short.npz", ["short.npz", "x"]),
    "plan of another economy": ("verify leontief-3 plan.csv", ["plan.csv:2", "no such activity"]),
    "suite with unknown field": ("bench suite-typo.toml", ["suite-typo.toml", "budget_s"]),
    "suite with wrong value": ("bench suite-value.toml", ["suite-value.toml", "budget_s"]),
    "suite with unknown solver": ("bench suite-solver.toml", ["highs-dss", "highs-ds"]),
    "results that are none": ("report results.jsonl", ["results.jsonl:1"]),
    "no results": ("export nothing.jsonl -o a.csv", ["nothing.jsonl"]),
    "command without file": ("solve leontief-3 -s cmd:solver", ["{mps}"]),
    "empty list of solvers": ("compare leontief-3 --solvers ,", ["--solvers"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_gives_one_helpful_line_and_exit_code_2(case: str, files: Path) -> None:
    line, expected = CASES[case]
    said = planbench(*line.split(), folder=files)
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    for word in expected:
        assert word in said.err


def test_nothing_is_written_when_the_input_is_bad(files: Path, tmp_path: Path) -> None:
    said = planbench("solve", str(files / "nan.mps"), "-o", str(tmp_path / "plan.csv"))
    assert said.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.metadata

    from planbench.cli.main import run

    real = importlib.metadata.version

    def without_ortools(name: str) -> str:
        if name == "ortools":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", without_ortools)
    assert run(["solve", "leontief-3", "-s", "glop"]) == 2
    error = capsys.readouterr().err
    assert "planbench[ortools]" in error
    assert error.count("\n") == 1
