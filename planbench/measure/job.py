"""What the parent asks of a worker process: one instance, one solver, one folder.

A job travels as JSON with a protocol version, so that a worker of another planbench (an older
commit in another environment) can say that it does not understand instead of guessing.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.solvers.base import SolveFunction, SolveOptions, SolverSpec

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
    adapter : str or None
        Module name or path of a ``.py`` file holding ``SOLVERS`` and ``solve``, for an adapter
        that is not in the registry (one that is being written); None asks the registry.
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
    adapter: str | None = None
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


def resolve_solver(solver: str, adapter: str | None = None) -> tuple[SolverSpec, SolveOptions]:
    """Facts about the solver called `solver`, and the options its name implies.

    Parameters
    ----------
    solver : str
        ``NAME``, ``NAME:stock`` or ``cmd:'…'``.
    adapter : str or None
        As in :class:`Job`; its solvers come before the registry's.

    Returns
    -------
    SolverSpec
    SolveOptions
        Only ``stock`` and ``command`` are set.

    Raises
    ------
    InputError
        When there is no such solver.
    """
    if adapter is not None:
        name, _, variant = solver.partition(":")
        for spec in _adapter_module(adapter).SOLVERS:
            if spec.name == name and variant in ("", "stock"):
                return spec, SolveOptions(stock=variant == "stock")
    from planbench.solvers.registry import find_solver

    spec, stock, command = find_solver(solver)
    return spec, SolveOptions(stock=stock, command=command)


def with_name(options: SolveOptions, implied: SolveOptions) -> SolveOptions:
    """`options` together with what the solver's name implies (``:stock``, the command)."""
    return replace(
        options,
        stock=options.stock or implied.stock,
        command=implied.command if implied.command is not None else options.command,
    )


def load_solve(spec: SolverSpec, adapter: str | None = None) -> SolveFunction:
    """Import the adapter of `spec` and return its ``solve`` function."""
    if adapter is not None:
        module = _adapter_module(adapter)
        if spec in module.SOLVERS:
            solve: SolveFunction = module.solve
            return solve
    from planbench.solvers.registry import load_adapter

    return load_adapter(spec)


def _adapter_module(adapter: str) -> Any:
    """Import an adapter by module name or by the path of its file."""
    if not adapter.endswith(".py"):
        try:
            return importlib.import_module(adapter)
        except ImportError as error:
            raise InputError(f"cannot be imported: {error}", where=f"adapter {adapter}") from None
    path = Path(adapter)
    name = f"planbench_adapter_{path.stem}"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    if not path.is_file():
        raise InputError("no such file", where=f"adapter {adapter}")
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module
