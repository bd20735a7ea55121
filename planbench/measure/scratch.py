"""Temporary folders that a later run clears away if this one is killed.

Each folder holds a file the process that made it keeps locked. The kernel lets go of the lock
when that process ends, however it ends, so a folder whose lock can be taken has no owner any
more; process ids would not tell, since they are used again and differ between containers.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "planbench-"
LOCK_FILE = "in-use.lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder, removed at the end; remove those killed runs left behind.

    It lies where Python's ``tempfile`` puts folders (TMPDIR).
    """
    clear_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    # Locked before it has its name: a lock file that can be taken has lost its owner.
    lock = os.open(folder / "new.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _try_lock(lock)
        (folder / "new.lock").rename(folder / LOCK_FILE)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
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
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    removed: list[Path] = []
    try:
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
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder)
            finally:
                os.close(lock)
    return removed


def _try_lock(descriptor: int) -> bool:
    """Take the lock; False when another process holds it, or the system has no such locks."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
