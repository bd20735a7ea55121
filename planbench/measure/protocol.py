"""Reading what a worker left in its folder, whatever state it died in."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """

    name: str
    wall_s: float
    cpu_s: float | None
    peak_bytes: int | None
    solving: bool
    complete: bool = True
    wait_s: float | None = None


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
    open_solving : bool
    open_waited : float or None
        Seconds the worker had been without a processor when the phase going on began.
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
    solving_since: float | None = None
    handed_back: float | None = None
    level_before: int | None = None
    method: str = ""
    pass_seconds: list[float] = field(default_factory=list)
    _offset: int = 0

    def poll(self, sampled: int | None = None) -> None:
        """Read the lines added since the last call.

        Parameters
        ----------
        sampled : int or None
            Highest level of worker and children seen from outside during the phase going on;
            it stands where it exceeds the worker's own peak, which knows nothing of children.
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
            event = json.loads(line)
            self._take(event, sampled)
            if event["event"] == "end":
                sampled = None  # what was seen belongs to the phase that has just ended

    def _take(self, event: dict[str, Any], sampled: int | None) -> None:
        if event["event"] == "pass":
            self.pass_seconds.append(event["seconds"])
            return
        if event["event"] == "handed-back":
            self.handed_back = event["at"]
            return
        if event["event"] == "start":
            self.open_name, self.open_since = event["name"], event["at"]
            self.open_solving = event["solving"]
            self.open_waited = event["waited_s"]
            if event["solving"] and self.solving_since is None:
                self.solving_since = event["at"]
                self.level_before = event.get("level_before")
            return
        peak = event["peak_bytes"]
        if sampled is not None:
            peak = max(peak, sampled)
        self.phases.append(
            PhaseSample(
                event["name"],
                event["wall_s"],
                event["cpu_s"],
                peak,
                solving=event["solving"],
                wait_s=event["wait_s"],
            )
        )
        self.open_name, self.open_since = None, None
        self.method = event["method"]

    def close(self, at: float, sampled: int | None, waited: float | None = None) -> None:
        """End the phase in which the worker died, if any, at monotonic time `at`.

        Parameters
        ----------
        at : float
        sampled : int or None
            Most bytes seen in that phase.
        waited : float or None
            Seconds without a processor since the worker began, when last seen.
        """
        self.poll(sampled)
        if self.open_name is not None and self.open_since is not None:
            self.phases.append(
                PhaseSample(
                    self.open_name,
                    max(0.0, at - self.open_since),
                    None,
                    sampled,
                    solving=self.open_solving,
                    complete=False,
                    wait_s=None
                    if waited is None or self.open_waited is None
                    else max(0.0, waited - self.open_waited),
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
    )
