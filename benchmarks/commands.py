"""Whole commands of planbench, timed by pyperf in processes of their own.

    python benchmarks/commands.py -o results/self/commands.json
    python benchmarks/commands.py --quiet -b solve -b report

pyperf's own options apply (``--help``). A matrix pass is taken before all of them and kept in the
file, so that `planbench regress` can compare in passes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import pyperf

from planbench.catalogue.resolve import load_instance
from planbench.measure.calibrate import matrix_pass_seconds
from planbench.measure.machine import describe_machine, git_commit, package_versions

#: Results that a report is made of.
REFERENCE = Path(__file__).resolve().parents[1] / "results" / "reference" / "quick.jsonl"
#: Runs of each command; a comparison pairs them.
PROCESSES = 9


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the arguments of each command that is timed."""
    economy = "gen:goods=20000,structure=powerlaw,techniques=2,resources=5,seed=1"
    return {
        "help": ["--help"],
        "solvers": ["solvers"],
        "info": ["info", "us-bea-71"],
        "solve": ["solve", "us-bea-71", "--solver", "highs-ds"],
        "solve-null": ["solve", economy, "--solver", "null"],
        "generate": ["generate", economy, "-o", str(folder / "economy.npz")],
        "scaling": ["scaling", str(REFERENCE)],
        "report": ["report", str(REFERENCE), "-o", str(folder / "report.html")],
    }


def facts() -> dict[str, str | float]:
    """Find out what a file must hold for a comparison: machine, versions, a matrix pass."""
    machine = describe_machine()
    lp = load_instance("gen:goods=30000,structure=powerlaw,seed=1").lp
    found: dict[str, str | float] = {
        "planbench_machine": str(machine["id"]),
        "planbench_cpu": str(machine["cpu"] or "unknown"),
        "planbench_cpu_class": str(machine.get("cpu_class") or "unknown"),
        "planbench_commit": git_commit() or "unknown",
        "planbench_pass_s": matrix_pass_seconds(lp.matrix),
    }
    packages = package_versions().items()
    return found | {f"planbench_package_{name}": version for name, version in packages}


def pass_on(command: list[str], options: argparse.Namespace) -> None:
    """Hand our own options on to pyperf's workers, which keep the facts with each value."""
    command += ["--facts", options.facts]
    for name in options.only or ():
        command += ["--only", name]


def main() -> int:
    """Time every command."""
    runner = pyperf.Runner(
        processes=PROCESSES, values=1, warmups=0, loops=1, add_cmdline_args=pass_on
    )
    runner.argparser.add_argument(
        "-b", "--only", action="append", metavar="NAME", help="only this command"
    )
    runner.argparser.add_argument("--facts", default="", help=argparse.SUPPRESS)
    options = runner.parse_args()
    if not options.facts:
        options.facts = json.dumps(facts())
    runner.metadata.update(json.loads(options.facts))
    with tempfile.TemporaryDirectory() as folder:
        chosen = commands(Path(folder))
        if unknown := sorted(set(options.only or ()) - set(chosen)):
            print(f"no command {unknown[0]!r}; there are {', '.join(chosen)}", file=sys.stderr)
            return 2
        for name, arguments in chosen.items():
            if options.only is None or name in options.only:
                runner.bench_command(name, [sys.executable, "-m", "planbench", *arguments])
    return 0


if __name__ == "__main__":
    sys.exit(main())
