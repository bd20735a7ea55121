"""Instructions that parts of planbench execute, counted by valgrind: no noise, any machine.

    python benchmarks/instructions.py -o results/self/instructions.json

Each part runs twice under ``valgrind --tool=cachegrind`` (about fifty times slower): once whole,
once up to where it would begin; the difference is counted. The file is in pyperf's format, unit
``integer``, in millions. Without valgrind nothing is written and the exit code is 2.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Counts repeat to a few parts in ten thousand: two show it.
REPEATS = 2
_RECIPE = "goods=3000,structure=powerlaw,techniques=2,resources=5,seed=1"


def _generate() -> Callable[[], object]:
    from planbench.generators import generate
    from planbench.generators.recipe import parse_inline

    recipe = parse_inline(_RECIPE)
    return lambda: generate(recipe)


def _economy() -> Any:
    return _generate()()


def _assemble() -> Callable[[], object]:
    from planbench.model import to_linear_program

    economy = _economy()
    return lambda: to_linear_program(economy)


def _certify() -> Callable[[], object]:
    import numpy as np

    from planbench.certificates.judge import certify
    from planbench.model import to_linear_program
    from planbench.solvers.base import Solution

    economy = _economy()
    lp = to_linear_program(economy)
    answer = Solution("feasible", np.ones(lp.n_cols), -np.ones(lp.n_rows), None, "made up")
    return lambda: certify(lp, economy, answer)


def _write_mps() -> Callable[[], object]:
    from planbench.io.mps import write_mps
    from planbench.model import to_linear_program

    lp = to_linear_program(_economy())
    folder = tempfile.mkdtemp()
    return lambda: write_mps(lp, Path(folder) / "lp.mps")


#: Each prepares itself and returns what is to be counted.
PARTS: dict[str, Callable[[], Callable[[], object]]] = {
    "generate": _generate,
    "assemble": _assemble,
    "certify": _certify,
    "write_mps": _write_mps,
}


def count(valgrind: str, part: str, *, idle: bool) -> int:
    """Instructions of a process that prepares a part and, unless `idle`, runs it."""
    command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, __file__, "--run", part, *(["--idle"] if idle else [])]
    # Hashing, threads and what else differs from run to run is held fixed.
    fixed = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | fixed
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{part}: {done.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def main() -> int:
    """Count every part and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--only", action="append", choices=sorted(PARTS))
    parser.add_argument("--run", choices=sorted(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--idle", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        work = PARTS[options.run]()
        if not options.idle:
            work()
        return 0
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("needs valgrind (Debian, Ubuntu: apt install valgrind)", file=sys.stderr)
        return 2
    from commands import facts

    known = facts()
    benchmarks = []
    for name in options.only or PARTS:
        runs = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            both = [count(valgrind, name, idle=idle) for idle in (True, False)]
            millions = (both[1] - both[0]) / 1e6
            runs.append(
                {
                    "values": [millions],
                    "metadata": {
                        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
                        "duration": time.perf_counter() - start,
                    },
                }
            )
            print(f"{name}: {millions:,.1f} million instructions")
        metadata = {"name": f"instructions {name}", "unit": "integer", "loops": 1}
        benchmarks.append({"metadata": metadata, "runs": runs})
    document = {"version": "1.0", "metadata": known, "benchmarks": benchmarks}
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
