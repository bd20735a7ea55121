"""What the parent asks of a worker process: one instance, one solver, one folder.

A job travels as JSON with a protocol version, so that a worker of another planbench (an older
commit in another environment) can say that it does not understand instead of guessing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields

from planbench.errors import InputError
from planbench.solvers.base import SolveOptions

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
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=where) from None
    if not isinstance(data, dict):
        raise InputError("not a JSON object", where=where)
    protocol = data.get("protocol")
    if protocol != PROTOCOL_VERSION:
        raise InputError(
            f"protocol {protocol!r}, this planbench speaks {PROTOCOL_VERSION}; "
            "use the same planbench on both sides",
            where=where,
        )
    known = {f.name for f in fields(Job)}
    if unknown := sorted(set(data) - known):
        raise InputError(f"unknown field {unknown[0]!r}", where=where)
    try:
        data["options"] = SolveOptions(**data.get("options", {}))
        return Job(**data)
    except TypeError as error:
        raise InputError(str(error), where=where) from None
