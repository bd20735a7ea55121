"""Reading what a worker left in its folder, whatever state it died in."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planbench.errors import PlanbenchError
from planbench.measure.job import PROTOCOL_VERSION, RESULT_FILE, SOLUTION_FILE
from planbench.solvers.base import Solution


def encode_number(value: Any) -> Any:
    """`value`, with NaN and infinities as words, since JSON has no such numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


@dataclass(frozen=True)
class PhaseSample:
    """What one phase of a worker cost.

    Attributes
    ----------
    name : str
    wall_s : float
    cpu_s : float or None
        Worker and its children; None for the phase in which it was killed.
    peak_bytes : int or None
        Resident bytes at the worst moment, worker and children.
    solving : bool
        A phase of the adapter that counts in the limits, times and peak of the run.
    complete : bool
        False for the phase in which the worker died.
    wait_s : float or None
        Seconds its main thread was ready to run and had no processor.
    level : int or None
        For a phase that counts: resident bytes that are not the solver's.
    """

    name: str
    wall_s: float
    cpu_s: float | None
    peak_bytes: int | None
    solving: bool
    complete: bool = True
    wait_s: float | None = None
    level: int | None = None


@dataclass(frozen=True)
class Look:
    """Memory of worker and children as seen from outside at one moment.

    Attributes
    ----------
    at : float
        Monotonic clock.
    held : int
        Bytes.
    children : bool
        Whether there were any.
    """

    at: float
    held: int
    children: bool


@dataclass
class PhaseReader:
    """Follows ``phases.jsonl`` while the worker writes it; cheap enough for every poll.

    Attributes
    ----------
    path : Path
    phases : list of PhaseSample
        Phases that have ended.
    open_name : str or None
        Phase going on now.
    open_since, solving_since, handed_back : float or None
        Monotonic clock: start of the phase going on; of the first counted phase; return from
        the adapter.
    aside_s : float
        Seconds since the first counted phase in phases that do not count and have ended.
    open_solving : bool
    open_waited : float or None
        Seconds the worker had been without a processor when the phase going on began.
    open_level : int or None
        As ``level`` of the phase going on.
    level_before : int or None
        Resident bytes before the first counted phase.
    method : str
        How the worker reads its peaks.
    pass_seconds : list of float
        Seconds of one matrix pass, before the solve and after it, as far as measured.
    """

    path: Path
    phases: list[PhaseSample]
    open_name: str | None = None
    open_since: float | None = None
    open_solving: bool = False
    open_waited: float | None = None
    open_level: int | None = None
    solving_since: float | None = None
    handed_back: float | None = None
    aside_s: float = 0.0
    level_before: int | None = None
    method: str = ""
    pass_seconds: list[float] = field(default_factory=list)
    _offset: int = 0
    _looks: list[Look] = field(default_factory=list, repr=False)

    def see(self, look: Look) -> None:
        """Take in a look from outside; :meth:`poll` finds the phase it fell into."""
        if self._looks and self.open_since is not None:
            # Within one phase only the highest matters.
            last = self._looks[-1]
            if last.at >= self.open_since and last.children <= look.children:
                if last.held > look.held:
                    look = Look(look.at, last.held, look.children)
                self._looks.pop()
        self._looks.append(look)

    def poll(self) -> None:
        """Read the lines added since the last call.

        A look with children stands where it exceeds the worker's own peak, which knows nothing
        of them; without children the worker knows better.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole, newline, _ = data.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                self._take(json.loads(line))
            except (KeyError, TypeError, ValueError):
                raise PlanbenchError(
                    "the worker tells its phases in another way; it is of a planbench too far "
                    "from this one to be measured by it"
                ) from None

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "pass":
            self.pass_seconds.append(event["seconds"])
            return
        if event["event"] == "handed-back":
            self.handed_back = event["at"]
            return
        if event["event"] == "start":
            self.open_name, self.open_since = event["name"], event["at"]
            self.open_solving = event["solving"]
            self.open_waited = event.get("waited_s")  # workers of earlier commits do not tell
            self.open_level = event.get("level_before")
            if event["solving"] and self.solving_since is None:
                self.solving_since = event["at"]
                self.level_before = event.get("level_before")
            return
        since = self.open_since or 0.0
        if not event["solving"] and self.solving_since is not None:
            self.aside_s += max(0.0, event["at"] - since)
        seen = [k.held for k in self._looks if k.children and since <= k.at <= event["at"]]
        self._looks = [k for k in self._looks if k.at > event["at"]]
        self.phases.append(
            PhaseSample(
                event["name"],
                event["wall_s"],
                event["cpu_s"],
                max(event["peak_bytes"], *seen) if seen else event["peak_bytes"],
                solving=event["solving"],
                wait_s=event.get("wait_s"),
                level=self.open_level,
            )
        )
        self.open_name, self.open_since = None, None
        self.method = event["method"]

    def aside(self, now: float) -> float:
        """Seconds since the first counted phase in phases that do not count, until `now`."""
        if self.open_since is None or self.open_solving or self.solving_since is None:
            return self.aside_s
        return self.aside_s + max(0.0, now - self.open_since)

    def close(self, at: float, waited: float | None = None) -> None:
        """End the phase in which the worker died, if any, at monotonic time `at`.

        Parameters
        ----------
        at : float
        waited : float or None
            Seconds without a processor since the worker began, when last seen.
        """
        self.poll()
        if self.open_name is not None and self.open_since is not None:
            seen = [look.held for look in self._looks if look.at >= self.open_since]
            self.phases.append(
                PhaseSample(
                    self.open_name,
                    max(0.0, at - self.open_since),
                    None,
                    max(seen) if seen else None,
                    solving=self.open_solving,
                    complete=False,
                    wait_s=None
                    if waited is None or self.open_waited is None
                    else max(0.0, waited - self.open_waited),
                    level=self.open_level,
                )
            )
            self.open_name = None


def read_result(folder: Path) -> dict[str, Any] | None:
    """Read the worker's ``result.json``; None when it left none that is whole."""
    try:
        result = json.loads((folder / RESULT_FILE).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(result, dict) or result.get("protocol") != PROTOCOL_VERSION:
        return None
    return result


def read_solution(folder: Path, facts: dict[str, Any]) -> Solution:
    """Put a solution together from ``solution.npz`` and the facts in ``result.json``."""
    import numpy as np

    with np.load(folder / SOLUTION_FILE, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    objective = facts["objective"]
    return Solution(
        claim=facts["claim"],
        x=arrays.get("x"),
        y=arrays.get("y"),
        objective=None if objective is None else float(objective),
        native_status=facts["native_status"],
        iterations=facts["iterations"],
        primal_ray=arrays.get("primal_ray"),
        dual_ray=arrays.get("dual_ray"),
        hit_limit=facts["hit_limit"],
        version=facts["version"],
        method_run=facts["method_run"],
        threads_used=facts["threads_used"],
        options=facts["options"],
        notes=tuple(facts["notes"]),
        presolved=facts.get("presolved", {}),  # workers of earlier commits do not tell
    )
