"""Opening and replacing files: one-line errors, atomic writes, a look at the memory first."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from planbench.errors import InputError

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


def os_error_as_input(error: Exception, path: Path, action: str) -> InputError:
    """Turn an operating-system error on `path` into one line that says how to mend it."""
    if isinstance(error, FileNotFoundError):
        if not path.parent.exists():
            message = f"there is no folder {path.parent}; create it or check the path"
        else:
            message = "no such file; check the name and the folder"
    elif isinstance(error, PermissionError):
        message = f"permission denied to {action}; change its permissions or use another path"
    elif isinstance(error, IsADirectoryError):
        message = "is a folder; give the name of a file"
    elif isinstance(error, OSError) and error.strerror:
        message = f"cannot {action}: {error.strerror}; check the path and the disk"
    else:
        message = f"cannot {action}: {error}; check the path"
    return InputError(message, where=repr(str(path)) if "\0" in str(path) else str(path))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only once it is complete.

    It is written beside its destination, flushed to disk and renamed, so that no reader ever
    sees half a file. Devices and pipes (``/dev/stdout``) are written to directly.

    Raises
    ------
    InputError
        When the destination cannot be written.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                yield stream
            return
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
        try:
            with temporary.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise os_error_as_input(error, path, "write it") from None
    except ValueError as error:
        if "\0" not in str(path):
            raise
        raise os_error_as_input(error, path, "write it") from None


def available_bytes() -> int:
    """Bytes that can still be allocated: free memory, or less under an address-space limit."""
    import psutil

    available = int(psutil.virtual_memory().available)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            used = int(psutil.Process().memory_info().vms)
            available = min(available, max(0, soft - used))
    return available


def require_memory(need: float, where: str, what: str) -> None:
    """Refuse `what` before anything is allocated when it needs more memory than there is.

    Raises
    ------
    InputError
        Naming the estimate and what is available.
    """
    have = available_bytes()
    if need > MEMORY_SHARE * have:
        raise InputError(
            f"{what} needs about {human_bytes(need)} of memory and {human_bytes(have)} are "
            "available; use a smaller instance or a larger machine",
            where=where,
        )


def human_bytes(count: float) -> str:
    """`count` bytes in a readable decimal unit, e.g. ``3.2 GB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
