"""What is to be measured: one request, resolved once, becomes one record.

Instances are made ready for it: on disk for the workers, described in the records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.io.files import cache_folder
from planbench.io.npz import save_npz
from planbench.measure.launch import Interpreter
from planbench.measure.machine import git_commit, package_versions
from planbench.records.schema import InstanceFacts
from planbench.records.values import json_safe, recipe_parts
from planbench.solvers.base import SolveOptions, SolverSpec
from planbench.solvers.environments import WORKER_PACKAGES, own_source
from planbench.solvers.registry import (
    ChosenSolver,
    choose_solver,
    distributions,
    find_solver,
    own_environment,
)
from planbench.version import __version__


@dataclass(frozen=True)
class WorkerEnvironment:
    """An environment other than planbench's own, in which a worker runs.

    Attributes
    ----------
    name : str
        What the record calls it, e.g. ``highspy==1.13.1``.
    interpreter : Interpreter
    packages : mapping of str to str
        Versions of the packages installed there, and of planbench.
    commit : str or None
        Git commit of the planbench used there.
    files : mapping of str to str
        Hash of the files of each package there; empty where it is not known.
    """

    name: str
    interpreter: Interpreter
    packages: Mapping[str, str]
    commit: str | None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Conditions:
    """How measurements are made: the same for all of a session.

    Attributes
    ----------
    time_limit_s : float
        Wall seconds for build, load, solve and extract; enforced from outside.
    memory_limit_bytes : int
        Resident bytes of worker and children; enforced from outside.
    polish : bool
        Polish the answer for the polished gap (its seconds are recorded).
    tolerance : float
        Relative gap up to which an answer counts as certified.
    environment : WorkerEnvironment or None
        Another environment to run the worker in; the answer is judged here all the same. By
        default this one, or the solver's own (:attr:`SolverSpec.environment`).
    in_process : bool
        Solve in this process, as :mod:`planbench.measure.in_process` says: less is measured, and
        the memory limit is not enforced.
    """

    time_limit_s: float
    memory_limit_bytes: int
    polish: bool = True
    tolerance: float = 1e-6
    environment: WorkerEnvironment | None = None
    in_process: bool = False


@dataclass(frozen=True)
class Place:
    """Where a measurement belongs.

    Attributes
    ----------
    suite, group : str
        Suite, and ladder or group within it; or empty.
    repeat : int
    variable : str
        What the ladder varies, or empty.
    value : int, float, str or None
        The value of it here.
    """

    suite: str = ""
    group: str = ""
    repeat: int = 0
    variable: str = ""
    value: int | float | str | None = None


def own_worker_environment(spec: SolverSpec) -> WorkerEnvironment | None:
    """Environment of its own in which a solver runs, built if need be; None: it runs in this one.

    Raises
    ------
    SolverUnavailableError
        It cannot be built.
    """
    own = own_environment(spec)
    if own is None:
        return None
    wanted = (*WORKER_PACKAGES, *distributions(spec))
    needed = {name: own.packages[name] for name in wanted if name in own.packages}
    return WorkerEnvironment(
        ",".join(spec.environment),
        Interpreter(own.python, str(own_source(cache_folder()))),
        {"planbench": __version__} | {name: version for name, (version, _) in needed.items()},
        git_commit(),
        {name: files for name, (_, files) in needed.items()},
    )


@dataclass(frozen=True, eq=False)
class Request:
    """One measurement to be made; :func:`make_request` checks and resolves it.

    Attributes
    ----------
    instance : Instance
    solver : ChosenSolver
    options : SolveOptions
        Checked, with what the solver's name implies.
    conditions : Conditions
    place : Place
    """

    instance: Instance
    solver: ChosenSolver
    options: SolveOptions
    conditions: Conditions
    place: Place

    @property
    def key(self) -> str:
        """Identity of what is measured, as in the record."""
        return measurement_key(self.instance.sha256, self.solver.name, self.options)

    @property
    def packages(self) -> dict[str, str]:
        """Versions of the packages it runs with, as in the record."""
        environment = self.conditions.environment
        if environment is None:
            return package_versions(self.solver.spec.packages)
        return dict(environment.packages)

    @property
    def passed_options(self) -> SolveOptions:
        """Options with the time limit, which is passed on to a solver that has one."""
        if self.options.time_limit is None and "time_limit" in self.solver.spec.takes:
            return replace(self.options, time_limit=self.conditions.time_limit_s)
        return self.options


def make_request(
    instance: Instance,
    solver: str | ChosenSolver,
    options: SolveOptions,
    conditions: Conditions,
    place: Place | None = None,
) -> Request:
    """Ask for one measurement; a solver's own environment is built if need be.

    Parameters
    ----------
    instance : Instance
    solver : str or ChosenSolver
    options : SolveOptions
        As asked for.
    conditions : Conditions
    place : Place, optional

    Raises
    ------
    InputError
        Unknown solver, or an option it lacks.
    SolverUnavailableError
        The solver cannot run here.
    """
    here = conditions.environment is None
    if isinstance(solver, str) and here:
        solver = choose_solver(solver, in_process=conditions.in_process)
    elif isinstance(solver, str):
        solver = find_solver(solver)  # the worker says what is missing there
    if here and not conditions.in_process:
        conditions = replace(conditions, environment=own_worker_environment(solver.spec))
    return Request(instance, solver, solver.options(options), conditions, place or Place())


# -- instances made ready -------------------------------------------------------------------

#: Instances up to so many bytes together are kept in memory.
KEEP_BYTES = 256 << 20

Load = Callable[[str], Instance]


def bytes_of(instance: Instance) -> int:
    """Bytes of the arrays of `instance`."""
    return instance.economy.nbytes if instance.economy is not None else instance.lp.nbytes


def instance_facts(instance: Instance) -> InstanceFacts:
    """Return what a record says of its instance."""
    economy, lp = instance.economy, instance.lp
    sizes: dict[str, int] = {}
    if economy is not None:
        sizes = {
            "goods": economy.n_goods,
            "activities": economy.n_activities,
            "resources": economy.n_resources,
            "targets": economy.n_targets,
        }
    return InstanceFacts(
        name=instance.name,
        sha256=instance.sha256,
        recipe=json_safe(dict(instance.recipe)),
        asked=recipe_parts(instance.name),
        rows=lp.n_rows,
        columns=lp.n_cols,
        nonzeros=int(lp.matrix.nnz),
        **sizes,
    )


@dataclass
class InstanceCache:
    """Instances for measurements: the last ones in memory, each once as ``.npz`` for the workers.

    Attributes
    ----------
    folder : Path
        Of the files.
    load : callable
        Turns a name into the instance.
    """

    folder: Path
    load: Load = load_instance
    _kept: dict[str, Instance] = field(default_factory=dict)
    _files: dict[str, Path] = field(default_factory=dict)

    def instance(self, name: str, report: Callable[[str], None] | None = None) -> Instance:
        """Return the instance called `name`; it is reported if it is to be made or loaded."""
        if name not in self._kept and report is not None:
            report(f"preparing {name}")
        found = self._kept.pop(name, None) or self.load(name)
        self._kept[name] = found
        while sum(bytes_of(i) for i in self._kept.values()) > KEEP_BYTES and len(self._kept) > 1:
            self.drop(self._kept.pop(next(iter(self._kept))))
        return found

    def path(self, instance: Instance) -> Path:
        """File of `instance`; written at the first call."""
        sha = instance.sha256
        path = self._files.get(sha)
        if path is None or not path.exists():
            path = self.folder / f"{sha}.npz"
            self.folder.mkdir(parents=True, exist_ok=True)  # a solver may have removed it
            save_npz(instance.economy or instance.lp, path)
            self._files[sha] = path
        return path

    def drop(self, instance: Instance) -> None:
        """Delete the file of `instance`, if there is one."""
        path = self._files.pop(instance.sha256, None)
        if path is not None:
            path.unlink(missing_ok=True)


def measurement_key(sha256: str, solver: str, options: SolveOptions) -> str:
    """Identity of what is measured: instance, solver and options, 16 hexadecimal digits.

    Limits do not count: raising one does not make another measurement of a run that ended.
    """
    canonical = json.dumps([sha256, solver, asked_options(options)], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def asked_options(options: SolveOptions) -> dict[str, Any]:
    """Options that were asked for, in JSON values; those left alone are not listed."""
    named = {
        "tolerance": options.tolerance,
        "threads": options.threads,
        "time_limit": options.time_limit,
        "seed": options.seed,
        "native": {k: json_safe(v) for k, v in sorted(options.native.items())} or None,
    }
    return {name: value for name, value in named.items() if value is not None}
