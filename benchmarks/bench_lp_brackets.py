"""How many answers to general LPs get a proven bracket, how tight, and what proving costs.

Every problem is judged as a general LP, planning programs included: what planbench knows of an
economy is not used. Files with integer variables are read as their relaxations.

    python benchmarks/bench_lp_brackets.py                    # the conformance kit's LPs
    python benchmarks/bench_lp_brackets.py us-bea-71 gen:goods=3000,seed=1 problems/*.mps
    python benchmarks/bench_lp_brackets.py --solvers highs-ds,glop --time-limit 60 problems/*.mps

One line per answer: whether each side is proven, the width of the bracket relative to the scale of
the objective, whether a bracket to a tolerance of 1e-9 (no proof) would have been there, and the
seconds of solving, of preparing (once per problem) and of certifying.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from planbench.catalogue.resolve import load_instance
from planbench.certificates.check import lp_dual_bound, residuals
from planbench.certificates.lp_bracket import lp_bracket
from planbench.certificates.propagate import implied_bounds
from planbench.errors import PlanbenchError
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.conformance import program_cases
from planbench.solvers.registry import find_solver, load_adapter

SOLVERS = "highs-ds,highs-ipm,highs-ipm-crossover,highs-hipdlp,cbc,glop"
WIDTH = 1e-6


def problems(names: list[str]) -> Iterator[tuple[str, LinearProgram]]:
    if not names:
        yield from ((case.name, case.lp) for case in program_cases() if "optimal" in case.claims)
    for name in names:
        try:
            instance = load_instance(name, relax=True)
        except PlanbenchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        yield name, instance.lp


def quiet() -> None:
    """Silence a worker: solvers print what they like."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def solve(lp: LinearProgram, solver: str, seconds: float) -> tuple[Solution, float]:
    found = find_solver(solver)
    options = found.options(SolveOptions(time_limit=seconds))
    start = time.perf_counter()
    answer = load_adapter(found.spec)(lp, found.spec, options)
    return answer, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("problems", nargs="*", help="names or files, as for planbench solve")
    parser.add_argument("--solvers", default=SOLVERS)
    parser.add_argument("--time-limit", type=float, default=60.0)
    args = parser.parse_args()
    count: dict[str, Counter[str]] = {name: Counter() for name in args.solvers.split(",")}
    # One process per solver: OR-Tools does not load where highspy has been.
    fresh = multiprocessing.get_context("spawn")
    workers = {name: ProcessPoolExecutor(1, fresh, initializer=quiet) for name in count}
    for name, lp in problems(args.problems):
        for solver, mine in count.items():
            try:
                answer, solve_s = (
                    workers[solver].submit(solve, lp, solver, args.time_limit).result()
                )
            except PlanbenchError as error:
                print(f"{name:32.32} {solver:20} refused: {error}"[:110])
                continue
            if answer.claim != "optimal" or answer.x is None:
                print(f"{name:32.32} {solver:20} {answer.claim}")
                continue
            mine["answers"] += 1
            point = residuals(lp, answer.x, answer.y)
            loose = (
                point is not None
                and answer.y is not None
                and point.primal_scaled <= 1e-9
                and lp_dual_bound(lp, answer.y, *implied_bounds(lp)) is not None
            )
            mine["to a tolerance"] += loose
            start = time.perf_counter()
            lp_bracket(lp, answer.x, answer.y, point)
            first_s = time.perf_counter() - start
            start = time.perf_counter()
            bracket = lp_bracket(lp, answer.x, answer.y, point)
            certify_s = time.perf_counter() - start
            low, high = bracket.lower, bracket.upper
            width = None
            if low is not None and high is not None:
                scale = max(abs(low), abs(high), float(np.abs(lp.cost) @ np.abs(answer.x)))
                width = (high - low) / scale if scale else 0.0
            primal, dual = (low, high) if lp.maximise else (high, low)
            mine["primal"] += primal is not None
            mine["dual"] += dual is not None
            mine["proven"] += width is not None
            mine["narrow"] += width is not None and width <= WIDTH
            shown = "none" if width is None else f"{width:.1e}"
            sides = f"{'-' if primal is None else 'primal':7}{'-' if dual is None else 'dual':5}"
            print(
                f"{name:32.32} {solver:20} {sides} {shown:8} {'tol' if loose else '-':4}"
                f" solve {solve_s:.3f} prepare {max(first_s - certify_s, 0):.3f}"
                f" certify {certify_s:.3f} s",
                flush=True,
            )
    for worker in workers.values():
        worker.shutdown()
    print("\nsolver               answers  to a tolerance  primal  dual  proven  proven to 1e-6")
    for solver, mine in count.items():
        print(
            f"{solver:20} {mine['answers']:8} {mine['to a tolerance']:15} {mine['primal']:7}"
            f" {mine['dual']:5} {mine['proven']:7} {mine['narrow']:15}"
        )


if __name__ == "__main__":
    main()
