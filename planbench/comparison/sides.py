"""What one side of a comparison is (packages, a commit, options), and the environment it runs in.

A side is written as parts with commas between them:

=========================== ==================================================================
``highspy==1.13.1``         a package as pip takes it, in an environment of its own: with a
                            version, a range (``highspy>=1.14,<2``), extras, a marker, an address
                            (``highspy @ git+https://…``), or its newest release (``highspy``)
``./highspy-1.16-….whl``    a wheel or source archive
``./HiGHS``                 the folder of a project, built by pip
``--pre``                   pre-releases count too
``git:REF``                 planbench as of a commit, tag or branch of this checkout
``presolve=off``            an option: tolerance, threads, seed, or a native one
``solver=NAME``             another solver than the other side's
``cmd:'PROGRAM {mps} {sol}'`` a program as the solver; takes the rest of the text
``here``                    the environment planbench runs in, as it is
=========================== ==================================================================

What a version, marker or address means is left to pip.

Only what a side names differs from the environment planbench runs in: the packages a worker needs
are pinned to the versions found here, and planbench itself is that of here or of a git commit.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import filelock
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    parse_sdist_filename,
    parse_wheel_filename,
)

from planbench.bench.request import WorkerEnvironment
from planbench.errors import InputError, PlanbenchError
from planbench.io.files import CACHE_VARIABLE, cache_folder, os_error_as_input
from planbench.measure.launch import Interpreter
from planbench.measure.machine import git_commit
from planbench.solvers.base import NativeValue, SolveOptions
from planbench.solvers.environments import (
    WORKER_PACKAGES,
    Environment,
    Wanted,
    installed_here,
    make_environment,
    one_line,
    own_source,
    run_command,
)
from planbench.solvers.installed import normalised
from planbench.solvers.registry import (
    distributions,
    find_solver,
    list_solvers,
    solvers_that_use,
    uses,
)

HERE = "here"
_PRE = "--pre"
_EXAMPLE = (
    "write a package as pip takes it (highspy==1.13.1), a wheel or folder (./NAME), git:REF, "
    "OPTION=VALUE or here"
)
_OPTION = re.compile(r"([A-Za-z_][\w.-]*)\s*=(?![=<>~!])\s*(.*)", re.DOTALL)
_REF = re.compile(r"[A-Za-z0-9_./@^~{}][A-Za-z0-9_./@^~{}-]*")
_ARCHIVES = (".whl", ".tar.gz", ".zip")
#: One part of a side: a command takes the rest of the text; commas in quotes and brackets, and
#: those before a further version clause (``pkg>=1,<2``), belong to the part.
_PART = re.compile(
    r"""\s*((?:solver\s*=\s*)?cmd:.*
      | (?:"[^"]*"?|'[^']*'?|\[[^]]*\]?|\([^)]*\)?|,(?=\s*(?:[<>!~]=?|==))|[^,])*)""",
    re.DOTALL | re.VERBOSE,
)


#: Options that every solver has; others are its own, and stay text.
_READ: dict[str, Callable[[str], NativeValue]] = {"tolerance": float, "threads": int, "seed": int}


@dataclass(frozen=True)
class Package:
    """A package that a side asks for.

    Attributes
    ----------
    name : str
        As package indexes compare names.
    requirement : str
        What the installer is given.
    """

    name: str
    requirement: str

    @property
    def is_direct(self) -> bool:
        """Whether it is a file, a folder or an address, not a release of a package index."""
        return Requirement(self.requirement).url is not None

    @property
    def is_fixed(self) -> bool:
        """Whether it names one release of a package index, and so always means the same."""
        clauses = list(Requirement(self.requirement).specifier)
        exact = any(c.operator == "==" and not c.version.endswith(".*") for c in clauses)
        return exact and not self.is_direct


@dataclass(frozen=True)
class Side:
    """One side of a comparison, as it was asked for.

    Attributes
    ----------
    text : str
        As typed, without spaces around the parts; the name it goes by.
    packages : tuple of Package
        Sorted by name.
    pre : bool
        Whether pre-releases of them count.
    ref : str or None
        Git revision of planbench.
    solver : str or None
        Solver instead of the comparison's.
    changes : mapping of str to value
        Options instead of the comparison's: tolerance, threads, seed, or native ones.
    """

    text: str
    packages: tuple[Package, ...] = ()
    pre: bool = False
    ref: str | None = None
    solver: str | None = None
    changes: Mapping[str, NativeValue] = field(default_factory=dict)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it needs an environment other than this one."""
        return bool(self.packages) or self.ref is not None

    @property
    def names(self) -> frozenset[str]:
        """Names of its packages."""
        return frozenset(package.name for package in self.packages)

    def options(self, common: SolveOptions) -> SolveOptions:
        """Options of this side, from those both sides have in common."""
        own: dict[str, Any] = {k: v for k, v in self.changes.items() if k in _READ}
        native = {k: v for k, v in self.changes.items() if k not in _READ}
        return replace(common, native={**common.native, **native}, **own)


# -- reading ---------------------------------------------------------------------------------


def parse_side(text: str, where: str = "side") -> Side:
    """Read a side.

    Parameters
    ----------
    text : str
        E.g. ``highspy==1.13.1``, ``./highspy-1.16.0-….whl``, ``git:HEAD~3``,
        ``presolve=off,threads=2``, ``here``.
    where : str
        Option it was given with, for the message.

    Raises
    ------
    InputError
        Names the part that cannot be read, or is given twice.
    """
    parts = split_parts(text)
    if not all(parts):
        raise InputError(f"{text!r} has an empty part; {_EXAMPLE}", where=where)
    side = Side(",".join(parts))
    for part in parts:
        side = _with_part(side, part, where)
    if HERE in parts and side.is_elsewhere:
        raise InputError(
            f"{text!r}: {HERE} is this environment as it is; leave it out", where=where
        )
    if side.pre and not side.packages:
        raise InputError(f"{text!r}: {_PRE} needs a package, e.g. 'highspy {_PRE}'", where=where)
    return replace(side, packages=tuple(sorted(side.packages, key=lambda p: p.name)))


def parse_versions(text: str, where: str = "versions") -> list[Side]:
    """Read ``highspy==1.12.0,1.13.1``, ``git:A,git:B`` or wheels.

    A bare version is of the last package.

    Raises
    ------
    InputError
        An empty item, or a bare version before any package.
    """
    sides: list[Side] = []
    package = ""
    for item in split_parts(text):
        is_bare = re.fullmatch(r"\d[\w.!+]*", item)
        if is_bare and package:
            item = f"{package}=={item}"
        elif is_bare or not item:
            raise InputError(
                f"{item!r} is no version; write PACKAGE==V,V,…, git:REF,git:REF,… or wheels",
                where=where,
            )
        side = parse_side(item, where)
        package = side.packages[0].name if side.packages else ""
        sides.append(side)
    return sides


def split_parts(text: str) -> list[str]:
    """Split a side at its commas, but for those within brackets, quotes, commands and versions."""
    parts, at = [], 0
    while at <= len(text):
        match = _PART.match(text, at)
        assert match is not None  # an empty part is one
        parts.append(match[1].strip())
        at = match.end() + 1
    return parts


def _with_part(side: Side, part: str, where: str) -> Side:
    if part == HERE:
        return side
    if part.startswith("git:"):
        ref = part.removeprefix("git:")
        if side.ref is not None or not _REF.fullmatch(ref):
            raise InputError(f"{part!r}: give one commit, tag or branch, git:REF", where=where)
        return replace(side, ref=ref)
    if part.startswith("cmd:"):
        return _with_option(side, "solver", part, where)
    option = _OPTION.fullmatch(part)
    if option:
        if not option[2]:
            raise InputError(f"{part!r} has no value; {_EXAMPLE}", where=where)
        if solvers_that_use(option[1]).direct:
            raise InputError(f"{part!r}: write {option[1]}=={option[2]}", where=where)
        return _with_option(side, option[1], option[2], where)
    words = part.split()
    if _PRE in words:
        side = replace(side, pre=True)
        part = " ".join(word for word in words if word != _PRE)
        if not part:
            return side
    package = _package(part, where)
    if package.name == "planbench":
        raise InputError(
            f"{part!r}: another planbench is asked for by its commit, git:REF", where=where
        )
    if package.name in side.names:
        raise InputError(f"{package.name} is given twice; give it once", where=where)
    return replace(side, packages=(*side.packages, package))


def _package(part: str, where: str) -> Package:
    """Read what pip would install."""
    if part.startswith((".", "/", "~")) or ("://" not in part and part.endswith(_ARCHIVES)):
        return _of_path(part, "", where)
    try:
        asked = Requirement(part)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{part!r} cannot be read: {reason}; {_EXAMPLE}", where=where) from None
    if asked.url is not None and not re.match(r"[A-Za-z][\w+.-]*:", asked.url):
        return _of_path(asked.url, asked.name, where)
    asked.name = normalised(asked.name)
    return Package(asked.name, str(asked))


def _of_path(text: str, name: str, where: str) -> Package:
    """Read a wheel, a source archive or the folder of a project."""
    path = Path(text).expanduser()
    if not path.exists():
        raise InputError(
            f"there is no file or folder {text}; give a wheel, a source archive or a project's "
            "folder",
            where=where,
        )
    name = name or _name_of_file(path)
    if not name:
        raise InputError(
            f"{text} does not say which package it is; write 'NAME @ {text}'", where=where
        )
    return Package(normalised(name), f"{name} @ {path.resolve().as_uri()}")


def _name_of_file(path: Path) -> str:
    """Name of the package in an archive or a project's folder; empty where it does not say so."""
    try:
        if path.is_dir():
            return str(
                tomllib.loads((path / "pyproject.toml").read_text("utf-8"))["project"]["name"]
            )
        parse = parse_wheel_filename if path.suffix == ".whl" else parse_sdist_filename
        return str(parse(path.name)[0])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _with_option(side: Side, key: str, value: str, where: str) -> Side:
    if key in side.changes or (key == "solver" and side.solver is not None):
        raise InputError(f"{key} is given twice; give it once", where=where)
    if key == "solver":
        return replace(side, solver=value)
    try:
        read = _READ.get(key, str)(value)
    except ValueError:
        raise InputError(f"{key}={value} is not a number", where=where) from None
    return replace(side, changes={**side.changes, key: read})


# -- what they put under test ----------------------------------------------------------------


def packages_under_test(sides: Sequence[Side]) -> tuple[str, ...]:
    """Names of the packages that the sides do not ask for alike; of all, where all are alike."""
    named = frozenset().union(*(side.names for side in sides))
    alike = frozenset(sides[0].packages).intersection(*(side.packages for side in sides[1:]))
    return tuple(sorted(named - {package.name for package in alike} or named))


def default_solvers(sides: Sequence[Side]) -> list[str]:
    """Solvers to run on `sides` where none is named: for each package the first that needs it.

    Raises
    ------
    InputError
        Where that is not clear; lists the solvers to choose from.
    """
    packages = packages_under_test(sides)
    if not packages:
        if any(side.ref is not None for side in sides):
            raise InputError(
                "no solver is named, and planbench itself, which all of them run through, is under "
                "test; name some with --solver, or give --suite"
            )
        return [list_solvers()[0].name]
    found: dict[str, None] = {}
    for package in packages:
        using = solvers_that_use(package)
        if not using.direct:
            used = sorted({name for spec in list_solvers() for name in distributions(spec)})
            others = f" itself; packages of {', '.join(using.indirect)} do; name some with --solver"
            known = f"; those of planbench use {', '.join(used)}"
            raise InputError(f"no solver uses {package}{others if using.indirect else known}")
        found[using.direct[0]] = None
    return list(found)


def check_use(sides: Sequence[Side], solvers: Sequence[str]) -> None:
    """Refuse solvers of a comparison of packages that use none of these packages.

    Parameters
    ----------
    sides : sequence of Side
    solvers : sequence of str
        What the sides run where they do not name a solver themselves.

    Raises
    ------
    InputError
        Names the solver, and those that do use a package under test.
    """
    packages = packages_under_test(sides)
    if not packages or any(side.ref is not None for side in sides):
        return
    for solver in solvers:
        run = [(side, side.solver or solver) for side in sides]
        tested = frozenset(packages)
        if any(tested & side.names & uses(find_solver(name).spec) for side, name in run):
            continue
        names = dict.fromkeys(name for _, name in run)
        users = [solvers_that_use(package) for package in packages]
        could = [s for found in users for s in (*found.direct, *found.indirect)]
        hint = f"these do: {', '.join(dict.fromkeys(could))}" if could else "no solver does"
        raise InputError(
            f"solver {' and '.join(names)} does not use {' or '.join(packages)}, so both sides "
            f"would run the same; {hint}"
        )


def environment_for(
    side: Side, packages: Iterable[str], *, cache: Path | None = None
) -> WorkerEnvironment:
    """Build the environment of `side`, or find it in the cache.

    Parameters
    ----------
    side : Side
        One that :attr:`~planbench.comparison.sides.Side.is_elsewhere`.
    packages : iterable of str
        Distributions the solvers of the comparison need; at the versions found here, unless
        the side names another.
    cache : Path, optional
        Instead of :func:`~planbench.io.files.cache_folder`.

    Raises
    ------
    InputError
        What cannot be installed, or a revision git does not know.
    UnreachableIndexError
        No package index answers.
    PlanbenchError
        The cache folder cannot be written.
    """
    folder = cache or cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        commit, source = git_commit(), own_source(folder)
        if side.ref is not None:
            commit, source = _checked_out(side.ref, folder, side.text)
        if not side.packages:
            here = installed_here((*WORKER_PACKAGES, *packages))
            environment = Environment(sys.executable, here)
        else:
            wanted = Wanted(
                tuple(requirements(side, packages)),
                where=f"side {side.text}",
                is_fixed=all(p.is_fixed for p in side.packages) and not side.pre,
                may_build=any(p.is_direct for p in side.packages),
                pre=side.pre,
            )
            environment = make_environment(wanted, folder)
    except OSError as error:
        raise PlanbenchError(
            f"{folder}: cannot hold an environment ({error.strerror or error}); "
            f"name another folder with {CACHE_VARIABLE}"
        ) from None
    found = environment.packages
    versions = {name: version for name, (version, _) in found.items()}
    return WorkerEnvironment(
        _name_of(side, commit, found),
        Interpreter(environment.python, str(source)),
        {**versions, "planbench": _version_of(source)},
        commit,
        {name: files for name, (_, files) in found.items()},
    )


def _name_of(side: Side, commit: str | None, found: Mapping[str, tuple[str, str]]) -> str:
    """Name an environment as records do: its packages as installed, and the commit in full."""
    pieces = []
    for package in side.packages:
        if package.name not in found:
            raise PlanbenchError(
                f"side {side.text}: pip installed no {package.name} for {package.requirement}"
            )
        version, files = found[package.name]
        # What does not come from an index may change and keep its version.
        pieces.append(f"{package.name}=={version}{'#' + files[:12] if package.is_direct else ''}")
    if side.ref is not None:
        pieces.append(f"git:{commit}")
    return ",".join(pieces)


def requirements(side: Side, packages: Iterable[str]) -> list[str]:
    """List what is installed for `side`: what it names, the rest pinned to the versions here."""
    pins = installed_here((*WORKER_PACKAGES, *packages))
    return sorted(
        [f"{name}=={version}" for name, (version, _) in pins.items() if name not in side.names]
        + [package.requirement for package in side.packages]
    )


def _checked_out(ref: str, cache: Path, text: str) -> tuple[str, Path]:
    """Commit that `ref` means, and a folder with the planbench of that commit."""
    root = Path(__file__).resolve().parents[2]
    where = f"side {text}"
    if not (root / ".git").exists():
        raise InputError("planbench does not run from a git checkout here", where=where)
    done = run_command(
        ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"]
    )
    commit = done.stdout.strip()
    if done.returncode or not commit:
        raise InputError(f"git knows no revision {ref!r}; see git log", where=where)
    folder = cache / "source" / commit
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            _extract(root, commit, folder, where)
    if not (folder / "planbench" / "measure" / "worker.py").is_file():
        raise InputError(
            f"commit {commit[:12]} is too old: it has no worker to be measured by", where=where
        )
    return commit, folder


def _extract(root: Path, commit: str, folder: Path, where: str) -> None:
    """Put the package of `commit` into `folder`, whole or not at all."""
    part = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
    try:
        archive = part / "planbench.zip"
        done = run_command(
            ["git", "-C", str(root), "archive", "-o", str(archive), commit, "planbench"]
        )
        if done.returncode:
            raise InputError(
                f"commit {commit[:12]} holds no planbench: {one_line(done.stderr)}", where=where
            )
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(part / "out")
        (part / "out").replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _version_of(source: Path) -> str:
    # Commits of before the module version have it in __init__.py.
    package = source / "planbench"
    path = package / "version.py"
    if not path.exists():
        path = package / "__init__.py"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise os_error_as_input(error, source, "read planbench there") from None
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found else "unknown"
