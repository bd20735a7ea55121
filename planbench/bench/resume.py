"""What a results file holds already, so that a run carries on where the last one stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planbench.records.schema import Record


class Done:
    """Measurements found in a results file.

    One counts as made when suite, group, instance (by hash), solver, options and repeat are the
    same, and so are the machine and the versions of planbench and of the solver's packages. A
    run that failed for want of time or memory counts unless the limit is higher now; one that
    somebody else killed does not count.

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

    def find(self, key: str, group: str, repeat: int, packages: Mapping[str, str]) -> list[Record]:
        """Return the measurements that make another one needless, oldest first."""
        return [
            record
            for record in self._found.get((key, group, repeat), [])
            if self._stands(record)
            and all(record.packages.get(name) == version for name, version in packages.items())
        ]

    def knows(self, instance: str, solver: str, group: str, repeat: int) -> bool:
        """Whether there is a measurement under these names, whatever the instance's hash."""
        return any(
            record.instance.name == instance and record.solver == solver
            for (_, in_group, at), records in self._found.items()
            if in_group == group and at == repeat
            for record in records
            if self._stands(record)
        )

    def _stands(self, record: Record) -> bool:
        if record.ended == "timeout":
            return (record.time_limit_s or 0.0) >= self._time_limit_s
        if record.ended == "memory":
            return (record.memory_limit_bytes or 0) >= self._memory_limit
        return record.ended != "killed"
