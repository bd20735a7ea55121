"""The append-only file of measurements: one JSON object per line, written whole or not at all.

A completed measurement is not lost to an interrupt, a kill, a crash of the machine (each row is
synced to disk before the next run starts) or a full disk (a row that does not fit is taken back
out). Two writers on one file are refused. Reading needs no lock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from planbench.errors import InputError, PlanbenchError
from planbench.records.schema import SCHEMA_VERSION, Record
from planbench.words import nouns


class RecordStore:
    """A results file opened for appending; use it as a context manager.

    Opening takes a lock on ``PATH.lock`` and repairs a line that was torn by a kill: a last
    line without its end is moved to ``PATH.torn``, unless it is a whole record.

    Parameters
    ----------
    path : Path
        Created, with its folder, when it does not exist.

    Attributes
    ----------
    path : Path
    records : tuple of Record
        What the file held when it was opened.
    repaired : str or None
        One line on what was repaired.

    Raises
    ------
    InputError
        When another process writes to the file, it cannot be written, or a row is not a
        record of this planbench.
    """

    def __init__(self, path: Path) -> None:
        import filelock

        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A link is another name of the same file: both must find the same lock.
            lock = filelock.FileLock(f"{self.path.resolve()}.lock")
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise InputError(
                "another planbench is writing to it; wait for it or write to another file",
                where=str(self.path),
            ) from None
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=str(self.path)) from None
        self._lock = lock
        self._file: int | None = None
        try:
            self.repaired = repair(self.path)
            self.records = tuple(read_records(self.path)) if self.path.exists() else ()
            self._file = _open_for_append(self.path)
        except BaseException:
            self.close()
            raise

    def append(self, record: Record) -> None:
        """Write one row and have it on disk when this returns.

        Raises
        ------
        PlanbenchError
            When the row cannot be written (a full disk); the file is as it was before.
        """
        if self._file is None:
            raise PlanbenchError(f"{self.path}: the store is closed")
        line = to_line(record)
        size = os.fstat(self._file).st_size
        interrupt: KeyboardInterrupt | None = None
        while True:
            try:
                # What is there is asked of the file: an interrupt may hide what write() did.
                while (there := os.fstat(self._file).st_size - size) < len(line):
                    os.write(self._file, line[there:])
                os.fsync(self._file)
            except KeyboardInterrupt as error:
                interrupt = error  # the measurement is complete: finish its row first
                continue
            except OSError as error:
                os.ftruncate(self._file, size)
                raise PlanbenchError(
                    f"{self.path}: the row could not be written ({error.strerror}); "
                    "the rows before it are safe: make room and run again"
                ) from None
            break
        if interrupt is not None:
            raise interrupt

    def close(self) -> None:
        """Release the file and the lock; safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._lock.release()

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def to_line(record: Record) -> bytes:
    """One record as one line of JSON with its end; never with NaN or an infinity.

    Raises
    ------
    PlanbenchError
        When a free-form field holds a number JSON does not have.
    """
    try:
        # Not mode="json", which would turn an infinity into null without a word.
        text = json.dumps(record.model_dump(), allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise PlanbenchError(
            f"record of {record.solver} on {record.instance.name} cannot be stored: {error}"
        ) from None
    # Line separators inside strings are legal JSON but would end the line for some readers.
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode() + b"\n"


def _open_for_append(path: Path) -> int:
    is_new = not path.exists()
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return file


def repair(path: Path) -> str | None:
    """Mend a last line without its end; the caller holds the lock.

    Returns
    -------
    str or None
        What was done, in one line; None when there was nothing to do.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    try:
        with path.open("r+b") as file:
            tail_at = _last_line_start(file, size)
            file.seek(tail_at)
            tail = file.read()
            if not tail:
                return None
            if _is_whole(tail):
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
                what = "ended the last line, which was whole"
            else:
                with Path(f"{path}.torn").open("ab") as torn:
                    torn.write(tail + b"\n")
                    torn.flush()
                    os.fsync(torn.fileno())
                file.truncate(tail_at)
                what = f"moved a torn last line of {nouns(len(tail), 'byte')} to {path.name}.torn"
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"cannot be repaired: {error.strerror}", where=str(path)) from None
    return what


def _last_line_start(file: Any, size: int, block: int = 1 << 16) -> int:
    """Offset behind the last line end of `file`."""
    at = size
    while at > 0:
        start = max(0, at - block)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return int(start + found + 1)
        at = start
    return 0


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(_parse(line), dict)  # the beginning of an object never parses as one
    except ValueError:
        return False


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_records(path: Path) -> list[Record]:
    """Read every record of a results file.

    A torn last line (without its end) is passed over, as a run may be writing it.

    Raises
    ------
    InputError
        When the file cannot be read or a row is not a record; names file and line.
    """
    path = Path(path)
    records: list[Record] = []
    for number, line in _lines(path):
        where = f"{path}:{number}"
        is_last_and_open = not line.endswith(b"\n")
        try:
            row = _parse(line)
        except ValueError as error:
            if is_last_and_open:
                break
            raise InputError(f"not a JSON row ({error}); remove the line", where=where) from None
        records.append(_to_record(row, where))
    return records


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise InputError("no such file; planbench bench writes one", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _to_record(row: Any, where: str) -> Record:
    version = row.get("schema_version") if isinstance(row, dict) else None
    if type(version) is not int or version < 1:
        raise InputError(
            "not a planbench record: it has no schema_version; remove the line", where=where
        )
    if version > SCHEMA_VERSION:
        raise InputError(
            f"written by a newer planbench (schema {version}, this one reads up to "
            f"{SCHEMA_VERSION}); upgrade planbench",
            where=where,
        )
    try:
        # Versions have only added fields so far, and what is not there is not known.
        return Record.model_validate({**row, "schema_version": SCHEMA_VERSION})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "row"
        raise InputError(
            f"field {field}: {first['msg'][:1].lower()}{first['msg'][1:]}; mend or remove the line",
            where=where,
        ) from None
