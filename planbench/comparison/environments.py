"""Environments for the sides of a comparison.

Only what a side names differs from the environment planbench runs in: the packages a worker needs
are pinned to the versions found here, and planbench itself is that of here or of a git commit.
"""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import filelock

from planbench.bench.request import WorkerEnvironment
from planbench.comparison.sides import Side
from planbench.errors import InputError, PlanbenchError
from planbench.io.files import CACHE_VARIABLE, cache_folder, os_error_as_input
from planbench.measure.launch import Interpreter
from planbench.measure.machine import git_commit
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
        archive = part / "planbench.tar"
        done = run_command(
            ["git", "-C", str(root), "archive", "-o", str(archive), commit, "planbench"]
        )
        if done.returncode:
            raise InputError(
                f"commit {commit[:12]} holds no planbench: {one_line(done.stderr)}", where=where
            )
        with tarfile.open(archive) as tar:
            tar.extractall(part / "out", filter="data")
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
