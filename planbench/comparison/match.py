"""Which measurements of two runs belong together, and how alike their circumstances are.

A measurement is one solver with its options on one instance, identified by the hash of its
arrays, as two instances may share a name. Repeats are kept separately, to show their
scatter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from planbench.comparison.findings import Obstacle
from planbench.formatting import plain
from planbench.records.schema import STUDY, Record
from planbench.report.results import chains_as_results, configuration, machine_key, machine_names

#: Solvers stop by themselves a little before the limit they are given.
LIMIT_SHARE = 0.5

#: What solvers call their time limits: a run that ended before it took no notice of it.
_TIME_LIMITS = frozenset(
    {
        "time_limit",
        "seconds",
        "max_time_in_seconds",
        "termination_criteria.time_sec_limit",
    }
)


@dataclass(frozen=True)
class Sample:
    """All repeats of one measurement in one run.

    Attributes
    ----------
    solver : str
        With its options.
    instance, sha256 : str
    rows : tuple of Record
        The last of each repeat; at least one.
    undisturbed : tuple of Record
        The last undisturbed one of each repeat.
    """

    solver: str
    instance: str
    sha256: str
    rows: tuple[Record, ...]
    undisturbed: tuple[Record, ...]

    @cached_property
    def ended(self) -> tuple[Record, ...]:
        """Rows of runs that ended by themselves with an answer that is not refuted."""
        return tuple(filter(_ended_well, self.rows))

    @cached_property
    def noisy(self) -> bool:
        """Only disturbed runs ended so."""
        return bool(self.ended) and not any(map(_ended_well, self.undisturbed))

    @cached_property
    def timed(self) -> tuple[Record, ...]:
        """Undisturbed runs that ended so, not cut short: what times are taken from."""
        return tuple(r for r in self.undisturbed if _ended_well(r) and not cut_short(r))

    @cached_property
    def complete(self) -> tuple[Record, ...]:
        """Those of `ended` that no time limit cut short: what counters are taken from."""
        return tuple(r for r in self.ended if not cut_short(r))

    @property
    def row(self) -> Record:
        """Row that represents versions and machine: the last that ended, else the last."""
        return (self.complete or self.ended or self.rows)[-1]


def changed_versions(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Name packages (planbench apart) whose versions differ: ``name old → new``."""
    names = sorted({*old, *new} - {"planbench"})
    versions = [(name, old.get(name, "none"), new.get(name, "none")) for name in names]
    return tuple(f"{name} {before} → {now}" for name, before, now in versions if before != now)


#: By solver with options, and hash of the instance.
Samples = dict[tuple[str, str], Sample]


@dataclass(frozen=True)
class Match:
    """One measurement that both runs have.

    Attributes
    ----------
    baseline, candidate : Sample
    """

    baseline: Sample
    candidate: Sample

    @property
    def solver(self) -> str:
        """Solver with its options."""
        return self.candidate.solver

    @property
    def instance(self) -> str:
        """Name of the instance."""
        return self.candidate.instance

    @property
    def noisy(self) -> bool:
        """One of the two runs has no undisturbed row that ended."""
        return self.baseline.noisy or self.candidate.noisy

    @cached_property
    def same_machine(self) -> bool:
        """Both ran on one machine."""
        return machine_key(self.baseline.row) == machine_key(self.candidate.row)

    @cached_property
    def same_cpu(self) -> bool:
        """The processors round alike: of one class, as far as that is known."""
        classes = [s.row.machine.get("cpu_class") for s in (self.baseline, self.candidate)]
        if all(classes):
            return bool(classes[0] == classes[1])
        return self.same_machine

    @cached_property
    def changed_versions(self) -> tuple[str, ...]:
        """Packages (planbench apart), or else the solver, whose versions differ."""
        old, new = self.baseline.row, self.candidate.row
        versions = old.solver_version, new.solver_version
        solver = f"{new.solver} {versions[0]} → {versions[1]}"
        other = all(versions) and versions[0] != versions[1]
        return changed_versions(old.packages, new.packages) or ((solver,) if other else ())

    @cached_property
    def same_certificate(self) -> bool:
        """Both were judged by the same rules, so that their verdicts can be compared."""
        judged = {r.certificate_version for s in (self.baseline, self.candidate) for r in s.rows}
        return len(judged) == 1

    @cached_property
    def changed_setting(self) -> str:
        """What of the solver's own options or method differs; empty where nothing does."""
        old, new = self.baseline.row, self.candidate.row
        if old.method_run != new.method_run and self.baseline.ended and self.candidate.ended:
            return f"ran {new.method_run}, before {old.method_run}"
        if _settings(old) != _settings(new) and self.baseline.ended:
            return "native options differ"
        return ""

    @cached_property
    def why_not_exact(self) -> str:
        """Why counts need not be equal; empty where they must."""
        cpu = "" if self.same_cpu else "other CPU"
        versions = "other versions" if self.changed_versions else ""
        return ", ".join(filter(None, (cpu, versions, self.changed_setting)))


@dataclass(frozen=True)
class Pair:
    """Two runs made right after each other.

    Attributes
    ----------
    a, b : Record
    """

    a: Record
    b: Record


def samples(records: Sequence[Record], machine: str | None = None) -> Samples:
    """Measurements of a run by solver with options, and hash of the instance.

    Where a run has rows of several versions or commits, those of the last one count. Of reruns
    of a repeat the last one counts, and for times the last undisturbed one. Tries at a target
    gap are one row per chain. Rows of studies, which ask something else than how hard an
    instance is, are no part.

    Parameters
    ----------
    records : sequence of Record
    machine : str, optional
        Only rows of this machine.
    """
    rows = chains_as_results([r for r in records if r.suite != STUDY])
    rows = [r for r in rows if machine is None or machine_key(r) == machine]
    last = {_place(row): row for row in rows}
    latest: dict[tuple[str, str], dict[tuple[str, int], Record]] = {}
    undisturbed: dict[tuple[str, str], dict[tuple[str, int], Record]] = {}
    for row in rows:
        place = _place(row)
        if _versions(row) == _versions(last[place]):
            latest.setdefault(place, {})[(row.group, row.repeat)] = row
            if not row.disturbed:
                undisturbed.setdefault(place, {})[(row.group, row.repeat)] = row
    return {
        place: Sample(
            solver=place[0],
            instance=plain(last[place].instance.name),
            sha256=place[1],
            rows=tuple(kept.values()),
            undisturbed=tuple(undisturbed.get(place, {}).values()),
        )
        for place, kept in latest.items()
    }


def _ended_well(row: Record) -> bool:
    return row.ended == "ok" and row.verdict != "wrong"


def cut_short(row: Record) -> bool:
    """Whether a solver seems to have stopped for its own time limit, with what it had by then.

    It then ends well, claims no optimum, and how far it came depends on the machine.
    """
    if row.claim not in ("feasible", "unknown") or row.wall_s is None or not row.time_limit_s:
        return False
    return row.wall_s >= LIMIT_SHARE * row.time_limit_s


def _settings(row: Record) -> dict[str, Any]:
    return {name: v for name, v in row.native_options.items() if name not in _TIME_LIMITS}


def _place(row: Record) -> tuple[str, str]:
    return configuration(row), row.instance.sha256


def _versions(row: Record) -> tuple[object, ...]:
    return (row.commit, *sorted(row.packages.items()))


def choose_machines(
    baseline: Sequence[Record], candidate: Sequence[Record]
) -> tuple[str | None, str | None, str]:
    """Machine to take from each run (None: all), and how they differ (empty: they do not).

    Where both runs have rows of one machine, that machine is compared; of several, the one
    with most rows in the candidate.
    """
    keys = [[machine_key(r) for r in records] for records in (baseline, candidate)]
    shared = [key for key in dict.fromkeys(keys[1]) if key in keys[0]]
    if shared:
        best = max(shared, key=keys[1].count)
        return best, best, ""
    # Rows of several machines are no repeats of each other.
    most = [max(dict.fromkeys(side), key=side.count) for side in keys]
    return most[0], most[1], plain(f"{machine_names(baseline)} against {machine_names(candidate)}")


def match(baseline: Samples, candidate: Samples) -> list[Match]:
    """Measurements that both runs have, in the candidate's order."""
    return [Match(baseline[place], new) for place, new in candidate.items() if place in baseline]


def pairs_of(rows: Sequence[Record]) -> list[Pair]:
    """Pairs of which both runs are there, by repeat; ``value`` of a row names its side."""
    by_repeat: dict[int, dict[str, Record]] = {}
    for row in rows:
        by_repeat.setdefault(row.repeat, {})[str(row.value)] = row
    return [
        Pair(found["a"], found["b"])
        for _, found in sorted(by_repeat.items())
        if found.keys() >= {"a", "b"}
    ]


def find_obstacles(
    old: Samples,
    new: Samples,
    matches: Sequence[Match],
    unlike: str,
    names: tuple[str, str],
) -> list[Obstacle]:
    """Say why two runs are unlike: other arrays, nothing in common, other machine or versions.

    Parameters
    ----------
    old, new : mapping of Sample
    matches : sequence of Match
    unlike : str
        How the machines differ; empty where they do not.
    names : (str, str)
        What the runs are called.
    """
    found: list[Obstacle] = []
    hashes: dict[str, str] = {s.instance: s.sha256 for s in old.values()}
    other = {s.instance for s in new.values() if hashes.get(s.instance, s.sha256) != s.sha256}
    if other:
        message = (
            f"{_some(sorted(other))} {'has' if len(other) == 1 else 'have'} other arrays in the "
            "two runs (other SHA-256); measure the baseline again, or leave them out with "
            "--allow instances"
        )
        found.append(Obstacle("instances", message))
    if not matches:
        message = (
            f"{names[0]} and {names[1]} have no solver with the same options on the same "
            "instance; nothing to compare"
        )
        return [*found, Obstacle(None, message)]
    if unlike:
        message = (
            f"measured on different machines: {unlike}; measure both on one, or give "
            "--allow machine for wider bounds"
        )
        found.append(Obstacle("machine", message))
    if changed := list(dict.fromkeys(line for m in matches for line in m.changed_versions)):
        message = (
            f"other versions: {_some(changed)}; give --allow versions to compare them with "
            "wider bounds"
        )
        found.append(Obstacle("versions", message))
    return found


def _some(items: Sequence[str], most: int = 3) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def split_runs(
    name: str, records: Sequence[Record], machine: str
) -> list[tuple[str, str, Samples]]:
    """Split a results file into its runs: start, name of the file, samples.

    A new run begins where commit or the version of a package changes, and where a measurement is
    repeated although the first was not disturbed.

    Parameters
    ----------
    name : str
        Of the file.
    records : sequence of Record
    machine : str
        Id of the machine whose rows count.
    """
    # Commit, versions and places of undisturbed rows of each run, and its rows.
    runs: list[tuple[str | None, dict[str, str], set[tuple[object, ...]], list[Record]]] = []
    for row in records:
        if machine_key(row) != machine:
            continue
        tried = (row.accuracy.attempt, *row.accuracy.targets) if row.accuracy else ()
        place = (row.key, row.group, row.repeat, *tried)
        for run in reversed(runs):
            commit, packages, seen, _ = run
            # Solvers need different packages: only those that both have can differ.
            versions = all(packages.get(n, v) == v for n, v in row.packages.items())
            if commit == row.commit and versions and place not in seen:
                break
        else:
            run = row.commit, {}, set(), []
            runs.append(run)
        run[1].update(row.packages)
        run[3].append(row)
        if not row.disturbed:
            run[2].add(place)
    return [(min(r.started_at for r in rows), name, samples(rows)) for *_, rows in runs]
