"""Opening and replacing files: one-line errors, atomic writes, a check of the memory first.

Also the folders of the user's cache and of the data that ships with the package.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import planbench.formatting as fmt
from planbench.errors import InputError

#: What a packed file may unpack to whatever its size, and how many times its size beyond that:
#: arrays of economies shrink to a half or a tenth, linear programs as text 3- to 70-fold, an
#: identity matrix padded with blanks 163-fold.
UNPACKED_FREELY = 1 << 30
MOST_UNPACKED = 300

#: How to fix what the system says of a path or a disk.
_FIXES = {
    errno.ENOSPC: "make room (bytes or inodes), or use another disk",
    errno.EDQUOT: "make room in your quota, or use another disk",
    errno.EROFS: "use another disk",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "its links lead in a circle; correct them",
}
_LONGEST_SHOWN = 200

#: Share of the available memory that reading one file may plan to use.
MEMORY_SHARE = 0.9


def regular_file_size(path: Path, what: str) -> int:
    """Return the size in bytes of the regular file `path`.

    Parameters
    ----------
    path : Path
    what : str
        What is expected there, with its article, e.g. ``"an MPS file"``.

    Raises
    ------
    InputError
        When it is missing, a folder, a pipe or device, or may not be read.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise os_error_as_input(error, path, f"read {what}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"is a folder; give {what}", where=str(path))
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"is not a regular file; copy it to disk and give {what}", where=str(path))
    return status.st_size


def os_error_as_input(error: Exception, path: Path | str, action: str) -> InputError:
    """Turn an operating-system error on `path` into one line that says how to fix it."""
    code = getattr(error, "errno", None)
    if isinstance(error, FileNotFoundError):
        if not Path(path).parent.exists():
            message = f"there is no folder {Path(path).parent}; create it or check the path"
        else:
            message = "no such file; check the name and the folder"
    elif isinstance(error, PermissionError):
        message = f"permission denied to {action}; change its permissions or use another path"
    elif isinstance(error, IsADirectoryError):
        message = "is a folder; give the name of a file"
    elif code in _FIXES:
        message = f"cannot {action}: {os.strerror(code)}; {_FIXES[code]}"
    elif isinstance(error, OSError) and error.strerror:
        message = f"cannot {action}: {error.strerror}; check the path and the disk"
    else:
        message = f"cannot {action}: {error}; check the path"
    text = str(path)
    if "\0" in text:
        text = repr(text)
    elif len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}…"
    return InputError(message, where=text)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file in front of messages that do not begin with it, such as those of the model."""
    try:
        yield
    except InputError as error:
        if str(error).startswith((f"{path}:", f"{path}{os.sep}")):
            raise
        raise InputError(str(error), where=str(path)) from None


@contextlib.contextmanager
def replacing(path: Path | str, *, make_folder: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only once it is complete.

    It is written in the same folder, flushed to disk and renamed: no reader ever sees half a
    file, and a disk that fills up leaves the file that was there. Its permissions are kept.
    What is no regular file (a pipe, ``/dev/null``, ``/dev/stdout``) is written to directly.

    Parameters
    ----------
    path : path-like
    make_folder : bool
        Create the folder where it is missing.

    Raises
    ------
    InputError
        When the destination cannot be written.
    """
    path = Path(path)
    before = _status(path)
    try:
        if before and (not stat.S_ISREG(before.st_mode) or _is_descriptor(path)):
            with path.open("wb") as stream:
                yield stream
            return
        target = Path(os.path.realpath(path))
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        if before and not os.access(target, os.W_OK):
            raise PermissionError  # renaming would ignore that it is read-only
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as stream:
                yield stream
                stream.flush()
                if before:
                    os.fchmod(stream.fileno(), stat.S_IMODE(before.st_mode))
                os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise os_error_as_input(error, path, "write it") from None


def _status(path: Path) -> os.stat_result | None:
    """Status of what is to be replaced; None where there is nothing yet."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise os_error_as_input(error, path, "write it") from None


def write_text(path: Path | str, text: str, *, make_folder: bool = False) -> None:
    """Write `text` in UTF-8 to the file `path`, whole or not at all; see :func:`replacing`.

    Characters that are no Unicode text (of file names, say) are written as escapes.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    with replacing(path, make_folder=make_folder) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def check_writable(path: Path, *, folder: bool = False) -> Path:
    """Check that `path` can be written, before anything is computed for it.

    Parameters
    ----------
    path : Path
    folder : bool
        Whether a folder is to be written, not a file.

    Raises
    ------
    InputError
        When its folder is missing or not writable, or it is a folder (or is none).
    """
    status = _status(path)
    if status and stat.S_ISDIR(status.st_mode) != folder:
        word = "is a file; give a folder" if folder else "is a folder; give a file name"
        raise InputError(word, where=str(path))
    if not path.name:
        raise InputError("names nothing; give the name of a new folder", where=str(path))
    parent = Path(os.path.realpath(path)).parent
    if not status and not parent.is_dir():
        raise InputError(f"there is no folder {path.parent}; make it first", where=str(path))
    # A file is replaced by one written in its folder, so both must let it.
    places = [path] if status else []
    places += [parent] if not status or stat.S_ISREG(status.st_mode) else []
    if not all(os.access(place, os.W_OK) for place in places):
        raise InputError("cannot be written: permission denied", where=str(path))
    return path


def _is_descriptor(path: Path) -> bool:
    """Whether `path` is another name of an open file, such as ``/dev/stdout``."""
    return str(path.absolute()).startswith(("/dev/std", "/dev/fd/", "/proc/"))


def available_bytes() -> int:
    """Bytes that can still be allocated: free memory, or less under an address-space limit."""
    import psutil

    available = int(psutil.virtual_memory().available)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        used = int(psutil.Process().memory_info().vms)
        available = min(available, max(0, soft - used))
    return available


def require_memory(
    need: float, where: str, what: str, fix: str = "use a smaller instance or a larger machine"
) -> None:
    """Refuse `what` before anything is allocated when it needs more memory than there is.

    Raises
    ------
    InputError
        Naming the estimate, what is available, and the fix.
    """
    have = available_bytes()
    if need > MEMORY_SHARE * have:
        raise InputError(
            f"{what} needs about {fmt.large_bytes(need)} of memory and {fmt.large_bytes(have)} "
            f"are available; {fix}",
            where=where,
        )


def require_plausible(unpacked: int, packed: int, where: str) -> None:
    """Refuse a packed file that unpacks to far more than it is.

    Raises
    ------
    InputError
        Above :data:`UNPACKED_FREELY` bytes and :data:`MOST_UNPACKED` times its size.
    """
    if unpacked > UNPACKED_FREELY and unpacked > MOST_UNPACKED * packed:
        raise InputError(
            f"has {fmt.large_bytes(packed)} and unpacks to {fmt.large_bytes(unpacked)} or more, "
            "which no real file of this kind does; save it without compression if it is right",
            where=where,
        )


#: Names another folder than :func:`cache_folder` otherwise gives.
CACHE_VARIABLE = "PLANBENCH_CACHE"


def cache_folder() -> Path:
    """Folder of planbench in the user's cache: ``PLANBENCH_CACHE``, or under ``XDG_CACHE_HOME``."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "planbench"


def instances_folder() -> Path:
    """Folder of the shipped instances.

    A wheel holds it as ``planbench/instances``; a checkout has it next to the package.

    Raises
    ------
    InputError
        When neither is there, i.e. the installation is incomplete.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "instances", package.parent / "instances"):
        if (folder / "golden").is_dir():
            return folder
    raise InputError(
        "the folder of shipped instances is missing; install planbench again",
        where=str(package / "instances"),
    )
