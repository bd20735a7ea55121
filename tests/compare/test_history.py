"""Histories: planted steps are found and dated, noise and other machines make none."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.record_builders import MACHINE, make_record

from planbench.cli.main import run
from planbench.comparison.history import read_history
from planbench.errors import InputError
from planbench.records.schema import Record
from planbench.records.store import to_line

SLOWER_FROM, MORE_FROM = 12, 15


def nightly(k: int, *, slower: float = 1.3, more: int = 1, seed: int = 7) -> list[Record]:
    """Return one night's run: pdlp is slower from one night on, highs-ds iterates more."""
    rng = np.random.default_rng([seed, k])
    rows = []
    for solver in ("highs-ds", "pdlp"):
        for instance in ("tiny", "gen:goods=1000"):
            factor = slower if solver == "pdlp" and k >= SLOWER_FROM else 1.0
            extra = more if solver == "highs-ds" and k >= MORE_FROM else 0
            time, memory = np.exp([0.02, 0.01] * rng.standard_normal(2))
            rows.append(
                make_record(
                    solver,
                    instance,
                    matrix_passes=float(1000 * factor * time),
                    peak_bytes=int(2e7 * memory),
                    iterations={"simplex": 120 + extra},
                    started_at=f"2026-10-{k + 1:02d}T03:00:00+00:00",
                    commit=f"{k + 1:02x}" * 20,
                    packages={"highspy": "1.15.1" if k < SLOWER_FROM else "1.16.0"},
                )
            )
    return rows


def test_planted_steps_are_found_and_dated_with_what_changed() -> None:
    files = [(f"{k:02d}.jsonl", nightly(k)) for k in range(20)]
    found = read_history(files[::-1])
    steps = {(s.solver, s.instance, s.measure): c for s in found.series for c in s.steps}
    assert set(steps) == {
        *(("pdlp", i, "passes") for i in ("tiny", "gen:goods=1000")),
        *(("highs-ds", i, "iterations") for i in ("tiny", "gen:goods=1000")),
    }
    slow = steps[("pdlp", "tiny", "passes")]
    assert slow.ratio == pytest.approx(1.3, rel=0.03)
    assert slow.when.startswith(f"2026-10-{SLOWER_FROM + 1}")
    assert "highspy 1.15.1 → 1.16.0" in slow.changed
    more = steps[("highs-ds", "tiny", "iterations")]
    assert (more.before, more.after) == (120, 121)
    assert more.to_commit == f"{MORE_FROM + 1:02x}" * 20


def test_noise_alone_makes_hardly_any_step() -> None:
    steps = 0
    for seed in range(10):
        files = [("", nightly(k, slower=1.0, more=0, seed=seed)) for k in range(25)]
        steps += sum(len(s.steps) for s in read_history(files).series)
    assert steps <= 1  # of 80 series of passes and memory


def test_another_machine_is_left_out_and_told() -> None:
    """A move to a faster machine must not look like a faster solver."""
    other = {**MACHINE, "id": "ffffffffffff", "cpu": "Other CPU"}
    files = []
    for k in range(20):
        rows = nightly(k, slower=1.0, more=0)
        if k >= 14:
            rows = [
                r.model_copy(update={"machine": other, "matrix_passes": (r.matrix_passes or 0) / 3})
                for r in rows
            ]
        files.append((f"{k}.jsonl", rows))
    found = read_history(files)
    assert found.runs == 14
    assert not any(s.steps for s in found.series)
    assert "Other CPU" in found.notes[0]
    assert read_history(files, machine="fff").runs == 6
    with pytest.raises(InputError, match="--machine"):
        read_history(files, machine="abc")


def test_disturbed_runs_are_no_points() -> None:
    files = []
    for k in range(12):
        rows = nightly(k, slower=1.0, more=0)
        if k == 6:
            rows = [r.model_copy(update={"disturbed": True, "matrix_passes": 9e9}) for r in rows]
        files.append((str(k), rows))
    found = read_history(files)
    assert {len(s.points) for s in found.series if s.measure == "passes"} == {11}
    assert {len(s.points) for s in found.series if s.measure == "iterations"} == {12}


def test_runs_in_one_file_are_told_apart() -> None:
    """A file that every night's run was appended to holds as many runs as nights."""
    everything = [row for k in range(20) for row in nightly(k)]
    found = read_history([("all.jsonl", everything)])
    assert found.runs == 20
    assert sum(len(s.steps) for s in found.series) == 4
    same = [r.model_copy(update={"commit": None, "packages": {}}) for r in everything]
    assert read_history([("all.jsonl", same)]).runs == 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of nightly runs, some of them in a folder within."""
    runs = tmp_path / "nightly"
    (runs / "early").mkdir(parents=True)
    for k in range(20):
        path = (runs / "early" if k < 5 else runs) / f"{k:02d}.jsonl"
        path.write_bytes(b"".join(map(to_line, nightly(k))))
    return runs


def test_the_command_names_steps_and_writes_a_page_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("vl_convert")
    assert run(["history", str(folder)]) == 0
    said = capsys.readouterr()
    shown = " ".join(said.out.split())
    assert "2026-10-13" in shown
    assert "1.15.1 → 1.16.0" in shown or "highspy" in shown
    assert "12 series over 20 runs" in said.err
    page = (folder.parent / "nightly.html").read_text()
    assert page.count('class="chart"') == 6
    assert not re.findall(r'(?:src|href)="https?://', page)
    specs = [
        json.loads(text)
        for text in re.findall(r'<script type="application/json">(.*?)</script>', page)
    ]
    assert len(specs) == 6
    # The planted steps are drawn as rules in the charts they belong to, and nowhere else.
    ruled = [s for s in specs if any(layer["mark"].get("type") == "rule" for layer in s["layer"])]
    assert len(ruled) == 4


def test_json_holds_every_point_and_step(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        ["history", str(folder), "--json", "--no-page", "--measure", "passes", "--solver", "pdlp"]
    )
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [len(s["points"]) for s in document["series"]] == [20, 20]
    assert [len(s["steps"]) for s in document["series"]] == [1, 1]
    assert document["series"][0]["steps"][0]["to_commit"] == f"{SLOWER_FROM + 1:02x}" * 20
    assert not (folder.parent / "nightly.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["nowhere", "does not exist"]),
        (["."], ["no results files"]),
        (["nightly", "--measure", "speed"], ["--measure", "passes, seconds"]),
        (["nightly", "--solver", "cplex"], ["--solver", "highs-ds, pdlp"]),
        (["nightly", "--instance", "big"], ["--instance", "tiny"]),
        (["nightly", "--machine", "zz"], ["--machine", "012345"]),
        (["nightly", "--least-effect", "-1"], ["--least-effect"]),
        (["broken"], ["broken", "x.jsonl:1"]),
    ],
)
def test_bad_input_gives_one_line(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: list[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.jsonl").write_text("nothing\n")
    shutil.copytree(folder, tmp_path / "empty" / "nightly")
    monkeypatch.chdir(tmp_path)
    if arguments == ["."]:
        monkeypatch.chdir(tmp_path / "broken")
        (tmp_path / "broken" / "x.jsonl").unlink()
    code = run(["history", *arguments])
    said = capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1), said.err
    for word in words:
        assert word in said.err
