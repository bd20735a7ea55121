"""One run: what the record says of it, and what is refused before it starts."""

import json

import pytest

from planbench.bench import single
from planbench.bench.request import Conditions, InstanceCache, Place, make_request, measurement_key
from planbench.bench.single import solve_once
from planbench.errors import InputError, SolverUnavailableError
from planbench.records.store import to_line
from planbench.solvers import registry
from planbench.solvers.base import SolveOptions, SolverSpec

#: 2.882352…: the optimum of tiny-10 by hand, x = (60, 55)/17, z = 49/17.
OPTIMUM = 49 / 17


@pytest.fixture
def solve(load):
    def run(instance, solver, options=None, place=None, keep_log=None, **more):
        limits = {"time_limit_s": 20.0, "memory_limit_bytes": 1 << 30}
        conditions = Conditions(**{**limits, **more})
        asked = make_request(load(instance), solver, options or SolveOptions(), conditions, place)
        return solve_once(asked, keep_log=keep_log)

    return run


def test_a_right_answer_is_certified_and_fully_recorded(solve):
    outcome = solve("tiny-10", "fake-good", SolveOptions(threads=2), Place("s", "g", 3, "goods", 2))
    record = outcome.record
    assert (record.ended, record.claim, record.verdict) == ("ok", "optimal", "certified")
    assert record.certificate == "exact"
    assert record.objective == pytest.approx(OPTIMUM)
    assert record.lower_bound <= OPTIMUM * (1 + 1e-12)
    assert record.upper_bound >= OPTIMUM * (1 - 1e-12)
    assert record.raw_gap < 1e-9
    assert (record.suite, record.group, record.repeat) == ("s", "g", 3)
    assert (record.variable, record.value) == ("goods", 2)
    assert record.options == {"threads": 2}
    assert record.native_options == {"limit": "inf"}
    assert (record.instance.goods, record.instance.rows, record.instance.columns) == (2, 3, 3)
    assert record.instance.recipe == {"amount": "10"}
    cost = {p.name: p.wall_s for p in record.phases}
    assert record.wall_s == pytest.approx(cost["load"] + cost["solve"] + cost["extract"])
    assert {"read", "assemble", "calibrate", "certify"} <= set(cost)
    mean = (record.pass_s_before + record.pass_s_after) / 2
    assert record.matrix_passes == pytest.approx(cost["solve"] / mean)
    assert record.cpu_s > 0
    assert 0 <= record.wait_s <= record.wall_s
    assert record.peak_bytes > 1 << 20
    assert record.memory_limit_bytes == 1 << 30
    assert record.time_limit_s == 20.0
    assert record.machine["id"]
    assert record.packages["planbench"]
    assert record.started_at.endswith("+00:00")
    json.loads(to_line(record))
    assert outcome.plan.z == pytest.approx([OPTIMUM])
    assert outcome.plan.p @ [1.0, 1.0] == pytest.approx(1.0)
    assert outcome.x.shape == (3,)
    assert outcome.row_duals.shape == (3,)


def test_nan_is_judged_wrong_and_never_written(solve):
    """NaN in a results file would break every reader; hidden, it would look like no answer."""
    outcome = solve("tiny-10", "fake-nan")
    record = outcome.record
    assert (record.ended, record.verdict, record.objective) == ("ok", "wrong", None)
    assert "the solver claimed the objective nan" in record.notes
    assert b"NaN" not in to_line(record)


def test_a_general_program_is_judged_too(solve):
    outcome = solve("lp", "fake-good")
    assert outcome.record.verdict == "certified"
    assert outcome.record.objective == pytest.approx(4.0)
    assert outcome.record.instance.goods is None
    assert outcome.plan is None


def test_a_failure_is_a_row_with_what_it_cost(solve):
    record = solve("tiny-10", "fake-sleepy", time_limit_s=0.2).record
    assert (record.ended, record.verdict, record.claim) == ("timeout", None, None)
    assert record.wall_s >= 0.2
    assert record.cpu_s is None
    assert record.pass_s_before > 0
    assert record.matrix_passes is None
    assert record.phases[-1].name == "solve"
    assert record.message.startswith("not done after 0.2 s")
    json.loads(to_line(record))


def test_the_solver_is_told_the_limit_unless_it_is_set_by_hand(solve):
    told = solve("tiny-10", "fake-tells-limit").record
    assert told.notes == ["told 20.0 s"]
    assert told.options == {}
    by_hand = solve("tiny-10", "fake-tells-limit", SolveOptions(time_limit=3.0)).record
    assert by_hand.notes == ["told 3.0 s"]
    assert by_hand.options == {"time_limit": 3.0}


def test_stock_is_passed_on(solve):
    assert solve("tiny-10", "fake-tells-stock:stock").record.notes == ["stock True"]
    assert solve("tiny-10", "fake-tells-stock").record.notes == ["stock False"]


def test_a_disturbed_machine_is_marked(solve, monkeypatch):
    monkeypatch.setattr(
        single, "is_disturbed", lambda before, after, wait, wall: min(before, after, wall) > 0
    )
    assert solve("tiny-10", "fake-good").record.disturbed
    monkeypatch.setattr(single, "is_disturbed", lambda *facts: False)
    assert not solve("tiny-10", "fake-good").record.disturbed


def test_the_log_is_handed_back_and_kept(solve, tmp_path):
    outcome = solve("tiny-10", "fake-talks", keep_log=tmp_path / "log")
    assert outcome.log == "iteration 1\nwarning: slow\npython says done\n"
    assert (tmp_path / "log").read_text() == outcome.log
    with pytest.raises(InputError, match="there is no folder"):
        solve("tiny-10", "fake-talks", keep_log=tmp_path / "no" / "log")


def test_nothing_is_left_in_the_temporary_folder(solve, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    solve("tiny-10", "fake-good")
    solve("tiny-10", "fake-abort")
    assert list(tmp_path.iterdir()) == []


def test_unknown_solvers_and_lacking_options_are_refused_before_anything_runs(solve, monkeypatch):
    monkeypatch.setattr(single, "run_job", lambda *a, **k: pytest.fail("something ran"))
    with pytest.raises(InputError, match="unknown solver 'higs-ds'; did you mean highs-ds"):
        solve("tiny-10", "higs-ds")
    with pytest.raises(InputError, match="null has no option 'tolerance'"):
        solve("tiny-10", "null", SolveOptions(tolerance=1e-6))
    spec = SolverSpec("gone", "x", "x", "x", ("no-such-distribution",), extra="gone")
    monkeypatch.setattr(registry, "find_solver", lambda name: registry.ChosenSolver(name, spec))
    with pytest.raises(SolverUnavailableError, match=r"gone is not available: needs no-such"):
        registry.choose_solver("gone")


def test_the_key_is_the_instance_the_solver_and_the_options():
    plain = SolveOptions()
    key = measurement_key("a", "s", plain)
    assert key == measurement_key("a", "s", SolveOptions())
    others = [
        measurement_key("b", "s", plain),
        measurement_key("a", "t", plain),
        measurement_key("a", "s", SolveOptions(tolerance=1e-6)),
        measurement_key("a", "s", SolveOptions(native={"presolve": "off"})),
        measurement_key("a", "s", SolveOptions(native={"presolve": "on"})),
    ]
    assert len({key, *others}) == 6


def test_an_instance_is_written_once_and_dropped(load, tmp_path):
    cache = InstanceCache(tmp_path)
    first = cache.path(load("tiny-10"))
    stamp = first.stat().st_mtime_ns
    assert cache.path(load("tiny-10")) == first
    assert first.stat().st_mtime_ns == stamp
    assert cache.path(load("tiny-11")) != first
    cache.drop(load("tiny-10"))
    assert not first.exists()
    cache.drop(load("tiny-10"))
