"""Benchmarks of planbench itself, converted to a results file that `planbench regress` compares.

``make bench-self`` writes files of pytest-benchmark and of pyperf; each benchmark becomes an
instance of its own name and each round a repeat. Both kinds of file must hold a matrix pass of
the machine, which benchmarks/conftest.py and benchmarks/commands.py put in: without one a slower
machine could not be told from a slower planbench.

    python benchmarks/self_results.py results/self -o results/self/self.jsonl
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planbench.comparison.judge import INSTRUCTIONS
from planbench.errors import InputError, PlanbenchError
from planbench.io.files import replacing
from planbench.records.schema import InstanceFacts, Record
from planbench.records.store import to_line

#: Suite in which these records stand.
SUITE = "self"
SOLVER = "planbench"
_PREFIX = "planbench_"
_FIX = "run `make bench-self` again"


def read_benchmarks(path: Path) -> list[Record]:
    """Read a file of pytest-benchmark or pyperf, or all ``.json`` files of a folder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Record
        One per round: ``solver`` is ``planbench``, ``instance.name`` the benchmark.

    Raises
    ------
    InputError
        When it is no such file, or holds no matrix pass.
    """
    files = sorted(Path(path).glob("*.json")) if Path(path).is_dir() else [Path(path)]
    if not files:
        raise InputError(f"has no benchmark files (*.json); {_FIX}", where=str(path))
    return [record for file in files for record in _read_file(file)]


def _read_file(path: Path) -> list[Record]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError:
        raise InputError(f"is not JSON; {_FIX}", where=str(path)) from None
    if not isinstance(data, dict) or not isinstance(data.get("benchmarks"), list):
        raise InputError(
            "is no file of pytest-benchmark or pyperf: it has no list of benchmarks",
            where=str(path),
        )
    read = _pytest_benchmark if "machine_info" in data else _pyperf
    try:
        found = list(read(data))
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        said = f"has no {error}" if isinstance(error, KeyError) else "has a field of another kind"
        raise InputError(f"{said}; {_FIX}", where=str(path)) from None
    if not found:
        raise InputError(f"holds no benchmark; {_FIX}", where=str(path))
    return found


def _pytest_benchmark(data: Mapping[str, Any]) -> Iterator[Record]:
    known = data["machine_info"]["planbench"]
    for benchmark in data["benchmarks"]:
        extra = benchmark["extra_info"]
        sizes: dict[str, Any] = {name: int(extra[name]) for name in ("rows", "columns", "nonzeros")}
        before, after = float(extra["pass_s_before"]), float(extra["pass_s_after"])
        for repeat, seconds in enumerate(benchmark["stats"]["data"]):
            yield _record(
                name=str(benchmark["name"]),
                sizes=sizes,
                repeat=repeat,
                started=str(data["datetime"]),
                seconds=float(seconds),
                passes=(before, after),
                machine=dict(known["machine"]),
                packages=dict(known["packages"]),
                commit=known["commit"],
            )


def _pyperf(data: Mapping[str, Any]) -> Iterator[Record]:
    for benchmark in data["benchmarks"]:
        repeat = 0
        for run in benchmark["runs"]:
            facts = {
                **data.get("metadata", {}),
                **benchmark.get("metadata", {}),
                **run.get("metadata", {}),
            }
            one_pass = float(facts[f"{_PREFIX}pass_s"])
            counted = facts.get("unit") == "integer"
            for value in run.get("values", ()):
                yield _record(
                    name=str(facts["name"]),
                    sizes={"rows": 0, "columns": 0, "nonzeros": 0},
                    repeat=repeat,
                    started=str(facts.get("date", "")),
                    seconds=float(facts["duration"]) if counted else float(value),
                    passes=None if counted else (one_pass, one_pass),
                    counted=float(value) if counted else None,
                    machine={
                        "id": facts[f"{_PREFIX}machine"],
                        "cpu": facts[f"{_PREFIX}cpu"],
                        "cpu_class": facts[f"{_PREFIX}cpu_class"],
                    },
                    packages=_packages(facts),
                    commit=str(facts[f"{_PREFIX}commit"]),
                )
                repeat += 1


def _packages(facts: Mapping[str, Any]) -> dict[str, str]:
    start = f"{_PREFIX}package_"
    return {k.removeprefix(start): str(v) for k, v in facts.items() if k.startswith(start)}


def _record(
    *,
    name: str,
    sizes: dict[str, Any],
    repeat: int,
    started: str,
    seconds: float,
    passes: tuple[float, float] | None,
    machine: dict[str, Any],
    packages: dict[str, str],
    commit: str | None,
    counted: float | None = None,
) -> Record:
    identity = hashlib.sha256(f"planbench benchmark {name} {sorted(sizes.items())}".encode())
    solver = SOLVER if counted is None else INSTRUCTIONS
    middle = None if passes is None else sum(passes) / 2
    return Record(
        key=hashlib.sha256(f"{identity.hexdigest()} {solver}".encode()).hexdigest()[:16],
        repeat=repeat,
        suite=SUITE,
        started_at=started,
        instance=InstanceFacts(name=name, sha256=identity.hexdigest(), **sizes),
        solver=solver,
        ended="ok",
        wall_s=seconds,
        pass_s_before=passes[0] if passes else None,
        pass_s_after=passes[1] if passes else None,
        matrix_passes=seconds / middle if middle else counted,
        peak_bytes=None,
        cgroup_peak_bytes=None,
        memory_limit_bytes=None,
        machine=machine,
        packages=packages,
        commit=commit,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert benchmark files into a results file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="file or folder of benchmark files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="results file to write")
    options = parser.parse_args(arguments)
    try:
        records = read_benchmarks(options.source)
        with replacing(options.output) as file:
            file.writelines(map(to_line, records))
    except PlanbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    names = {record.instance.name for record in records}
    print(f"{len(names)} benchmarks, {len(records)} rounds in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
