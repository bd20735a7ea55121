"""Temporary folders that a later run clears away if this one is killed.

The process that makes a folder keeps it locked. The kernel releases the lock when that process
ends, however it ends, so a folder that can be locked has no owner any more; process ids would not
show it, since they are used again and differ between containers.
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

#: Folders of this name belong to planbench: what nobody holds is deleted.
PREFIX = "planbench-scratch-"
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder, removed at the end; remove those killed runs left behind.

    It lies where Python's ``tempfile`` puts folders (TMPDIR).

    Raises
    ------
    InputError
        When no folder can be made there.
    """
    clear_left_behind()
    try:
        folder, lock = _locked_folder()
    except OSError as error:
        raise InputError(
            f"no temporary folder can be made: {error.strerror}; make room there, or set TMPDIR "
            "to a folder with room",
            where=os.environ.get("TMPDIR") or "TMPDIR",
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder() -> tuple[Path, int]:
    """Make a folder and lock it; another one where a run cleared it away before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):
            lock = os.open(folder, _OPEN)
            # Where the file system has no locks, no run can lock it to clear it away either.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


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
    found: list[Path] = []
    with suppress(OSError):
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        found = [p for p in parent.iterdir() if p.name.startswith(PREFIX)]
    for folder in found:
        with suppress(OSError):
            lock = os.open(folder, _OPEN)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder)
            finally:
                os.close(lock)
    return removed
