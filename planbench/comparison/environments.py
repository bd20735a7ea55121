"""Environments for the sides of a comparison: built once, kept in the user's cache folder.

Only what a side names differs from the environment planbench runs in: the interpreter is the
same, the packages a worker needs are pinned to the versions found here, and planbench itself is
not installed but put on the path, from here or from a git commit. An environment of fixed versions
is named by a hash of everything that goes into it, so that two comparisons share it. What a range,
a file, a folder or an address gives may change from day to day: such an environment is built anew
each time, and named by what came to be in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from planbench.bench.single import Elsewhere
from planbench.comparison import installed
from planbench.comparison.sides import Side
from planbench.errors import InputError, PlanbenchError
from planbench.io.files import os_error_as_input, write_text
from planbench.measure.launch import Interpreter
from planbench.measure.machine import git_commit
from planbench.solvers.registry import normalised
from planbench.supervised import run_supervised

#: Folder of everything kept between runs; the variable names another one.
CACHE_VARIABLE = "PLANBENCH_CACHE"
#: What a worker imports besides a solver.
WORKER_PACKAGES = ("numpy", "scipy", "psutil")
#: Installing a side may take so long.
INSTALL_S = 900.0
_MARKER = "planbench-environment.json"

_UNREACHABLE = re.compile(
    r"dns error|name resolution|network is unreachable|connection refused|connection reset|"
    r"could not connect|failed to connect|error sending request|newconnectionerror|"
    r"operation timed out|connect timeout|network connectivity is disabled",
    re.IGNORECASE,
)


class UnreachableIndexError(PlanbenchError):
    """No package index answers; nothing is wrong with what was asked for."""


def cache_folder() -> Path:
    """Folder of planbench in the user's cache: ``PLANBENCH_CACHE``, or under ``XDG_CACHE_HOME``."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "planbench"


def environment_for(side: Side, packages: Iterable[str], *, cache: Path | None = None) -> Elsewhere:
    """Build the environment of `side`, or find it in the cache.

    Parameters
    ----------
    side : Side
        One that :attr:`~planbench.comparison.sides.Side.is_elsewhere`.
    packages : iterable of str
        Distributions the solvers of the comparison need; at the versions found here, unless
        the side names another.
    cache : Path, optional
        Instead of :func:`cache_folder`.

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
        commit, source = git_commit(), _own_source(folder)
        if side.ref is not None:
            commit, source = _checked_out(side.ref, folder, side.text)
        if not side.packages:
            found = installed_here((*WORKER_PACKAGES, *packages))
            python = sys.executable
        else:
            python, found = _installed(side, packages, folder)
    except OSError as error:
        raise PlanbenchError(
            f"{folder}: cannot hold an environment ({error.strerror or error}); "
            f"name another folder with {CACHE_VARIABLE}"
        ) from None
    versions = {name: version for name, (version, _) in found.items()}
    return Elsewhere(
        _name_of(side, commit, found),
        Interpreter(python, str(source)),
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


# -- planbench itself ------------------------------------------------------------------------


def _own_source(cache: Path) -> Path:
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


def _checked_out(ref: str, cache: Path, text: str) -> tuple[str, Path]:
    """Commit that `ref` means, and a folder with the planbench of that commit."""
    import filelock

    root = Path(__file__).resolve().parents[2]
    where = f"side {text}"
    if not (root / ".git").exists():
        raise InputError("planbench does not run from a git checkout here", where=where)
    done = _run(["git", "-C", str(root), "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"])
    commit = done.stdout.strip()
    if done.returncode or not commit:
        raise InputError(f"git knows no revision {ref!r}; see git log", where=where)
    folder = _made(cache / "source") / commit
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
        done = _run(["git", "-C", str(root), "archive", "-o", str(archive), commit, "planbench"])
        if done.returncode:
            raise InputError(
                f"commit {commit[:12]} holds no planbench: {_one_line(done.stderr)}", where=where
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


# -- packages --------------------------------------------------------------------------------


def installed_here(packages: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Version and hash of the files of `packages` in this environment, of those that are there."""
    here = installed.list_installed()
    names = map(normalised, packages)
    return {name: here[name] for name in names if name in here}


def requirements(side: Side, packages: Iterable[str]) -> list[str]:
    """List what is installed for `side`: what it names, the rest pinned to the versions here."""
    pins = installed_here((*WORKER_PACKAGES, *packages))
    return sorted(
        [f"{name}=={version}" for name, (version, _) in pins.items() if name not in side.names]
        + [package.requirement for package in side.packages]
    )


def _installed(
    side: Side, packages: Iterable[str], cache: Path
) -> tuple[str, dict[str, tuple[str, str]]]:
    """Python of the environment with the packages of `side`, and what is installed in it."""
    wanted = requirements(side, packages)
    environments = _made(cache / "environments")
    if all(package.is_fixed for package in side.packages) and not side.pre:
        folder = environments / _key(wanted)
        with _locked(folder):
            found = _contents(folder)
            if found is None:
                found = _build(folder, wanted, side)
        return _python(folder), found
    part = Path(tempfile.mkdtemp(prefix="part-", dir=environments))
    try:
        found = _build(part / "environment", wanted, side)
        folder = environments / _key(f"{name} {v} {files}" for name, (v, files) in found.items())
        with _locked(folder):
            if _contents(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)
                (part / "environment").replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _python(folder), found


def _key(lines: Iterable[str]) -> str:
    """Hash that names an environment: its contents, and the Python and place they are for."""
    python = (platform.python_version(), sys.platform, platform.machine(), sys.prefix)
    facts = [*sorted(lines), *python, "1"]  # the last: what a marker file holds
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _locked(folder: Path) -> AbstractContextManager[object]:
    import filelock

    return filelock.FileLock(f"{folder}.lock")


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
    """Program ``uv``: on the path, or beside this interpreter."""
    beside = Path(sys.executable).parent / "uv"
    return shutil.which("uv") or (str(beside) if beside.is_file() else None)


def _build(folder: Path, wanted: Sequence[str], side: Side) -> dict[str, tuple[str, str]]:
    """Make the environment `folder` with `wanted` in it, whole or not at all."""
    shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
    try:
        _install(folder, wanted, side)
        found = _listed(_python(folder))
        write_text(folder / _MARKER, json.dumps(found, indent=1))
        return found
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _install(folder: Path, wanted: Sequence[str], side: Side) -> None:
    # What a side gives as a folder or address may have to be built; all else comes as a wheel.
    wheels = [":all:"]
    if any(package.is_direct for package in side.packages):
        wheels = [name.partition("==")[0] for name in wanted if "==" in name and "@" not in name]
    uv = find_uv()
    if uv is not None:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "install", "--quiet", "--python", _python(folder)]
        install += ["--prerelease", "allow"] if side.pre else []
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        install = [_python(folder), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", *(["--pre"] if side.pre else [])]
    for name in wheels:
        install += ["--only-binary", name]
    for command in (make, [*install, *wanted]):
        done = _run(command, INSTALL_S)
        if done.returncode == 0:
            continue
        where = f"side {side.text}"
        said = _one_line(done.stderr or done.stdout)
        if _UNREACHABLE.search(done.stderr + done.stdout):
            raise UnreachableIndexError(
                f"{where}: no package index can be reached to install it: {said}"
            )
        raise InputError(
            f"cannot be installed beside {', '.join(wanted)}; give versions that exist for Python "
            f"{platform.python_version()} and go together, with commas between them: {said}",
            where=where,
        )


def _listed(python: str) -> dict[str, tuple[str, str]]:
    """Version and hash of the files of everything in an environment, by normalised name."""
    done = _run([python, "-P", str(Path(installed.__file__))])
    if done.returncode:
        raise PlanbenchError(f"{python}: does not run: {_one_line(done.stderr)}")
    try:
        return {name: (v, files) for name, (v, files) in json.loads(done.stdout).items()}
    except (ValueError, AttributeError, TypeError):
        raise PlanbenchError(f"{python}: does not say what is installed") from None


# -- small helpers ---------------------------------------------------------------------------


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(command: Sequence[str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    # A worker's environment is not the one that happens to be active.
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


def _one_line(text: str, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else "…" + line[-most:]
