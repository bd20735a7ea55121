"""Environments of other packages for workers: built once, kept in the user's cache folder.

The interpreter is that of this process; planbench itself is not installed but put on the path. An
environment of fixed versions is named by a hash of everything that goes into it, so that all who
ask for the same share it. What a range, a file, a folder or an address gives may change from day
to day: such an environment is built anew each time, and named by what came to be in it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from planbench.errors import InputError, PlanbenchError
from planbench.io.files import CACHE_VARIABLE, cache_folder, write_text
from planbench.solvers import installed
from planbench.solvers.installed import normalised
from planbench.supervised import run_supervised

#: What a worker imports besides a solver.
WORKER_PACKAGES = ("numpy", "scipy", "psutil")
#: Installing a side may take so long.
INSTALL_S = 900.0
_MARKER = "planbench-environment.json"
_log = logging.getLogger(__name__)

_UNREACHABLE = re.compile(
    r"dns error|name resolution|network is unreachable|connection refused|connection reset|"
    r"could not connect|failed to connect|error sending request|newconnectionerror|"
    r"operation timed out|connect timeout|network connectivity is disabled",
    re.IGNORECASE,
)


class UnreachableIndexError(PlanbenchError):
    """No package index answers; nothing is wrong with what was asked for."""


def own_source(cache: Path) -> Path:
    """Folder with nothing but this planbench in it: site-packages would bring its neighbours."""
    package = Path(__file__).resolve().parents[1]
    key = hashlib.sha256(str(package).encode()).hexdigest()[:16]
    folder = cache / "source" / f"here-{key}"
    link = folder / "planbench"
    if not link.exists():
        folder.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(package, target_is_directory=True)
    return folder


def installed_here(packages: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Version and hash of the files of `packages` in this environment, of those that are there."""
    here = installed.list_installed()
    names = map(normalised, packages)
    return {name: here[name] for name in names if name in here}


@dataclass(frozen=True)
class Wanted:
    """What an environment is to hold.

    Attributes
    ----------
    requirements : tuple of str
        As pip takes them.
    where : str
        Who asks, for messages.
    is_fixed : bool
        They give the same packages every time.
    may_build : bool
        Those without a version may have to be built; all else comes as a wheel.
    pre : bool
        Pre-releases count.
    """

    requirements: tuple[str, ...]
    where: str
    is_fixed: bool = True
    may_build: bool = False
    pre: bool = False


@dataclass(frozen=True)
class Environment:
    """An environment that was built to its end.

    Attributes
    ----------
    python : str
        Path of its interpreter.
    packages : mapping of str to (str, str)
        Version and hash of the files of each package in it.
    """

    python: str
    packages: Mapping[str, tuple[str, str]]


def make_environment(wanted: Wanted, cache: Path) -> Environment:
    """Build an environment, or find one of fixed versions in the cache.

    Raises
    ------
    InputError
        What cannot be installed.
    UnreachableIndexError
        No package index answers.
    OSError
        The cache folder cannot be written.
    """
    # Not at the top: a worker, in whose environment filelock may be missing, builds none.
    import filelock

    environments = cache / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    if wanted.is_fixed:
        folder = environments / _key(wanted.requirements)
        with filelock.FileLock(f"{folder}.lock"):
            found = _contents(folder)
            if found is None:
                found = _build(folder, wanted)
        return Environment(_python(folder), found)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=environments))
    try:
        found = _build(part / "environment", wanted)
        folder = environments / _key(f"{name} {v} {files}" for name, (v, files) in found.items())
        with filelock.FileLock(f"{folder}.lock"):
            if _contents(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)
                (part / "environment").replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Environment(_python(folder), found)


def is_built(pins: Sequence[str]) -> bool:
    """Whether the environment of :func:`pinned_environment` is in the cache."""
    return (cache_folder() / "environments" / _key(_with_worker(pins)) / _MARKER).is_file()


def pinned_environment(pins: tuple[str, ...], where: str) -> Environment:
    """Environment with a worker's packages at the versions here and `pins`; built once.

    That it is built is logged as a warning, which is shown on standard error by default.

    Parameters
    ----------
    pins : tuple of str
        As ``NAME==VERSION``.
    where : str
        Who asks, for messages.

    Raises
    ------
    PlanbenchError
        It cannot be built; tried once in a process.
    """
    found = _pinned(pins, where, cache_folder())
    if isinstance(found, PlanbenchError):
        raise found
    return found


@cache
def _pinned(pins: tuple[str, ...], where: str, folder: Path) -> Environment | PlanbenchError:
    """Environment, or why there is none."""
    if not is_built(pins):
        _log.warning("building the %s (%s), once", where, ", ".join(pins))
    try:
        return make_environment(Wanted(_with_worker(pins), where), folder)
    except OSError as error:
        return PlanbenchError(
            f"{folder} cannot hold it ({error.strerror or error}); name another folder "
            f"with {CACHE_VARIABLE}"
        )
    except PlanbenchError as error:
        return error


def _with_worker(pins: Sequence[str]) -> tuple[str, ...]:
    here = [f"{name}=={importlib.metadata.version(name)}" for name in WORKER_PACKAGES]
    return tuple(sorted([*here, *pins]))


def _key(lines: Iterable[str]) -> str:
    """Hash that names an environment: its contents, and the Python and place they are for."""
    python = (platform.python_version(), sys.platform, platform.machine(), sys.prefix)
    facts = [*sorted(lines), *python, "1"]  # the last: what a marker file holds
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def _contents(folder: Path) -> dict[str, tuple[str, str]] | None:
    """Return what is installed in an environment that was built to its end; None in another."""
    try:
        noted = json.loads((folder / _MARKER).read_text())
        found = {str(name): (str(v), str(files)) for name, (v, files) in noted.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    # Its interpreter or packages may have been removed or changed since.
    try:
        return found if _listed(_python(folder)) == found else None
    except PlanbenchError:
        return None


def find_uv() -> str | None:
    """Program ``uv``: on the path, or in the folder of this interpreter."""
    neighbour = Path(sys.executable).parent / "uv"
    return shutil.which("uv") or (str(neighbour) if neighbour.is_file() else None)


def _build(folder: Path, wanted: Wanted) -> dict[str, tuple[str, str]]:
    """Make the environment `folder` with what is wanted in it, whole or not at all."""
    shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
    try:
        _install(folder, wanted)
        found = _listed(_python(folder))
        write_text(folder / _MARKER, json.dumps(found, indent=1))
        return found
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _install(folder: Path, wanted: Wanted) -> None:
    wheels = [":all:"]
    if wanted.may_build:
        pinned = [text for text in wanted.requirements if "==" in text and "@" not in text]
        wheels = [text.partition("==")[0] for text in pinned]
    uv = find_uv()
    if uv is not None:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "install", "--quiet", "--python", _python(folder)]
        install += ["--prerelease", "allow"] if wanted.pre else []
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        install = [_python(folder), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", *(["--pre"] if wanted.pre else [])]
    for name in wheels:
        install += ["--only-binary", name]
    done = run_command(make, INSTALL_S)
    if done.returncode:
        said = one_line(done.stderr or done.stdout)
        raise InputError(
            f"no virtual environment can be made; install uv or python3-venv: {said}",
            where=wanted.where,
        )
    done = run_command([*install, *wanted.requirements], INSTALL_S)
    if done.returncode:
        said = one_line(done.stderr or done.stdout)
        if _UNREACHABLE.search(done.stderr + done.stdout):
            raise UnreachableIndexError(
                f"{wanted.where}: no package index can be reached to install it: {said}"
            )
        raise InputError(
            f"cannot be installed: {', '.join(wanted.requirements)} do not exist for Python "
            f"{platform.python_version()}, or not together; give others, with commas between "
            f"them: {said}",
            where=wanted.where,
        )


def _listed(python: str) -> dict[str, tuple[str, str]]:
    """Version and hash of the files of everything in an environment, by normalised name."""
    done = run_command([python, "-P", str(installed.__file__)])
    if done.returncode:
        raise PlanbenchError(f"{python}: does not run: {one_line(done.stderr)}")
    try:
        return {name: (v, files) for name, (v, files) in json.loads(done.stdout).items()}
    except (ValueError, AttributeError, TypeError):
        raise PlanbenchError(f"{python}: does not say what is installed") from None


def run_command(
    command: Sequence[str], timeout_s: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a program apart from the environment that happens to be active."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    environment.pop("VIRTUAL_ENV", None)
    try:
        return run_supervised(command, timeout_s=timeout_s, env=environment)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(
            list(command), 1, "", f"operation timed out after {timeout_s:g} s"
        )
    except FileNotFoundError:
        raise PlanbenchError(f"{command[0]}: no such program; install it") from None
    except OSError as error:
        raise PlanbenchError(f"{command[0]}: cannot be started: {error.strerror}") from None


def one_line(text: str, most: int = 300) -> str:
    """Bring text on one line, of which the end is kept."""
    line = " ".join(text.split())
    return line if len(line) <= most else "…" + line[-most:]
