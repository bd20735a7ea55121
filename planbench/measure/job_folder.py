"""The folder a job writes into: limits on what it may hold, and reading what is left in it.

A solver can do anything there: write without end, delete its log, put a pipe where a file was.
Nothing here waits for ever, reads more than it must, or trusts a name.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from planbench.errors import PlanbenchError
from planbench.measure.job import LOG_FILE, PHASES_FILE, Job

#: Standard output and standard error together may grow to this.
LOG_LIMIT_BYTES = 1 << 30
#: Everything in the folder together may grow to this: problems written as text are many times
#: the instance's size.
FOLDER_LIMIT_BYTES = 4 << 30
FOLDER_LIMIT_FACTOR = 64
FOLDER_LIMIT_FILES = 10_000
#: Seconds between two counts of the folder; they may take no more than a tenth of the time.
COUNT_S = 0.1
COUNT_SHARE = 9


@dataclass
class JobFolder:
    """A job's folder as its parent holds it.

    Attributes
    ----------
    path : Path
    log : BinaryIO
        Open for reading and writing, so that it is there even if its name goes.
    instance_bytes : int
        Size of the instance's file.
    """

    path: Path
    log: BinaryIO
    instance_bytes: int
    _identity: tuple[os.stat_result, os.stat_result] = field(repr=False)
    _count_after: float = field(default=0.0, repr=False)

    @classmethod
    def prepare(cls, job: Job, job_file: str) -> JobFolder:
        """Write the job and open its log.

        Raises
        ------
        PlanbenchError
            When that cannot be done.
        """
        path = Path(job.folder)
        try:
            (path / job_file).write_text(job.to_json())
            (path / "tmp").mkdir(exist_ok=True)
            (path / PHASES_FILE).touch()
            identity = path.stat(), (path / PHASES_FILE).stat()
            instance = Path(job.instance)
            size = instance.stat().st_size if instance.exists() else 0
            log = (path / LOG_FILE).open("w+b", buffering=0)
        except OSError as error:
            raise PlanbenchError(f"{path}: cannot be written: {error.strerror}") from None
        return cls(path, log, size, identity)

    @property
    def limit_bytes(self) -> int:
        """Bytes everything in the folder may take together."""
        return FOLDER_LIMIT_BYTES + FOLDER_LIMIT_FACTOR * self.instance_bytes

    def overrun(self, *, now: bool = False) -> str:
        """Say which limit what was written has passed; empty when none.

        The log is checked each time, the rest at intervals unless `now` is set.
        """
        if os.fstat(self.log.fileno()).st_size > LOG_LIMIT_BYTES:
            return f"wrote more than {LOG_LIMIT_BYTES >> 20} MiB log"
        began = monotonic()
        if began < self._count_after and not now:
            return ""
        held, files = _size(self.path)
        self._count_after = monotonic() + max(COUNT_S, COUNT_SHARE * (monotonic() - began))
        if held > self.limit_bytes:
            return f"wrote more than {self.limit_bytes >> 20} MiB of files"
        if files > FOLDER_LIMIT_FILES:
            return f"made more than {FOLDER_LIMIT_FILES} files"
        return ""

    def damage(self) -> str:
        """Say what the solver has done to the files of its run; empty when nothing."""
        for path, before in zip((self.path, self.path / PHASES_FILE), self._identity, strict=True):
            try:
                found = path.lstat()
            except OSError:
                return f"{path.name} was removed from under the run"
            if not os.path.samestat(found, before):
                return f"{path.name} was replaced under the run"
        return ""

    def said(self, most: int) -> str:
        """Return the last `most` bytes of the log as text."""
        size = os.fstat(self.log.fileno()).st_size
        # Not seek: the worker's standard output has the same position.
        return os.pread(self.log.fileno(), most, max(0, size - most)).decode(errors="replace")

    def leave(self) -> None:
        """Close the log; its name refers to it again, whatever the solver did."""
        path = self.path / LOG_FILE
        with self.log, suppress(OSError):
            try:
                if os.path.samestat(path.lstat(), os.fstat(self.log.fileno())):
                    return
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            except FileNotFoundError:
                self.path.mkdir(parents=True, exist_ok=True)
            self.log.seek(0)
            with path.open("xb") as copy:
                shutil.copyfileobj(self.log, copy)


def _size(folder: Path) -> tuple[int, int]:
    """Bytes on disk and number of entries below `folder`; stops soon after the most files."""
    held = files = 0
    pending = [str(folder)]
    while pending and files <= FOLDER_LIMIT_FILES:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                files += 1
                with suppress(OSError):
                    held += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                if files > FOLDER_LIMIT_FILES:
                    break
    return held, files
