"""``planbench scaling`` and the options of ``planbench report`` on results of known growth."""

from __future__ import annotations

import json

import pytest
from support.command_line import planbench
from support.record_builders import MACHINE, make_ladder, make_suite

from planbench.cli import bench
from planbench.records.not_run import NotRun, write_not_run


def write(path, records):
    path.write_text("".join(r.model_dump_json() + "\n" for r in records))
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    # The builder's tiny instances have a peak as high as its ladders.
    rows = [
        r.model_copy(update={"peak_bytes": 10_000}) if r.group == "golden" else r
        for r in make_suite()
    ]
    return write(tmp_path_factory.mktemp("results") / "quick.jsonl", rows)


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("measure", ["seconds", "passes", "bytes"])
def test_tables_fit_the_terminal(results, columns, measure):
    said = planbench("scaling", str(results), "--measure", measure, columns=columns)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= columns
    assert "…" not in said.out
    for word in ("uniform", "powerlaw", "n^b", "12 million", "12 billion", "charged"):
        assert word in said.out
    assert ("hour" in said.out) == (measure == "seconds")
    assert "change of regime" in " ".join(said.out.split())


def test_json_holds_laws_intervals_and_predictions(tmp_path):
    laws = {"highs-ipm": (2.0, 0.8), "pdlp": (1.2, 0.2)}
    rows = make_ladder(laws=laws, limit=1e4, sizes=(100, 300, 1000, 3000, 10000, 30000))
    path = write(tmp_path / "x.jsonl", rows)
    document = planbench("scaling", str(path), "--json").document
    (ladder,) = document["ladders"]
    found = {s["solver"]: s for s in ladder["solvers"]}
    for solver, (slope, at_1000) in laws.items():
        fit = found[solver]["seconds"]
        assert fit["low"] < slope < fit["high"]
        minute = found[solver]["largest_goods"]["minute"]
        assert minute["low"] <= 1000 * (60 / at_1000) ** (1 / slope) <= minute["high"]
        assert [p["goods"] for p in found[solver]["predicted"]] == [12e6, 12e9]
        assert found[solver]["predicted"][1]["seconds"]["extrapolates"]
    assert found["highs-ipm"]["seconds"]["supported_laws"] == ["n^b"]
    assert {s["solver"] for s in document["scores"]} == set(laws)
    assert {p["solver"] for p in document["profiles"]} == set(laws)


def test_solver_ladder_and_suite_narrow_it_down(results):
    said = planbench(
        "scaling", str(results), "--ladder", "powerlaw", "--solver", "glop", "--suite", "quick",
        "--json", process=True,
    )  # fmt: skip
    (ladder,) = said.document["ladders"]
    assert ladder["ladder"] == "powerlaw"
    assert [s["solver"] for s in ladder["solvers"]] == ["glop"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--measure", "metres"), "--measure: 'metres' is not one of 'seconds', 'passes', 'bytes'"),
        (("--ladder", "x"), "the ladders are"),
        (("--solver", "x"), "the solvers are"),
        (("--suite", "x"), "the results hold quick"),
    ],
)
def test_bad_input_is_one_line(results, arguments, message):
    said = planbench("scaling", str(results), *arguments)
    assert said.code == 2
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_results_without_a_ladder(tmp_path):
    path = write(tmp_path / "x.jsonl", [r for r in make_suite() if r.group == "golden"])
    said = planbench("scaling", str(path))
    assert said.code == 2
    assert "no ladder" in said.err
    assert "files have none" in said.err


def test_report_lists_what_was_not_run(tmp_path):
    pytest.importorskip("altair")
    path = write(tmp_path / "x.jsonl", make_ladder(laws={"pdlp": (1.2, 0.2)}))
    write_not_run(path, [NotRun("quick", "g", "gen:big", "glop", 0, "the budget was spent")])
    assert planbench("report", str(path), process=True).code == 0
    assert "the budget was spent" in path.with_suffix(".html").read_text()


def test_two_files_are_laid_side_by_side_unless_merged(tmp_path):
    pytest.importorskip("altair")
    rows = make_ladder(laws={"pdlp": (1.2, 0.2)})
    first = write(tmp_path / "before.jsonl", rows)
    other = {**MACHINE, "id": "fedcba987654"}
    second = write(
        tmp_path / "after.jsonl", [r.model_copy(update={"machine": other}) for r in rows]
    )
    page = tmp_path / "page.html"
    assert planbench("report", str(first), str(second), "-o", str(page)).code == 0
    assert "before against after" in page.read_text()
    assert "Not comparable in seconds" in page.read_text()
    assert planbench("report", str(first), str(second), "-o", str(page), "--merge").code == 0
    assert "before against after" not in page.read_text()
    said = planbench("report", str(first), str(second), "--figures", str(tmp_path / "f"))
    assert said.code == 0


def test_figures_are_written_and_listed(tmp_path):
    pytest.importorskip("altair")
    path = write(tmp_path / "x.jsonl", make_ladder(laws={"pdlp": (1.2, 0.2)}))
    said = planbench("report", str(path), "--figures", str(tmp_path / "f"), "--json")
    assert said.code == 0, said.err
    figures = json.loads(said.out)["figures"]
    assert str(tmp_path / "f" / "time-uniform.pdf") in figures
    assert all((tmp_path / "f").joinpath(name).stat().st_size > 1000 for name in figures)


@pytest.mark.parametrize("command", ["scaling", "bench"])
def test_verdicts_of_an_older_certificate_are_marked(tmp_path, command, capsys):
    """Growth of runs that certificate 1 certified must not pass for growth of proven answers."""
    rows = make_ladder(sizes=(100, 1000), laws={"highs-ds": (1.0, 1.0)}, scatter=0.0)
    rows = [r.model_copy(update={"certificate_version": 1}) for r in rows]
    if command == "bench":
        bench._show(rows)
        said = capsys.readouterr().out
    else:
        said = planbench("scaling", str(write(tmp_path / "r.jsonl", rows))).out
    assert "†: verdict of certificate 1" in said
