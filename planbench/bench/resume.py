"""What a results file holds already, so that a run carries on where the last one stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from planbench.formatting import plural
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
    machine : str
        Identity of this machine.
    time_limit_s, memory_limit_bytes
        Limits of this run.
    """

    def __init__(
        self,
        records: Sequence[Record],
        *,
        suite: str,
        machine: str,
        time_limit_s: float,
        memory_limit_bytes: int,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._memory_limit = memory_limit_bytes
        self._found: dict[tuple[str, str, int], list[Record]] = {}
        for record in records:
            if record.suite == suite and record.machine.get("id") == machine:
                self.add(record)

    def add(self, record: Record) -> None:
        """Take in one more measurement."""
        self._found.setdefault((record.key, record.group, record.repeat), []).append(record)

    def mixes(self, commit: str | None, version: str | None) -> str:
        """Say which rows another commit of the same version of planbench has measured.

        They count as made, for what they measured may well be the same; but nobody should have to
        find out from the rows that two commits are in one table.

        Parameters
        ----------
        commit, version : str or None
            Of planbench in this run.

        Returns
        -------
        str
            One line; empty where all rows are of `commit` or of other versions.
        """
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
        self,
        key: str,
        group: str,
        repeat: int,
        packages: Mapping[str, str],
        targets: Sequence[float] = (),
        attempt: int = 0,
    ) -> list[Record]:
        """Return the measurements that make another one needless, oldest first."""
        return [
            record
            for record in self._found.get((key, group, repeat), [])
            if _is_try(record, targets, attempt)
            and self._stands(record)
            and all(record.packages.get(name) == version for name, version in packages.items())
        ]

    def knows(
        self,
        instance: str,
        solver: str,
        group: str,
        repeat: int,
        targets: Sequence[float] = (),
        value: object = None,
    ) -> bool:
        """Whether there is a measurement under these names, whatever the instance's hash.

        With targets: whether a chain of tries for them has come to its end. `value` is that of
        what the ladder varies, which need not show in the instance.
        """
        return any(
            record.instance.name == instance
            and record.solver == solver
            and (not record.variable or record.value == value)
            for (_, in_group, at), records in self._found.items()
            if in_group == group and at == repeat
            for record in records
            if self._stands(record) and _ends(record, targets)
        )

    def _stands(self, record: Record) -> bool:
        if record.ended == "timeout" or (record.accuracy and record.accuracy.end == "timeout"):
            return _time_limit(record) >= self._time_limit_s * (1 - ROUNDING)
        if record.ended == "memory":
            return (record.memory_limit_bytes or 0) >= self._memory_limit
        return record.ended != "killed"


def _is_try(record: Record, targets: Sequence[float], attempt: int) -> bool:
    accuracy = record.accuracy
    if accuracy is None:
        return not targets
    return tuple(accuracy.targets) == tuple(targets) and accuracy.attempt == attempt


def _ends(record: Record, targets: Sequence[float]) -> bool:
    accuracy = record.accuracy
    if accuracy is None:
        return not targets
    return tuple(accuracy.targets) == tuple(targets) and bool(accuracy.end)


def _time_limit(record: Record) -> float:
    """Limit of the run; of the whole chain for a try, whose own is what was left of it."""
    limit = record.time_limit_s or 0.0
    if record.accuracy is None:
        return limit
    own = record.wall_s if record.wall_s is not None else limit
    return limit + record.accuracy.charged_s - own
