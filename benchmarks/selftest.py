"""How often is a verdict of ``planbench ab`` wrong? False alarms and misses on this machine.

    python benchmarks/selftest.py               # some minutes
    python benchmarks/selftest.py --no-real     # simulated machines only
    python benchmarks/selftest.py --full --out results/verification/selftest.json

Equal sides are compared again and again, on simulated machines and really; so are sides of which
one is slower by a known share (``slowed.py``). A verdict "worse" or "better" on equal sides is a
false alarm, any verdict but "worse" on a slowed side is a miss. Exit code 0: everything required
is met; 1: too many false alarms or misses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from slowed import NAME, SLOWDOWN

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import solve_once
from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.comparison.ab import Settings, compare_sides
from planbench.comparison.paired import Measurement, amount
from planbench.comparison.sides import parse_side
from planbench.errors import InputError, PlanbenchError
from planbench.formatting import plural
from planbench.io.files import write_text
from planbench.io.scratch import scratch_folder
from planbench.measure.machine import describe_machine, git_commit, package_versions
from planbench.model.arrays import FloatArray
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import ADAPTERS_VARIABLE
from planbench.stats.paired import PairedRatio, Schedule

ADAPTER = str(Path(__file__).with_name("slowed.py"))
#: Shares that are injected, and the share of them that must be found.
REQUIRED = {0.10: 0.95, 0.20: 1.0}
#: False alarms allowed, as a share of the comparisons of equal sides.
ALLOWED_ALARMS = 0.01
#: A run with an injected slowdown takes at least so long; one of equal sides at least so long.
LEAST_RUN_S, LEAST_EQUAL_S = 1.0, 0.25
#: Sizes tried for an instance that takes long enough here.
GOODS = (250, 350, 500, 700, 850, 1000, 1200, 1450, 1750, 2100, 2600, 3200, 4000, 5000)
RECIPE = "gen:goods={},inputs=10,techniques=2,resources=5,seed=17"
#: One comparison may take so long.
BUDGET_S = 120.0


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes
    ----------
    simulated : int
        Comparisons of equal sides on simulated machines; as many of each slowdown.
    equal, slowed : int
        Real comparisons of equal sides, and of each slowdown.
    """

    simulated: int
    equal: int
    slowed: int


#: What the claims rest on, and a shorter one for every day.
FULL = Effort(simulated=5000, equal=20, slowed=20)
SHORT = Effort(simulated=300, equal=2, slowed=2)


@dataclass(frozen=True)
class Trial:
    """One real comparison.

    Attributes
    ----------
    slowdown : float
        Share injected on the second side; 0 for equal sides.
    verdict : str
    ratio, low, high : float or None
    pairs, disturbed : int
    seconds : float or None
        Median time of a run of the first side.
    """

    slowdown: float
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    pairs: int
    disturbed: int
    seconds: float | None


@dataclass(frozen=True)
class Criterion:
    """One thing that must hold.

    Attributes
    ----------
    what : str
    count, of : int
        How often it happened, of how many.
    required : str
    met : bool
    """

    what: str
    count: int
    of: int
    required: str
    met: bool


@dataclass(frozen=True)
class SelfTest:
    """What a self-test came to.

    Attributes
    ----------
    criteria : tuple of Criterion
    simulated : mapping
        By slowdown and machine: how many of how many were called slower, faster, the same.
    trials : tuple of Trial
    instances : mapping of str to str
        Instances of the real comparisons.
    facts : mapping
        Machine, versions, commit, schedule, seed, start and seconds taken.
    """

    criteria: tuple[Criterion, ...]
    simulated: dict[str, dict[str, dict[str, int]]]
    trials: tuple[Trial, ...]
    instances: dict[str, str]
    facts: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return all(criterion.met for criterion in self.criteria)

    def document(self) -> dict[str, Any]:
        """Return everything in JSON's own types."""
        return {
            "passed": self.passed,
            "criteria": [asdict(c) for c in self.criteria],
            **self.facts,
            "instances": self.instances,
            "simulated": self.simulated,
            "trials": [asdict(t) for t in self.trials],
        }


def run_selftest(
    effort: Effort = SHORT,
    *,
    seed: int = 0,
    schedule: Schedule | None = None,
    progress: Callable[[str], None] | None = None,
) -> SelfTest:
    """Try comparisons whose right verdict is known.

    Parameters
    ----------
    effort : Effort
    seed : int
        Of the simulated run times, and of the order of the real ones.
    schedule : Schedule, optional
        That of ``planbench ab`` if not given.
    progress : callable, optional
        Called with a line on each trial.

    Returns
    -------
    SelfTest

    Raises
    ------
    PlanbenchError
        When no instance takes long enough here, or HiGHS cannot run.
    """
    schedule = schedule or Schedule()
    tell = progress or (lambda line: None)
    os.environ[ADAPTERS_VARIABLE] = ADAPTER
    began = monotonic()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    simulated = simulate(effort.simulated, seed, schedule)
    tell(f"{effort.simulated} simulated comparisons of each kind in {monotonic() - began:.0f} s")
    trials: list[Trial] = []
    instances: dict[str, str] = {}
    if effort.equal:
        instances["equal"] = _instance(LEAST_EQUAL_S, tell)
        trials += _trials(instances["equal"], 0.0, effort.equal, seed, schedule, tell)
    if effort.slowed:
        instances["slowed"] = _instance(LEAST_RUN_S, tell)
        for share in REQUIRED:
            trials += _trials(instances["slowed"], share, effort.slowed, seed, schedule, tell)
    facts = {
        "started_at": started,
        "elapsed_s": monotonic() - began,
        "seed": seed,
        "schedule": asdict(schedule),
        "machine": describe_machine(),
        "packages": package_versions(),
        "commit": git_commit(),
    }
    criteria = _criteria(simulated, trials)
    return SelfTest(criteria, simulated, tuple(trials), instances, facts)


def decide(
    schedule: Schedule, baseline: Sequence[float], candidate: Sequence[float]
) -> PairedRatio:
    """Give the verdict that a comparison stopping at the first clear look would give.

    Parameters
    ----------
    schedule : Schedule
    baseline, candidate : sequence of float
        As many pairs as the last look, or as were made.

    Returns
    -------
    PairedRatio
        Of the look at which it stopped; its ``n`` says which.
    """
    for pairs in schedule.looks:
        if pairs > len(baseline):
            break
        found = schedule.look(baseline[:pairs], candidate[:pairs])
        if found.verdict != "unclear":
            return found
    return schedule.look(baseline, candidate)


_Draw = Callable[[np.random.Generator, int], FloatArray]


def _steady(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 0.01, n)


def _busy(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 0.05, n)


def _bursts(rng: np.random.Generator, n: int) -> FloatArray:
    """One run in ten takes up to twice as long."""
    hit = rng.random(n) < 0.1
    return rng.normal(0.0, 0.01, n) + hit * rng.uniform(0.1, 0.7, n)


def _drift(rng: np.random.Generator, n: int) -> FloatArray:
    """Drift as a machine that warms up does: a random walk, and half a per cent per run."""
    return 0.005 * np.arange(n) + np.cumsum(rng.normal(0.0, 0.01, n)) + rng.normal(0, 0.01, n)


def _two_clocks(rng: np.random.Generator, n: int) -> FloatArray:
    """Two clock speeds 10 % apart; each run changes over with probability 0.3."""
    return 0.1 * (np.cumsum(rng.random(n) < 0.3) % 2) + rng.normal(0.0, 0.005, n)


#: Logarithms of the run times of n runs one after the other, by the kind of machine.
MACHINES: dict[str, _Draw] = {
    "steady (1 %)": _steady,
    "busy (5 %)": _busy,
    "bursts": _bursts,
    "drift": _drift,
    "two clocks": _two_clocks,
}


def simulate_pairs(
    machine: str, pairs: int, slowdown: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw the run times of two sides that are run in blocks A B B A.

    Parameters
    ----------
    machine : str
        Key of :data:`MACHINES`.
    pairs : int
    slowdown : float
        How many times as long side b takes, > 0.
    rng : Generator

    Returns
    -------
    a, b : ndarray, shape (pairs,)
        Seconds; a run of side a on an undisturbed machine takes one.

    Raises
    ------
    InputError
        On an unknown machine.
    """
    if machine not in MACHINES:
        raise InputError(f"is {machine!r}; known are {', '.join(MACHINES)}", where="machine")
    runs = np.exp(MACHINES[machine](rng, 2 * pairs)).reshape(pairs, 2)
    # A block is two pairs, the second turned round; which side begins is drawn for each.
    first_is_b = np.repeat(rng.integers(2, size=(pairs + 1) // 2), 2)[:pairs].astype(bool)
    first_is_b[1::2] ^= True
    a = np.where(first_is_b, runs[:, 1], runs[:, 0])
    b = np.where(first_is_b, runs[:, 0], runs[:, 1])
    return a, slowdown * b


def simulate(number: int, seed: int, schedule: Schedule) -> dict[str, dict[str, dict[str, int]]]:
    """Compare simulated sides, equal ones and slowed ones, the machines taking turns.

    Returns
    -------
    dict
        By slowdown (``0``, ``0.1`` …), then machine, then verdict: how often.
    """
    out: dict[str, dict[str, dict[str, int]]] = {}
    for position, share in enumerate((0.0, *REQUIRED)):
        rng = np.random.default_rng(np.random.SeedSequence([seed, position]))
        counts = {
            machine: dict.fromkeys(("worse", "better", "same", "unclear"), 0)
            for machine in MACHINES
        }
        for k in range(number):
            machine = list(MACHINES)[k % len(MACHINES)]
            a, b = simulate_pairs(machine, schedule.most_pairs, 1.0 + share, rng)
            counts[machine][decide(schedule, a.tolist(), b.tolist()).verdict] += 1
        out[f"{share:g}"] = counts
    return out


def _instance(least_s: float, tell: Callable[[str], None]) -> str:
    """Smallest instance of the ladder on which a run takes `least_s` here."""
    for goods in GOODS:
        name = RECIPE.format(goods)
        seconds = _run_seconds(name)
        # A fifth more, so that no run of it falls below; twice, as one may have been disturbed.
        if seconds >= 1.2 * least_s and (seconds := min(seconds, _run_seconds(name))) >= (
            1.2 * least_s
        ):
            tell(f"runs of {seconds:.2f} s: {name}")
            return name
    raise PlanbenchError(f"self-test: no instance takes {least_s:g} s on this machine")


def _run_seconds(name: str) -> float:
    conditions = Conditions(60.0, 4 << 30, polish=False)
    request = make_request(load_instance(name), NAME, SolveOptions(), conditions)
    record = solve_once(request).record
    if record.ended != "ok":
        raise PlanbenchError(f"self-test: {name} ended by {record.ended}: {record.message}")
    return amount(record, "time") or 0.0


def _trials(
    instance: str,
    share: float,
    number: int,
    seed: int,
    schedule: Schedule,
    tell: Callable[[str], None],
) -> list[Trial]:
    loaded = load_instance(instance)

    def load(name: str) -> Instance:
        return loaded if name == instance else load_instance(name)

    settings = Settings(schedule=schedule, budget_s=BUDGET_S, control=None, resume=False)
    # Both sides state the knob, so that they differ in nothing but its value.
    a = parse_side(f"{SLOWDOWN}=0")
    b = parse_side(f"{SLOWDOWN}={share:g}")
    trials: list[Trial] = []
    with scratch_folder() as folder:
        for k in range(number):
            made = compare_sides(
                a,
                b,
                [Measurement(instance, NAME)],
                Path(folder) / f"{k}.jsonl",
                replace(settings, seed=1000 * seed + k, warm_up=k == 0, may_be_same=share == 0.0),
                load=load,
            )
            (found,) = made.results
            ratio = found.ratio
            trials.append(
                Trial(
                    slowdown=share,
                    verdict=found.verdict if found.layer == "time" else found.layer,
                    ratio=None if ratio is None else ratio.ratio,
                    low=None if ratio is None else ratio.low,
                    high=None if ratio is None else ratio.high,
                    pairs=found.pairs,
                    disturbed=found.disturbed,
                    seconds=found.typical[0],
                )
            )
            shown = "–" if ratio is None else f"{ratio.ratio:.3f}"
            what = f"+{100 * share:g} %" if share else "equal sides"
            tell(
                f"[{k + 1}/{number}] {what}: {found.verdict}, ratio {shown}, "
                f"{plural(found.pairs, 'pair')}, {made.elapsed_s:.0f} s"
            )
    return trials


def _criteria(
    simulated: dict[str, dict[str, dict[str, int]]], trials: list[Trial]
) -> tuple[Criterion, ...]:
    """Count alarms on equal sides, and slowdowns found."""
    criteria = []
    equal = list(simulated["0"].values())
    total = sum(sum(counts.values()) for counts in equal)
    if total:
        alarms = sum(counts["worse"] + counts["better"] for counts in equal)
        criteria.append(_alarms("false alarms, simulated", alarms, total))
    real = [t for t in trials if not t.slowdown]
    if real:
        alarms = sum(t.verdict in ("worse", "better", "outcomes") for t in real)
        criteria.append(_alarms("false alarms, real", alarms, len(real)))
    for share, least in REQUIRED.items():
        tried = [t for t in trials if t.slowdown == share]
        if not tried:
            continue
        found = sum(t.verdict == "worse" for t in tried)
        shortest = min((t.seconds or 0.0) for t in tried)
        criteria.append(
            Criterion(
                f"slowdown of {100 * share:g} % found, real",
                found,
                len(tried),
                f"at least {100 * least:g} %",
                found >= least * len(tried),
            )
        )
        criteria.append(
            Criterion(
                f"comparisons at {100 * share:g} % with runs of at least {LEAST_RUN_S:g} s",
                sum((t.seconds or 0.0) >= LEAST_RUN_S for t in tried),
                len(tried),
                "all",
                shortest >= LEAST_RUN_S,
            )
        )
    return tuple(criteria)


def _alarms(what: str, count: int, of: int) -> Criterion:
    required = f"at most {100 * ALLOWED_ALARMS:g} %"
    return Criterion(what, count, of, required, count <= ALLOWED_ALARMS * of)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the comparisons, show what was counted, and write every trial where asked."""
    parser = argparse.ArgumentParser(description="Count wrong verdicts of planbench ab.")
    parser.add_argument("--full", action="store_true", help="some 20 minutes, machine idle")
    parser.add_argument("--no-real", action="store_true", help="run no solver, only simulate")
    parser.add_argument("--seed", type=int, default=0, help="of simulation and order of runs")
    parser.add_argument("--out", metavar="FILE", help="write every trial as JSON")
    asked = parser.parse_args(arguments)
    effort = FULL if asked.full else SHORT
    if asked.no_real:
        effort = replace(effort, equal=0, slowed=0)
    found = run_selftest(effort, seed=asked.seed, progress=print)
    if asked.out:
        write_text(asked.out, json.dumps(found.document(), indent=1, allow_nan=False) + "\n")
    for share, machines in found.simulated.items():
        for machine, counts in machines.items():
            said = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
            print(f"slower by {float(share):.0%}, {machine}: {said}")
    for c in found.criteria:
        met = "met" if c.met else "NOT MET"
        print(f"{c.what}: {c.count} of {c.of}, required {c.required}: {met}")
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
