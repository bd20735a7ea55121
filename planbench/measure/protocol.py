"""What passes between planbench and a worker process: a job in a folder, and what comes of it.

A job travels as JSON with a protocol version, so that a worker of another planbench (an older
commit in another environment) can say that it does not understand instead of guessing. The worker
leaves its phases and its result in the folder, whatever state it died in. A solver runs in the
worker or below it and may have written there too, so what does not have the form of a worker's
own files is an error with one line.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from planbench.errors import InputError, PlanbenchError
from planbench.solvers.base import Claim, Solution, SolveOptions
from planbench.solvers.logs import open_regular

if TYPE_CHECKING:
    from planbench.model.arrays import FloatArray

PROTOCOL_VERSION = 1

#: A worker's failure that is nobody's but the disk's, and its exit status when it cannot even
#: write that down.
NO_SPACE = "no-space"
CANNOT_WRITE = 74  # EX_IOERR of sysexits.h
#: Exit status of a worker that cannot read its job.
CANNOT_READ = 2

#: Files in the job's folder.
JOB_FILE = "job.json"
LOG_FILE = "log.txt"
PHASES_FILE = "phases.jsonl"
RESULT_FILE = "result.json"
SOLUTION_FILE = "solution.npz"


@dataclass(frozen=True)
class Job:
    """One measurement to be made by one worker process.

    Attributes
    ----------
    instance : str
        Path of the ``.npz`` holding the economy or the linear program.
    solver : str
        Solver as asked for, e.g. ``highs-ds:stock``.
    folder : str
        Folder the worker writes into; it exists and is its own.
    options : SolveOptions
    calibrate : bool
        Measure matrix passes before and after the solve.
    data_limit_bytes : int or None
        Backstop on private memory (RLIMIT_DATA) the worker sets on itself.
    protocol : int
    """

    instance: str
    solver: str
    folder: str
    options: SolveOptions = field(default_factory=SolveOptions)
    calibrate: bool = True
    data_limit_bytes: int | None = None
    protocol: int = PROTOCOL_VERSION

    def to_json(self) -> str:
        """Write the job as one line of JSON."""
        data = asdict(self)
        data["options"]["native"] = dict(self.options.native)
        return json.dumps(data)


def job_from_json(text: str, where: str = "job") -> Job:
    """Read a job back.

    Raises
    ------
    InputError
        On malformed JSON, another protocol version, or missing or unknown fields.
    """
    try:
        data = json.loads(text)
        protocol = data.get("protocol")
    except (AttributeError, ValueError) as error:
        raise InputError(f"not a job: {error}", where=where) from None
    if protocol != PROTOCOL_VERSION:
        raise InputError(
            f"protocol {protocol!r}, this planbench speaks {PROTOCOL_VERSION}; "
            "use the same planbench on both sides",
            where=where,
        )
    try:
        return Job(**{**data, "options": SolveOptions(**data.get("options", {}))})
    except TypeError as error:
        raise InputError(str(error), where=where) from None


#: Read at one poll.
READ_BYTES = 1 << 20
#: No adapter has so many phases.
MOST_PHASES = 10_000
#: A result holds facts and notes, no arrays.
RESULT_BYTES = 64 << 20
#: Arrays of a solution and whether each runs over rows or columns.
ARRAYS = {"x": "columns", "y": "rows", "primal_ray": "columns", "dual_ray": "rows"}


class GarbledError(PlanbenchError):
    """A worker's file that no worker writes so."""


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
class Sample:
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
    method : str
        How the worker reads its peaks.
    pass_seconds : list of float
        Seconds of one matrix pass, before the solve and after it, as far as measured.
    """

    path: Path
    phases: list[PhaseSample] = field(default_factory=list)
    open_name: str | None = None
    open_since: float | None = None
    open_solving: bool = False
    open_waited: float | None = None
    open_level: int | None = None
    solving_since: float | None = None
    handed_back: float | None = None
    aside_s: float = 0.0
    method: str = ""
    pass_seconds: list[float] = field(default_factory=list)
    _offset: int = 0
    _last_at: float = 0.0
    _samples: list[Sample] = field(default_factory=list, repr=False)

    def see(self, sample: Sample) -> None:
        """Take in a sample from outside; :meth:`poll` finds the phase it fell into."""
        if self._samples and self.open_since is not None:
            # Within one phase only the highest matters.
            last = self._samples[-1]
            if last.at >= self.open_since and last.children <= sample.children:
                if last.held > sample.held:
                    sample = Sample(sample.at, last.held, sample.children)
                self._samples.pop()
        self._samples.append(sample)

    def poll(self) -> None:
        """Read the lines added since the last call.

        A sample with children counts where it exceeds the worker's own peak, which knows nothing
        of them; without children the worker knows better.
        """
        while self._read():
            pass

    def _read(self) -> bool:
        """Read some lines; whether there may be more."""
        try:
            with open_regular(self.path) as file:
                file.seek(self._offset)
                data = file.read(READ_BYTES)
        except OSError:
            return False
        whole, newline, _ = data.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                self._take(json.loads(line))
            except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
                raise GarbledError(
                    "the worker writes its phases in another way; it is of a planbench too far "
                    "from this one to be measured by it"
                ) from None
        if len(self.phases) > MOST_PHASES or (len(data) == READ_BYTES and not newline):
            raise GarbledError("the worker's phases have no end")
        return len(data) == READ_BYTES

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "pass":
            self.pass_seconds.append(_amount(event["seconds"]))
            return
        at = _amount(event["at"])
        if at < self._last_at:
            raise ValueError(at)
        self._last_at = at
        if kind == "handed-back":
            self.handed_back = at
            return
        name, solving = _text(event["name"]), event["solving"] is True
        if kind == "start":
            self.open_name, self.open_since, self.open_solving = name, at, solving
            # Workers of earlier commits do not say how long they waited.
            self.open_waited = _amount_or_none(event.get("waited_s"))
            self.open_level = _bytes_or_none(event.get("level_before"))
            if solving and self.solving_since is None:
                self.solving_since = at
            return
        if kind != "end":
            raise ValueError(kind)
        since = self.open_since or 0.0
        if not solving and self.solving_since is not None:
            self.aside_s += max(0.0, at - since)
        seen = [k.held for k in self._samples if k.children and since <= k.at <= at]
        self._samples = [k for k in self._samples if k.at > at]
        self.phases.append(
            PhaseSample(
                name,
                _amount(event["wall_s"]),
                _amount(event["cpu_s"]),
                max(int(_amount(event["peak_bytes"])), *seen, 0),
                solving=solving,
                wait_s=_amount_or_none(event.get("wait_s")),
                level=self.open_level,
            )
        )
        self.open_name, self.open_since = None, None
        self.method = _text(event["method"])

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
            seen = [sample.held for sample in self._samples if sample.at >= self.open_since]
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


def _amount(value: Any) -> float:
    """`value` as a finite number of 0 or more, which all clocks and sizes are."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        raise ValueError(value)
    return float(value)


def _amount_or_none(value: Any) -> float | None:
    return None if value is None else _amount(value)


def _bytes_or_none(value: Any) -> int | None:
    return None if value is None else int(_amount(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    # A lone surrogate is no text that a results file could hold.
    return value.encode(errors="replace").decode()


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return {_text(key): item for key, item in value.items()}


def _counts(value: Any) -> dict[str, int]:
    return {key: int(_amount(item)) for key, item in _mapping(value).items()}


def _option(value: Any) -> bool | int | float | str:
    if isinstance(value, int | float):
        if not (math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 63):
            raise ValueError(value)
        return value
    return _text(value)


def read_result(folder: Path) -> dict[str, Any] | None:
    """Read the worker's ``result.json``; None when it left none that is whole."""
    try:
        with open_regular(folder / RESULT_FILE) as file:
            result = json.loads(file.read(RESULT_BYTES))
    except (OSError, RecursionError, ValueError):
        return None
    if not isinstance(result, dict) or result.get("protocol") != PROTOCOL_VERSION:
        return None
    return result


def read_solution(folder: Path, facts: Any, shape: tuple[int, int] | None = None) -> Solution:
    """Put a solution together from ``solution.npz`` and the facts in ``result.json``.

    Parameters
    ----------
    folder : Path
    facts : object
        As :mod:`planbench.measure.worker` writes them.
    shape : (rows, columns), optional
        Of the problem, which the arrays must fit.

    Raises
    ------
    GarbledError
        When a worker writes no such files.
    """
    try:
        facts = _mapping(facts)
        claim = facts["claim"]
        if claim not in get_args(Claim):
            raise ValueError(claim)
        threads = facts["threads_used"]
        return Solution(
            claim=claim,
            **_read_arrays(folder / SOLUTION_FILE, shape),
            objective=None if facts["objective"] is None else float(facts["objective"]),
            native_status=_text(facts["native_status"]),
            iterations=_counts(facts["iterations"]),
            hit_limit=facts["hit_limit"] is True,
            version=_text(facts["version"]),
            method_run=_text(facts["method_run"]),
            threads_used=None if threads is None else int(_amount(threads)),
            options={key: _option(item) for key, item in _mapping(facts["options"]).items()},
            notes=tuple(_text(note) for note in facts["notes"]),
            # Workers of earlier commits do not say.
            presolved=_counts(facts.get("presolved", {})),
        )
    except (KeyError, OSError, OverflowError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise GarbledError(
            f"the result is not as a worker writes it: {type(error).__name__}: {error}"
        ) from None


def _read_arrays(path: Path, shape: tuple[int, int] | None) -> dict[str, FloatArray | None]:
    """Read the arrays that are there, each only after its header has said what it is."""
    import numpy as np
    from numpy.lib import format as npy

    arrays: dict[str, FloatArray | None] = dict.fromkeys(ARRAYS)
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        most = os.fstat(file.fileno()).st_size
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name not in ARRAYS or arrays[name] is not None or member.file_size > most:
                raise ValueError(f"{member.filename} is not expected")
            with archive.open(member) as stream:
                if npy.read_magic(stream) != (1, 0):
                    raise ValueError(f"{name} has another format")
                size, _, kind = npy.read_array_header_1_0(stream)
                wanted = size if shape is None else (shape[ARRAYS[name] == "columns"],)
                if kind != np.float64 or len(size) != 1 or size != wanted:
                    raise ValueError(f"{name} is {kind} of shape {size}, expected {wanted}")
                values = np.frombuffer(bytearray(stream.read(8 * size[0])), dtype=np.float64)
            if values.size != size[0]:
                raise ValueError(f"{name} is cut short")
            arrays[name] = values
    return arrays
