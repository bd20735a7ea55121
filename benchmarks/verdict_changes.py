"""Which verdicts change with the rules of the certificate? The same answers, judged twice.

    python benchmarks/verdict_changes.py collect answers --suite golden --suite quick
    python benchmarks/verdict_changes.py judge answers new.json      # in each checkout
    python benchmarks/verdict_changes.py compare old.json new.json

``collect`` runs solvers on instances of suites (and on files) and keeps what they hand back;
``judge`` certifies the answers kept with the planbench that it runs in, so that it can run in an
older checkout as well; ``compare`` counts verdicts by solver and lists what changed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ARRAYS = ("x", "y", "primal_ray", "dual_ray")


@dataclass(frozen=True)
class Kept:
    """An answer read back."""

    claim: str
    objective: float | None
    x: Any = None
    y: Any = None
    primal_ray: Any = None
    dual_ray: Any = None


def collect(
    folder: Path,
    suites: list[str],
    instances: list[str],
    *,
    most_goods: int,
    time_limit_s: float,
    only: list[str] | None,
) -> None:
    """Run every solver on every instance once and keep its answers in `folder`."""
    from planbench.bench.plan import plan_suite
    from planbench.bench.request import Conditions, InstanceCache, make_request
    from planbench.bench.single import solve_once
    from planbench.bench.suite import load_suite
    from planbench.catalogue.resolve import load_instance
    from planbench.errors import PlanbenchError
    from planbench.solvers.base import SolveOptions

    asked: list[tuple[str, str, SolveOptions]] = []
    for name in suites:
        suite = load_suite(name)
        plan = plan_suite(suite, only)
        for entry in plan.entries:
            asked += [(entry.instance, s, entry.solve_options(suite)) for s in entry.solvers]
    every = plan_suite(load_suite("golden"), only).solvers
    asked += [(path, s, SolveOptions()) for path in instances for s in every]
    folder.mkdir(parents=True, exist_ok=True)
    done: set[str] = {p.stem for p in folder.glob("*.json")}
    by_name: dict[str, list[tuple[str, SolveOptions]]] = {}
    for instance, solver, options in asked:
        by_name.setdefault(instance, []).append((solver, options))
    for name, runs in by_name.items():
        size = re.search(r"goods=(\d+)", name)
        if size and int(size[1]) > most_goods:
            continue
        found = load_instance(name)
        if found.economy is not None and found.economy.n_goods > most_goods:
            continue
        cache = InstanceCache(folder / "instances")
        cache.folder.mkdir(exist_ok=True)
        for solver, options in runs:
            stem = f"{found.sha256[:12]}-{solver.replace(':', '_')}"
            if stem in done:
                continue
            done.add(stem)
            try:
                outcome = solve_once(
                    make_request(
                        found, solver, options, Conditions(time_limit_s, 4 << 30, polish=False)
                    ),
                    cache=cache,
                )
            except PlanbenchError as error:
                print(f"{name}: {solver}: {error}", file=sys.stderr)
                continue
            solution = outcome.solution
            facts = {
                "instance": name,
                "solver": solver,
                "ended": outcome.record.ended,
                "tolerance": options.tolerance or 0.0,
                "claim": None if solution is None else solution.claim,
                "objective": None if solution is None else solution.objective,
            }
            given = {k: getattr(solution, k) for k in ARRAYS if solution is not None}
            np.savez(folder / f"{stem}.npz", **{k: v for k, v in given.items() if v is not None})
            (folder / f"{stem}.json").write_text(json.dumps(facts))
            print(f"{name}: {solver}: {outcome.record.ended}", flush=True)


def judge(folder: Path, out: Path) -> None:
    """Certify the answers in `folder` with this planbench."""
    from planbench.catalogue.resolve import load_instance
    from planbench.certificates import certify

    found: dict[str, Any] = {}
    loaded: tuple[str, Any] = ("", None)
    for path in sorted(folder.glob("*.json")):
        facts = json.loads(path.read_text())
        if facts["claim"] is None:
            continue
        if loaded[0] != facts["instance"]:
            loaded = facts["instance"], load_instance(facts["instance"])
        instance = loaded[1]
        with np.load(path.with_suffix(".npz")) as arrays:
            answer = Kept(facts["claim"], facts["objective"], **dict(arrays))
        certificate = certify(
            instance.lp, instance.economy, answer, claim_tolerance=facts["tolerance"]
        )
        point = certificate.residuals
        found[path.stem] = facts | {
            "verdict": certificate.verdict,
            "kind": certificate.kind,
            "raw_gap": certificate.raw_gap,
            "primal": point and point.primal_scaled,
            "dual": point and point.dual_scaled,
            "reasons": list(certificate.reasons),
        }
    out.write_text(json.dumps(found, indent=1))


def compare(old: Path, new: Path) -> None:
    """Count verdicts by solver, and list each that changed with its cause."""
    before, after = (json.loads(p.read_text()) for p in (old, new))
    shared = [k for k in before if k in after]
    words = ("certified", "loose", "wrong", "unproven")
    print(f"{'solver':22s}" + "".join(f"{w:>18s}" for w in words))
    for solver in sorted({before[k]["solver"] for k in shared}):
        mine = [k for k in shared if before[k]["solver"] == solver]
        counts = [Counter(side[k]["verdict"] for k in mine) for side in (before, after)]
        print(f"{solver:22s}" + "".join(f"{counts[0][w]:>9d} -> {counts[1][w]:<5d}" for w in words))
    for key in shared:
        a, b = before[key], after[key]
        if a["verdict"] != b["verdict"]:
            why = b["reasons"][-1] if b["reasons"] else ""
            print(
                f"{b['solver']} on {b['instance']}: {a['verdict']} ({a['kind']}) -> "
                f"{b['verdict']} ({b['kind']}): {why} [raw gap {b['raw_gap']}, violations "
                f"{b['primal']} and {b['dual']}]"
            )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    one = steps.add_parser("collect")
    one.add_argument("folder", type=Path)
    one.add_argument("--suite", action="append", default=[])
    one.add_argument("--instance", action="append", default=[])
    one.add_argument("--solver", action="append")
    one.add_argument("--most-goods", type=int, default=1000)
    one.add_argument("--time-limit", type=float, default=20.0)
    two = steps.add_parser("judge")
    two.add_argument("folder", type=Path)
    two.add_argument("out", type=Path)
    three = steps.add_parser("compare")
    three.add_argument("old", type=Path)
    three.add_argument("new", type=Path)
    given = parser.parse_args()
    if given.step == "collect":
        collect(
            given.folder,
            given.suite,
            given.instance,
            most_goods=given.most_goods,
            time_limit_s=given.time_limit,
            only=given.solver,
        )
    elif given.step == "judge":
        judge(given.folder, given.out)
    else:
        compare(given.old, given.new)


if __name__ == "__main__":
    main()
