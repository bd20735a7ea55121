"""Which solvers there are, under which names, and whether they can run here.

Nothing in this module imports a solver package: adapter modules state their facts
(``SOLVERS``) without one. Third-party packages add solvers with an entry point in the group
``planbench.solvers`` that gives a :class:`SolverSpec` or a tuple of them. The environment variable
``PLANBENCH_ADAPTERS`` adds adapters that are not installed: paths of ``.py`` files.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import math
import os
import re
import shlex
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from planbench.errors import InputError, PlanbenchError, SolverUnavailableError
from planbench.io.text import known_names
from planbench.solvers import environments
from planbench.solvers.base import OPTION_NAMES, SolveFunction, SolveOptions, SolverSpec
from planbench.solvers.installed import normalised

ENTRY_POINT_GROUP = "planbench.solvers"
#: Names adapter files that are not installed, separated as in ``PATH``.
ADAPTERS_VARIABLE = "PLANBENCH_ADAPTERS"

#: Adapter modules of planbench itself, in the order they are listed.
BUILTIN_MODULES = (
    "planbench.solvers.highs",
    "planbench.solvers.scipy_highs",
    "planbench.solvers.cbc",
    "planbench.solvers.ortools",
    "planbench.solvers.command",
    "planbench.planners.primal_dual",
    "planbench.planners.value_iteration",
    "planbench.planners.two_level",
    "planbench.planners.general",
    "planbench.planners.material_balances",
    "planbench.planners.harmony",
    "planbench.solvers.null",
)


@dataclass(frozen=True)
class BrokenPlugin:
    """A third-party entry point that could not be used.

    Attributes
    ----------
    name : str
        Name of the entry point.
    package : str
        Distribution it comes from.
    reason : str
        One line.
    """

    name: str
    package: str
    reason: str


@cache
def _builtin() -> tuple[SolverSpec, ...]:
    specs: list[SolverSpec] = []
    for module in BUILTIN_MODULES:
        specs.extend(importlib.import_module(module).SOLVERS)
    return tuple(specs)


def _foreign_adapters(files: str) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Name, origin and loader of each adapter that is not planbench's own."""
    points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    for point in sorted(points, key=lambda p: p.name):
        yield point.name, point.dist.name if point.dist else "unknown package", point.load
    for path in filter(None, files.split(os.pathsep)):
        yield Path(path).stem, path, partial(_load_file, path)


@cache
def _load_file(path: str) -> tuple[SolverSpec, ...]:
    """Solvers of an adapter's file, which is imported under a name of its own."""
    name = f"planbench_adapter_{Path(path).stem}_{zlib.crc32(path.encode()):x}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ImportError("is no Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return tuple(replace(spec, module=name) for spec in module.SOLVERS)


@cache
def _third_party(files: str) -> tuple[tuple[SolverSpec, ...], tuple[BrokenPlugin, ...]]:
    specs: list[SolverSpec] = []
    broken: list[BrokenPlugin] = []
    taken = {spec.name for spec in _builtin()}
    for name, origin, load in _foreign_adapters(files):
        try:
            loaded = load()
            found = (loaded,) if isinstance(loaded, SolverSpec) else tuple(loaded)
            for spec in found:
                if not isinstance(spec, SolverSpec):
                    raise TypeError(f"gives a {type(spec).__name__}, not a SolverSpec")
                _check_new_name(spec.name, taken)
        except Exception as error:  # a broken package must not take the others with it
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            broken.append(BrokenPlugin(name, origin, reason))
            continue
        specs.extend(found)
        taken.update(spec.name for spec in found)
    return tuple(specs), tuple(broken)


def _check_new_name(name: str, taken: set[str]) -> None:
    if name in taken:
        raise ValueError(f"the name {name!r} is taken")
    if not name or ":" in name or "," in name or any(c.isspace() for c in name):
        raise ValueError(f"{name!r} is no solver name: no colons, commas or spaces")


@dataclass(frozen=True)
class Users:
    """Solvers that use a package.

    Attributes
    ----------
    direct : tuple of str
        Those that state it.
    indirect : tuple of str
        Those of which a stated package needs it.
    """

    direct: tuple[str, ...]
    indirect: tuple[str, ...]


def distributions(spec: SolverSpec) -> tuple[str, ...]:
    """Return the distributions a solver runs on, its adapter's included, by normalised name."""
    names = [normalised(name) for name in spec.packages]
    top = spec.module.partition(".")[0]
    if top != "planbench":
        owners = importlib.metadata.packages_distributions().get(top, [])
        names += [normalised(name) for name in owners]
    return tuple(dict.fromkeys(names))


def uses(spec: SolverSpec) -> frozenset[str]:
    """Return the distributions a solver runs on and all that these need, as installed here."""
    found: set[str] = set()
    left = list(distributions(spec))
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _needs(name)
    return frozenset(found)


@cache
def _needs(distribution: str) -> tuple[str, ...]:
    try:
        stated = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    # Not at the top: a worker, in whose environment packaging may be missing, asks for none of it.
    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in stated]
    return tuple(
        normalised(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})
    )


def solvers_that_use(package: str) -> Users:
    """Find the solvers that use a distribution, in the order they are listed."""
    name = normalised(package)
    direct = tuple(s.name for s in list_solvers() if name in distributions(s))
    others = (s for s in list_solvers() if s.name not in direct)
    return Users(direct, tuple(s.name for s in others if name in uses(s)))


def list_solvers() -> tuple[SolverSpec, ...]:
    """Return every solver planbench knows, available here or not; its own first."""
    return _builtin() + _third_party(os.environ.get(ADAPTERS_VARIABLE, ""))[0]


def broken_plugins() -> tuple[BrokenPlugin, ...]:
    """Third-party adapters that failed, each with its reason."""
    return _third_party(os.environ.get(ADAPTERS_VARIABLE, ""))[1]


@dataclass(frozen=True)
class ChosenSolver:
    """A solver by the name it was asked for.

    Attributes
    ----------
    name : str
        ``NAME``, ``NAME:stock`` or ``cmd:COMMAND``.
    spec : SolverSpec
    stock : bool
        The solver's own defaults: ``NAME:stock``.
    command : str or None
        The command line of ``cmd:``, with its ``{mps}`` and ``{sol}``.
    """

    name: str
    spec: SolverSpec
    stock: bool = False
    command: str | None = None

    def options(self, asked: SolveOptions) -> SolveOptions:
        """Return the options asked for together with what the name implies.

        Raises
        ------
        InputError
            When the solver lacks one of them.
        """
        named = replace(
            asked, stock=asked.stock or self.stock, command=self.command or asked.command
        )
        check_options(self.spec, named)
        return named


def _spec_called(name: str) -> SolverSpec | None:
    """Find a spec with as few imports as can be: a worker must stay thin."""
    for module in BUILTIN_MODULES:
        # A planner's module has its name; a file must not take it.
        if module.startswith("planbench.solvers.") or module.endswith(f".{name.replace('-', '_')}"):
            for spec in importlib.import_module(module).SOLVERS:
                if spec.name == name:
                    return cast("SolverSpec", spec)
    for path in filter(None, os.environ.get(ADAPTERS_VARIABLE, "").split(os.pathsep)):
        with suppress(Exception):  # why it failed is said where it is listed
            for spec in _load_file(path):
                if spec.name == name:
                    return spec
    return next((spec for spec in list_solvers() if spec.name == name), None)


def find_solver(name: str) -> ChosenSolver:
    """Find the solver meant by ``NAME``, ``NAME:stock`` or ``cmd:COMMAND``.

    Raises
    ------
    InputError
        Unknown name (with the nearest one), no stock configuration, or a bad command.
    """
    base, colon, rest = name.strip().partition(":")
    spec = _spec_called(base)
    if spec is None:
        known = [spec.name for spec in list_solvers()]
        for plugin in broken_plugins():
            if plugin.name == base:
                raise InputError(
                    f"solver {base!r} comes from {plugin.package}, which failed: {plugin.reason}"
                )
        raise InputError(f"unknown solver {base!r}; {known_names(base, known)}")
    if base == "cmd":
        return ChosenSolver(name, spec, command=_checked_command(rest))
    if colon and rest != "stock":
        what = f"has no configuration {rest!r}" if rest else "ends in a colon"
        raise InputError(f"{name!r} {what}; write {base} or {base}:stock")
    if colon and not spec.stock:
        raise InputError(f"solver {base} has no stock configuration; write {base}")
    return ChosenSolver(name, spec, stock=bool(colon))


def choose_solver(name: str, *, in_process: bool = False) -> ChosenSolver:
    """Find the solver called `name`, and check that it can run here.

    With `in_process` an environment of its own does not count; none is built here.

    Raises
    ------
    InputError
        Unknown solver.
    SolverUnavailableError
        Known, but a package is missing.
    """
    chosen = find_solver(name)
    require_runnable(chosen.spec, in_process=in_process)
    return chosen


def _checked_command(text: str) -> str:
    command = text.strip()
    if len(command) >= 2 and command[0] == command[-1] and command[0] in "'\"":
        command = command[1:-1].strip()
    example = "e.g. cmd:'mysolver {mps} {sol}'"
    if not command:
        raise InputError(f"cmd: needs a command, {example}")
    for placeholder in ("{mps}", "{sol}"):
        if placeholder not in command:
            raise InputError(f"the command {command!r} lacks {placeholder}, {example}")
    try:
        shlex.split(command)
    except ValueError as error:
        raise InputError(f"the command {command!r} cannot be read: {error}") from None
    return command


def availability(spec: SolverSpec) -> str | None:
    """Say why a solver cannot run now, in one line, or None if it can.

    It can also where an environment of its own (:attr:`SolverSpec.environment`) has been built.
    """
    reason = why_not_here(spec)
    if reason is None or not spec.environment:
        return reason
    if environments.is_built(spec.environment):
        return None
    return (
        f"runs with {' and '.join(spec.environment)} in an environment of its own, "
        "built when the solver is first used by its name"
    )


def own_environment(spec: SolverSpec) -> environments.Environment | None:
    """Environment of its own in which a solver runs, built if need be; None: it runs in this one.

    Raises
    ------
    SolverUnavailableError
        It cannot be built; one line says what to install instead.
    """
    if not spec.environment or why_not_here(spec) is None:
        return None
    try:
        return environments.pinned_environment(spec.environment, f"environment of {spec.name}")
    except environments.UnreachableIndexError:
        why = "no package index can be reached to build its environment; run it once online"
    except PlanbenchError as error:
        why = str(error)
    raise SolverUnavailableError(
        f"solver {spec.name} is not available: {why}, or pip install {' '.join(spec.environment)}"
    )


def why_not_here(spec: SolverSpec) -> str | None:
    """Say why a solver cannot run in this environment, in one line, or None if it can.

    Only installed distributions are examined; nothing is imported but the adapter itself.
    """
    for package in spec.packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            target = f"'planbench[{spec.extra}]'" if spec.extra else package
            target = " ".join(spec.environment) or target
            return f"needs {package}; pip install {target}"
    for supported in spec.supports:
        found = importlib.metadata.version(supported.package)
        if _release(found) < _release(supported.least):
            return (
                f"needs {supported.package} {supported.least} or later, found {found}; "
                f"pip install --upgrade {supported.package}"
            )
    try:
        module = importlib.import_module(spec.module)
    except Exception as error:  # a third-party adapter may fail in any way
        return " ".join(f"its adapter fails: {type(error).__name__}: {error}".split())
    # An adapter may know more, e.g. that two packages must have the same version.
    unavailable = getattr(module, "unavailable", None)
    reason = unavailable(spec) if unavailable is not None else None
    return None if reason is None else str(reason)


def available_solvers(names: Iterable[str] | None, *, in_process: bool = False) -> list[str]:
    """Resolve `names`: ``all`` (or None) is every solver available here, others must be known.

    The environment of a solver that needs one of its own is built if the solver is named; with
    ``all`` it takes part if it has been built. With `in_process` it does not count.

    Raises
    ------
    InputError
        On an unknown name.
    SolverUnavailableError
        When a solver named by itself cannot run here.
    """
    chosen: list[str] = []
    for name in names or ("all",):
        if name in ("all", "available"):
            chosen += [
                spec.name
                for spec in list_solvers()
                if spec.name != "cmd"
                and (why_not_here(spec) if in_process else availability(spec)) is None
            ]
            continue
        chosen_one = choose_solver(name, in_process=in_process)
        if not in_process:
            own_environment(chosen_one.spec)
        chosen.append(name)
    return list(dict.fromkeys(chosen))


def _release(version: str) -> tuple[int, ...]:
    """Numbers a version begins with: (1, 15, 1) for ``1.15.1rc2``."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def require_runnable(spec: SolverSpec, *, in_process: bool = False) -> None:
    """Check that a solver can run: in this environment, or in one of its own.

    Raises
    ------
    SolverUnavailableError
    """
    reason = why_not_here(spec)
    if reason is None or (spec.environment and not in_process):
        return
    if spec.environment:
        reason = f"{reason}, or let it run in an environment of its own, not in this process"
    raise SolverUnavailableError(f"solver {spec.name} is not available: {reason}")


def load_adapter(spec: SolverSpec) -> SolveFunction:
    """Import the adapter of `spec` and return its ``solve``.

    Raises
    ------
    SolverUnavailableError
        If it cannot run in this environment; the message is that of :func:`why_not_here`.
    """
    require_runnable(spec, in_process=True)
    solve: SolveFunction = importlib.import_module(spec.module).solve
    return solve


def check_options(spec: SolverSpec, options: SolveOptions) -> None:
    """Refuse values that make no sense and options the solver does not have.

    Raises
    ------
    InputError
        Names the option and what the solver does take.
    """
    if options.tolerance is not None and not (0 < options.tolerance < 1):
        raise InputError(f"is {options.tolerance:g}; give a number in (0, 1)", where="tolerance")
    if options.threads is not None and options.threads < 1:
        raise InputError(f"is {options.threads}; give 1 or more", where="threads")
    if options.time_limit is not None and not (
        math.isfinite(options.time_limit) and options.time_limit > 0
    ):
        raise InputError(f"is {options.time_limit:g}; give seconds > 0", where="time_limit")
    if options.seed is not None and not (0 <= options.seed <= 2**31 - 1):
        raise InputError(f"is {options.seed}; give 0 to 2147483647", where="seed")
    if options.stock and not spec.stock:
        raise InputError(f"solver {spec.name} has no stock configuration")
    for name in OPTION_NAMES:
        value = getattr(options, name)
        given = bool(value) if name == "native" else value is not None
        if given and name not in spec.takes:
            has = ", ".join(o for o in OPTION_NAMES if o in spec.takes) or "none"
            word = "native options (--set)" if name == "native" else f"option {name!r}"
            raise InputError(f"solver {spec.name} has no {word}; it takes: {has}")
