"""Comparisons with real workers: rows, resuming, dead sides, budgets, other commits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.record_builders import make_record

from planbench.bench.request import WorkerEnvironment
from planbench.catalogue.resolve import load_instance
from planbench.comparison import ab
from planbench.comparison.ab import Prepared, Runner, Settings, check_differ, compare_sides
from planbench.comparison.paired import Measurement
from planbench.comparison.sides import parse_side
from planbench.errors import InputError, SolverUnavailableError
from planbench.measure.launch import Interpreter
from planbench.records.store import read_records
from planbench.stats.paired import Schedule

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = str(Path(__file__).with_name("steady_adapter.py"))
CASE = Measurement("kantorovich-lathes", "steady")
QUICK = Settings(
    schedule=Schedule(least_effect=0.2, looks=(3, 6)),
    measure="cpu",
    control=None,
    time_limit_s=20,
    memory_limit_bytes=2 << 30,
)
FAST, SLOW = parse_side("seconds=0.1"), parse_side("seconds=0.3")


@pytest.fixture(scope="module", autouse=True)
def adapter():
    """Make the steady solver known, here and in workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANBENCH_ADAPTERS", ADAPTER)
        yield


def compare(a, b, store, settings=QUICK, case=CASE, **more):
    return compare_sides(a, b, [case], store, settings, **more)


@pytest.fixture(scope="module")
def tripled(adapter, tmp_path_factory):
    store = tmp_path_factory.mktemp("ab") / "ab.jsonl"
    return compare(FAST, SLOW, store), store


def test_three_times_the_work_is_found_to_be_slower(tripled):
    comparison, _ = tripled
    (verdict,) = comparison.results
    assert verdict.verdict == "worse"
    assert comparison.exit_code == 1
    assert verdict.ratio is not None
    assert 2 < verdict.ratio.ratio < 4


def test_every_run_is_a_row_that_names_its_side(tripled):
    comparison, store = tripled
    rows = read_records(store)
    assert len(rows) == 2 * comparison.pairs_made
    assert {(r.suite, r.group, r.variable) for r in rows} == {
        ("ab", "seconds=0.1 vs seconds=0.3", "side")
    }
    sides = "".join(str(r.value) for r in rows)
    blocks = {sides[i : i + 4] for i in range(0, len(sides) - 3, 4)}
    assert blocks <= {"abba", "baab"}  # a drift of the machine falls on both sides alike


def test_the_same_command_again_runs_nothing_and_says_the_same(tripled, tmp_path):
    comparison, store = tripled
    copy = tmp_path / "ab.jsonl"
    copy.write_bytes(store.read_bytes())
    again = compare(FAST, SLOW, copy)
    assert (again.pairs_made, again.pairs_found) == (0, comparison.pairs_made)
    assert again.results == comparison.results
    # Turned round it is another comparison.
    with pytest.raises(KeyboardInterrupt):
        compare(SLOW, FAST, copy, progress=interrupt_at(1))


def interrupt_at(pairs):
    def progress(what, done, most, left):
        if done == pairs:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_comparison_carries_on(tmp_path):
    store = tmp_path / "ab.jsonl"
    with pytest.raises(KeyboardInterrupt):
        compare(FAST, SLOW, store, progress=interrupt_at(2))
    kept = len(read_records(store))
    assert kept >= 4
    done = compare(FAST, SLOW, store)
    assert done.pairs_found == 2
    assert done.results[0].verdict == "worse"
    repeats = [(r.repeat, r.value) for r in read_records(store)]
    assert len(set(repeats)) == len(repeats)


def test_a_side_that_dies_is_a_finding_and_its_rows_are_kept(tmp_path):
    store = tmp_path / "ab.jsonl"
    dying = parse_side("solver=dies,seconds=0.1")
    comparison = compare(parse_side("seconds=0.1"), dying, store)
    (verdict,) = comparison.results
    assert (verdict.layer, verdict.verdict, comparison.exit_code) == ("outcomes", "worse", 1)
    assert "→ crash; died of SIGSEGV" in verdict.reason
    assert [r.ended for r in read_records(store) if r.value == "b"] == ["crash"] * verdict.pairs


def test_a_spent_budget_ends_it_undecided(tmp_path):
    now = iter(range(0, 100_000, 40))
    settings = replace(QUICK, budget_s=100.0)
    comparison = compare(
        FAST, SLOW, tmp_path / "ab.jsonl", settings, clock=lambda: float(next(now))
    )
    assert comparison.budget_spent
    assert comparison.results[0].verdict == "unclear"
    assert comparison.exit_code == 2


@pytest.mark.slow
def test_the_control_runs_beside_each_run_and_is_kept_apart(tmp_path):
    store = tmp_path / "ab.jsonl"
    control = Measurement("kantorovich-lathes", "scipy-highs-ds")
    settings = replace(QUICK, control=control, schedule=Schedule(0.2, looks=(3,)))
    comparison = compare(FAST, SLOW, store, settings)
    (verdict,) = comparison.results
    assert verdict.control is not None
    assert verdict.control.n == verdict.pairs
    rows = read_records(store)
    beside = [r for r in rows if r.solver == "scipy-highs-ds"]
    assert len(beside) == len(rows) / 2
    assert {r.group for r in beside}.isdisjoint(r.group for r in rows if r not in beside)


@pytest.mark.parametrize(
    ("side", "case", "words"),
    [
        ("presolve=off", Measurement("kantorovich-lathes", "no-such-solver"), "unknown solver"),
        ("threads=2", Measurement("kantorovich-lathes", "null"), "has no option 'threads'"),
        ("git:no-such-branch", Measurement("kantorovich-lathes", "null"), "git"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_runs(tmp_path, side, case, words):
    settings = QUICK
    with pytest.raises((InputError, SolverUnavailableError), match=words):
        compare(parse_side("here"), parse_side(side), tmp_path / "x.jsonl", settings, case)
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_a_commit_runs_its_own_planbench(tmp_path):
    """The row must say which commit ran, and the worker must not find this checkout."""
    settings = replace(
        QUICK,
        schedule=Schedule(0.2, looks=(2,)),
        measure="time",
        may_be_same=True,
        cache=tmp_path / "cache",
    )
    comparison = compare(
        parse_side("git:HEAD"),
        parse_side("here"),
        tmp_path / "ab.jsonl",
        settings,
        Measurement("kantorovich-lathes", "null"),
        load=load_instance,
    )
    commit = comparison.environments[0].removeprefix("git:")
    assert len(commit) == 40
    rows = read_records(tmp_path / "ab.jsonl")
    assert {r.ended for r in rows} == {"ok"}
    assert {r.commit for r in rows if r.value == "a"} == {commit}
    assert (tmp_path / "cache" / "source" / commit / "planbench" / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("made_with", "now", "counts"),
    [("c1", "c1", True), ("c0", "c1", False), ("c1-dirty",) * 2 + (False,)],
)
def test_runs_of_code_that_may_have_changed_are_not_taken_over(made_with, now, counts, monkeypatch):
    """Editing planbench and comparing again must not show the verdict on what it was before."""
    row = make_record(suite="ab", variable="side", value="b", commit=made_with, packages={})
    here = Prepared(parse_side("here"), "b", None, {})
    commit = Prepared(parse_side("git:HEAD"), "a", None, {})
    run = Runner.__new__(Runner)
    run.settings = QUICK
    monkeypatch.setattr(ab, "git_commit", lambda: now)
    run.sides = (commit, here)
    assert run._is_same(row, here) is counts
    run.sides = (replace(here, letter="a"), here)  # options of one solver: the code is on both
    assert run._is_same(row, here)


# -- sides between which nothing differs -----------------------------------------------------


def prepared(text, letter, version="1.15.1", files="f1", commit="c1"):
    side = parse_side(text)
    contents = {"highspy": (version, files), "numpy": ("2.0", "n")}
    if not side.is_elsewhere:
        return Prepared(side, letter, None, {"highspy": version}, contents)
    there = WorkerEnvironment(text, Interpreter(), {"highspy": version}, commit)
    return Prepared(side, letter, there, {"highspy": version}, contents)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("highspy==1.15.1",), ("here",)),
        (("highspy>=1.14",), ("highspy==1.15.1",)),
        (("highspy @ https://x/h",), ("highspy==1.15.1",)),
        (("here",), ("here",)),
        (("git:HEAD",), ("here",)),
        (("git:HEAD",), ("git:main",)),
        (("threads=2",), ("threads=2,highspy==1.15.1",)),
    ],
)
def test_two_sides_that_are_the_same_are_refused(a, b):
    """A pull request would be green for a comparison of one thing with itself."""
    case = Measurement("kantorovich-lathes", "highs-ds")
    with pytest.raises(InputError, match="are the same"):
        check_differ(prepared(*a, "a"), prepared(*b, "b"), [case], QUICK, "c1")


@pytest.mark.parametrize(
    ("a", "b", "changes"),
    [
        ("highspy==1.15.1", "here", {"files": "f2"}),  # a rebuilt wheel keeps its version
        ("highspy==1.14.0", "here", {"version": "1.14.0"}),
        ("highspy==1.15.1", "here", {"files": ""}),  # not known to be the same
        ("git:HEAD", "here", {"commit": "c0"}),
        ("presolve=on", "presolve=off", {}),
        ("here", "solver=highs-ipm", {}),
    ],
)
def test_two_sides_that_differ_in_anything_are_compared(a, b, changes):
    case = Measurement("kantorovich-lathes", "highs-ds")
    check_differ(prepared(a, "a", **changes), prepared(b, "b"), [case], QUICK, "c1")


def test_nothing_is_run_for_two_equal_sides(tmp_path):
    settings = QUICK
    with pytest.raises(InputError, match="here and here are the same"):
        compare(
            parse_side("here"), parse_side("here"), tmp_path / "x.jsonl", settings,
            Measurement("kantorovich-lathes", "highs-ds"),
        )  # fmt: skip
    with pytest.raises(InputError, match="does not use scipy"):
        compare(
            parse_side("scipy==1.15.0"), parse_side("scipy==1.16.0"), tmp_path / "x.jsonl",
            settings, Measurement("kantorovich-lathes", "highs-ds"),
        )  # fmt: skip
    assert not (tmp_path / "x.jsonl").exists()
