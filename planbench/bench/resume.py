"""What a results file holds already, so that a run carries on where the last one stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from planbench.bench.plan import Task
from planbench.bench.request import Conditions
from planbench.formatting import plural
from planbench.measure.machine import describe_machine, git_commit
from planbench.records.schema import Record
from planbench.records.values import short_commit

#: Relative room for rounding where limits of tries are put together again.
ROUNDING = 1e-9


class Done:
    """Measurements found in a results file.

    One counts as made when suite, group, instance (by hash), solver, options and repeat are the
    same (and target and number of the try, for a try at a target gap), and so are the machine
    and the versions of planbench and of the solver's packages. A run that failed for want of
    time or memory counts unless the limit is higher now; one that somebody else killed does not
    count.

    Parameters
    ----------
    records : sequence of Record
    suite : str
    conditions : Conditions
        Of this run.
    """

    def __init__(self, records: Sequence[Record], suite: str, conditions: Conditions) -> None:
        self._conditions = conditions
        self._found: dict[tuple[str, int], list[Record]] = {}
        machine = describe_machine()["id"]
        for record in records:
            if record.suite == suite and record.machine.get("id") == machine:
                self.add(record)

    def add(self, record: Record) -> None:
        """Take in one more measurement."""
        self._found.setdefault((record.group, record.repeat), []).append(record)

    def mixes(self, version: str | None) -> str:
        """Say which rows another commit of the same version of planbench has measured.

        They count as made, for what they measured may well be the same; but nobody should have to
        find out from the rows that two commits are in one table.

        Parameters
        ----------
        version : str or None
            Of planbench in this run.

        Returns
        -------
        str
            One line; empty where all rows are of this commit or of other versions.
        """
        commit = git_commit()
        rows = Counter(
            record.commit
            for records in self._found.values()
            for record in records
            if record.commit != commit and record.packages.get("planbench") == version
        )
        if not rows:
            return ""
        others = ", ".join(
            f"{plural(n, 'row')} of {short_commit(c)}" for c, n in rows.most_common()
        )
        return f"carries on with {others}, now at {short_commit(commit)}"

    def find(
        self, key: str, task: Task, packages: Mapping[str, str], attempt: int = 0
    ) -> list[Record]:
        """Return the measurements of `task` that make another one needless, oldest first."""
        return [
            record
            for record in self._valid(task)
            if record.key == key
            and (record.accuracy is None or record.accuracy.attempt == attempt)
            and all(record.packages.get(name) == version for name, version in packages.items())
        ]

    def knows(self, task: Task) -> bool:
        """Whether `task` has been done, whatever the instance's hash: a chain, to its end."""
        entry = task.entry
        return any(
            record.instance.name == entry.instance
            and record.solver == task.solver
            # What the ladder varies need not show in the instance.
            and (not record.variable or record.value == entry.value)
            and (record.accuracy is None or record.accuracy.end)
            for record in self._valid(task)
        )

    def _valid(self, task: Task) -> list[Record]:
        """Measurements with the group, repeat and targets of `task` that still count."""
        found = self._found.get((task.entry.group, task.repeat), [])
        return [
            record
            for record in found
            if (() if record.accuracy is None else tuple(record.accuracy.targets)) == task.targets
            and self._counts(record)
        ]

    def _counts(self, record: Record) -> bool:
        if record.ended == "timeout" or (record.accuracy and record.accuracy.end == "timeout"):
            return _time_limit(record) >= self._conditions.time_limit_s * (1 - ROUNDING)
        if record.ended == "memory":
            return (record.memory_limit_bytes or 0) >= self._conditions.memory_limit_bytes
        return record.ended != "killed"


def _time_limit(record: Record) -> float:
    """Limit of the run; of the whole chain for a try, whose own is what was left of it."""
    limit = record.time_limit_s or 0.0
    if record.accuracy is None:
        return limit
    own = record.wall_s if record.wall_s is not None else limit
    return limit + record.accuracy.charged_s - own
