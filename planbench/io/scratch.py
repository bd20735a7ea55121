"""Temporary folders that a later run clears away if this one is killed.

Each folder holds a file the process that made it keeps locked. The kernel lets go of the lock
when that process ends, however it ends, so a folder whose lock can be taken has no owner any
more; process ids would not show it, since they are used again and differ between containers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from planbench.errors import InputError

PREFIX = "planbench-"
LOCK_FILE = "in-use.lock"
_NEW_LOCK = "new.lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder, removed at the end; remove those killed runs left behind.

    It lies where Python's ``tempfile`` puts folders (TMPDIR).

    Raises
    ------
    InputError
        When no folder can be made there.
    """
    folder: Path | None = None
    lock: int | None = None
    try:
        clear_left_behind()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Locked before it has its name: a lock file that can be taken has lost its owner.
        lock = os.open(folder / _NEW_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _try_lock(lock)
        (folder / _NEW_LOCK).rename(folder / LOCK_FILE)
    except OSError as error:
        _remove(folder)
        if lock is not None:
            os.close(lock)
        where = os.environ.get("TMPDIR") or "TMPDIR"
        raise InputError(
            f"no temporary folder can be made: {error.strerror}; make room there, or set TMPDIR "
            "to a folder with room",
            where=where if folder is None else str(folder.parent),
        ) from None
    try:
        yield folder
    finally:
        try:
            _remove(folder)
        finally:
            os.close(lock)


def _remove(folder: Path | None) -> None:
    """Remove a folder, its lock last: without one, nobody could know whose it is."""
    if folder is None:
        return
    with suppress(OSError):
        for entry in list(folder.iterdir()):
            if entry.name == LOCK_FILE:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def clear_left_behind(parent: Path | None = None) -> list[Path]:
    """Remove folders of runs that were killed.

    Parameters
    ----------
    parent : Path, optional
        Where to look; by default where :func:`scratch_folder` makes them.

    Returns
    -------
    list of Path
        Folders removed: ours by name and by owner, and not in use by any process.
    """
    removed: list[Path] = []
    try:
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        found = [p for p in parent.iterdir() if p.name.startswith(PREFIX)]
    except OSError:
        return removed
    for folder in found:
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)  # not made here if absent
            try:
                if _try_lock(lock):
                    _remove(folder)
                    removed.append(folder)
            finally:
                os.close(lock)
    return removed


def _try_lock(descriptor: int) -> bool:
    """Take the lock; False when another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
