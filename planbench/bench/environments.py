"""Environments for the sides of a comparison: built once, kept in the user's cache folder.

Only what a side names differs from the environment planbench runs in: the interpreter is the
same, the packages a worker needs are pinned to the versions found here, and planbench itself is
not installed but put on the path, from here or from a git commit. An environment is named by a
hash of everything that goes into it, so that two comparisons share it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from planbench.bench.sides import Side, normalised
from planbench.bench.single import Elsewhere
from planbench.errors import InputError, PlanbenchError
from planbench.io.files import os_error_as_input, write_text
from planbench.measure.launch import Interpreter
from planbench.measure.machine import git_commit

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
        One that :attr:`~planbench.bench.sides.Side.is_elsewhere`.
    packages : iterable of str
        Distributions the solvers of the comparison need; at the versions found here, unless
        the side names another.
    cache : Path, optional
        Instead of :func:`cache_folder`.

    Raises
    ------
    InputError
        A version that cannot be installed, or a revision git does not know.
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
            versions = _versions_here((*WORKER_PACKAGES, *packages))
            python = sys.executable
        else:
            python, versions = _installed(side, packages, folder)
    except OSError as error:
        raise PlanbenchError(
            f"{folder}: cannot hold an environment ({error.strerror or error}); "
            f"name another folder with {CACHE_VARIABLE}"
        ) from None
    name = side_name(side, commit)
    return Elsewhere(
        name,
        Interpreter(python, str(source)),
        {**versions, "planbench": _version_of(source)},
        commit,
    )


def side_name(side: Side, commit: str | None) -> str:
    """Name the environment of `side` as records do: its packages, and the commit in full."""
    pieces = [f"{package}=={version}" for package, version in side.packages]
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
    try:
        text = (source / "planbench" / "__init__.py").read_text(encoding="utf-8")
    except OSError as error:
        raise os_error_as_input(error, source, "read planbench there") from None
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found else "unknown"


# -- packages --------------------------------------------------------------------------------


def _versions_here(packages: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in packages:
        try:
            found[normalised(name)] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def requirements(side: Side, packages: Iterable[str]) -> list[str]:
    """List what is installed for `side`: what it names, the rest pinned to the versions here."""
    pins = _versions_here((*WORKER_PACKAGES, *packages)) | dict(side.packages)
    return sorted(f"{name}=={version}" for name, version in pins.items())


def _installed(side: Side, packages: Iterable[str], cache: Path) -> tuple[str, dict[str, str]]:
    """Python of the environment with the packages of `side`, and what is installed in it."""
    import filelock

    wanted = requirements(side, packages)
    facts = [*wanted, platform.python_version(), sys.platform, platform.machine(), sys.prefix]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    folder = _made(cache / "environments") / key
    python = folder / "bin" / "python"
    with filelock.FileLock(f"{folder}.lock"):
        marker = folder / _MARKER
        versions = _found_whole(python, marker, wanted)
        if versions is None:
            shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed, or damaged
            try:
                _build(folder, python, wanted, f"side {side.text}")
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            versions = _listed(python)
            write_text(marker, json.dumps({"packages": versions}, indent=1))
    return str(python), versions


def _found_whole(python: Path, marker: Path, wanted: Sequence[str]) -> dict[str, str] | None:
    """List what is installed in an environment made earlier; None where it is not whole."""
    if not marker.is_file():
        return None
    try:
        versions = _listed(python)
    except PlanbenchError:
        return None
    pins = (pin.split("==") for pin in wanted)
    whole = all(versions.get(normalised(name)) == version for name, version in pins)
    return versions if whole else None


def find_uv() -> str | None:
    """Program ``uv``: on the path, or beside this interpreter."""
    beside = Path(sys.executable).parent / "uv"
    return shutil.which("uv") or (str(beside) if beside.is_file() else None)


def _build(folder: Path, python: Path, wanted: Sequence[str], where: str) -> None:
    uv = find_uv()
    if uv is not None:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python"]
        install += [str(python), *wanted]
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        install += ["--disable-pip-version-check", *wanted]
    for command in (make, install):
        done = _run(command, INSTALL_S)
        if done.returncode:
            said = _one_line(done.stderr or done.stdout)
            if _UNREACHABLE.search(done.stderr + done.stdout):
                raise UnreachableIndexError(
                    f"{where}: no package index can be reached to install it: {said}"
                )
            raise InputError(
                f"cannot be installed; give a version that exists for Python "
                f"{platform.python_version()}: {said}",
                where=where,
            )


def _listed(python: Path) -> dict[str, str]:
    """Everything installed in an environment, by normalised name."""
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions() if d.version}))"
    )
    done = _run([str(python), "-P", "-c", code])
    if done.returncode:
        raise PlanbenchError(f"{python}: does not run: {_one_line(done.stderr)}")
    try:
        return {normalised(name): version for name, version in json.loads(done.stdout).items()}
    except (ValueError, AttributeError):
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
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
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
