"""The self-test of comparisons: its injected slowdown is real, its counting right.

``PLANBENCH_FULL`` runs it in full, with real solves, as the committed record was made.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import selftest
from selftest import (
    ADAPTER,
    FULL,
    MACHINES,
    SHORT,
    Trial,
    run_selftest,
    simulate,
    simulate_pairs,
)
from slowed import NAME

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import solve_once
from planbench.catalogue.resolve import load_instance
from planbench.solvers.base import SolveOptions
from planbench.stats.paired import Schedule

RECORD = Path(__file__).parents[2] / "results" / "verification" / "selftest.json"


def test_hardly_any_false_alarm_and_every_slowdown_found_on_steady_machines():
    """The shorter, seeded version of the full run: 1 in 100 at most, whatever the machine."""
    counts = simulate(SHORT.simulated, 3, Schedule())
    alarms = sum(c["worse"] + c["better"] for c in counts["0"].values())
    assert alarms <= SHORT.simulated / 100
    for share in ("0.1", "0.2"):
        for machine in ("steady (1 %)", "busy (5 %)", "drift", "two clocks"):
            found = counts[share][machine]
            assert found["worse"] >= 0.95 * sum(found.values()), (share, machine)


def test_a_gate_without_statistics_would_fail_here():
    """The simulated machines are hard: means of three runs raise false alarms on most of them."""
    rng = np.random.default_rng(5)
    for machine in ("busy (5 %)", "bursts", "two clocks"):
        alarms = 0
        for _ in range(200):
            a, b = simulate_pairs(machine, 3, 1.0, rng)
            alarms += abs(b.mean() / a.mean() - 1) > 0.05
        assert alarms > 10, machine


def test_drift_falls_on_both_sides_alike():
    rng = np.random.default_rng(6)
    logs = [
        np.log(np.divide(*simulate_pairs("drift", 32, 1.0, rng)[::-1])).mean() for _ in range(200)
    ]
    assert abs(np.mean(logs)) < 4 * np.std(logs) / np.sqrt(len(logs))
    assert set(MACHINES) >= {"drift"}


@pytest.mark.alone
@pytest.mark.slow
def test_the_injected_slowdown_is_extra_cpu_time_of_that_share():
    """CPU seconds of phase solve, half as much again; nothing sleeps."""
    instance = load_instance("gen:goods=350,inputs=10,techniques=2,resources=5,seed=17")

    def cpu(share):
        conditions = Conditions(60, 2 << 30, polish=False)
        record = solve_once(
            make_request(instance, NAME, SolveOptions(native={"slowdown": share}), conditions)
        ).record
        assert record.verdict == "certified", record.message
        assert record.native_options["slowdown"] == share
        return next(p.cpu_s for p in record.phases if p.name == "solve")

    ratios = [cpu(0.5) / cpu(0.0) for _ in range(3)]
    assert 1.3 < float(np.median(ratios)) < 1.7


def test_a_bad_share_is_refused():
    instance = load_instance("kantorovich-lathes")
    conditions = Conditions(60, 2 << 30, polish=False)
    request = make_request(instance, NAME, SolveOptions(native={"slowdown": "much"}), conditions)
    record = solve_once(request).record
    assert record.ended == "refused"
    assert "slowdown: is 'much'" in record.message


@pytest.fixture(autouse=True)
def adapter(monkeypatch):
    """Make the slowed solver known, here and in workers."""
    monkeypatch.setenv("PLANBENCH_ADAPTERS", ADAPTER)


def trial(slowdown, verdict, seconds=1.3):
    return Trial(slowdown, verdict, 1.0, 0.9, 1.1, 6, 0, seconds)


def test_counting_knows_alarms_misses_and_runs_that_were_too_short(monkeypatch):
    none = {"worse": 0, "better": 0, "same": 100, "unclear": 0}

    def judge(trials, alarms=0):
        counts = {"0": {"steady (1 %)": {**none, "better": alarms}}}
        return [c.met for c in selftest._criteria(counts, trials)]

    good = [trial(0.0, "same")] * 20 + [trial(0.1, "worse")] * 19 + [trial(0.1, "same")]
    assert judge(good) == [True, True, True, True]
    assert judge(good, alarms=2)[0] is False
    assert judge([*good, trial(0.0, "worse")])[1] is False
    assert judge([*good, trial(0.1, "unclear")])[2] is False  # 19 of 21
    assert judge([*good, trial(0.1, "worse", seconds=0.9)])[3] is False
    assert judge([trial(0.2, "worse")] * 19 + [trial(0.2, "unclear")])[1] is False


def test_the_record_that_is_committed_was_met_in_full():
    if not RECORD.exists():
        pytest.skip("no record is committed yet")
    document = json.loads(RECORD.read_text())
    assert document["passed"]
    assert document["machine"]["cpu"]
    trials = document["trials"]
    assert sum(t["slowdown"] == 0 for t in trials) >= 20
    for share in (0.1, 0.2):
        assert sum(t["slowdown"] == share for t in trials) >= 20
    assert sum(sum(c.values()) for c in document["simulated"]["0"].values()) >= 300


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not os.environ.get("PLANBENCH_FULL"), reason="some 20 minutes")
def test_in_full_on_this_machine(capsys):
    with capsys.disabled():
        found = run_selftest(FULL, progress=print)
    RECORD.write_text(json.dumps(found.document(), indent=1) + "\n")
    assert found.passed, [c for c in found.criteria if not c.met]


def test_simulation_alone_needs_no_solver(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(selftest, "SHORT", replace(SHORT, simulated=20))
    record = tmp_path / "record.json"
    assert selftest.main(["--no-real", "--out", str(record)]) == 0
    document = json.loads(record.read_text())
    assert document["passed"]
    assert [c["what"] for c in document["criteria"]] == ["false alarms, simulated"]
    assert "false alarms, simulated: 0 of 20, required at most 1 %: met" in capsys.readouterr().out
