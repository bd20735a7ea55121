"""The append-only file of measurements: one JSON object per line, written whole or not at all.

A completed measurement is not lost to an interrupt, a kill, a crash of the machine (each row is
synced to disk before the next run starts), a full disk (a row that does not fit is taken back
out), or to somebody who deletes or replaces the file in mid-run (it is written again, or the
rows are kept in another file). Two writers on one file are refused. Reading needs no lock.
"""

from __future__ import annotations

import itertools
import json
import math
import mmap
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from planbench.errors import InputError, PlanbenchError
from planbench.formatting import plural
from planbench.io.files import os_error_as_input, regular_file_size
from planbench.records.schema import SCHEMA_VERSION, Record
from planbench.records.values import recipe_parts

#: Bytes of the longest line that is read as a row; real ones have some 5,000.
LONGEST_LINE = 16 << 20
#: Smaller numbers lose digits, and their inverses overflow.
_SMALLEST = 1e-300
#: The end of ``memory_method`` in older files, and what is read instead.
_OLD_METHOD = ("cgroup memory.peak beside", "also cgroup memory.peak")
_SURROGATE = re.compile("[\ud800-\udfff]")


class RecordStore:
    """A results file opened for appending; use it as a context manager.

    Opening locks the file itself (every name of it, links included) and repairs a line that was
    torn by a kill: a last line without its end is moved to ``PATH.torn``, unless it is a whole
    record.

    Parameters
    ----------
    path : Path
        A regular file; created, with its folder, when it does not exist.

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
        self.path = Path(path)
        self._added: list[bytes] = []
        self._file: int | None = _open_locked(self.path)
        try:
            self.repaired = repair(self.path)
            self.records = tuple(read_records(self.path))
            self._size = os.fstat(self._file).st_size
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
        self._stay_in_place()
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
        self._added.append(line)
        self._size = size + len(line)
        self._stay_in_place()
        if interrupt is not None:
            raise interrupt

    def _stay_in_place(self) -> None:
        """Write the file again where it was deleted meanwhile.

        Raises
        ------
        PlanbenchError
            When another file has taken its place, or another program has shortened it.
        """
        assert self._file is not None
        mine = os.fstat(self._file)
        try:
            there = self.path.stat()
        except FileNotFoundError:
            self._write_again()
            return
        except OSError as error:
            raise self._lost(f"can no longer be reached ({error.strerror})") from None
        if not os.path.samestat(mine, there):
            raise self._lost("was replaced by another file during the run")
        if mine.st_size < self._size:
            raise self._lost("was shortened by another program during the run")

    def _write_again(self) -> None:
        """Copy the rows of the deleted file, which is still open, to a new one of its name."""
        assert self._file is not None
        content = b""
        while piece := os.pread(self._file, 1 << 24, len(content)):
            content += piece
        try:
            file = _open_locked(self.path)
            try:
                if os.fstat(file).st_size:
                    raise self._lost("was replaced by another file during the run")
                at = 0
                while at < len(content):
                    at += os.write(file, content[at:])
                os.fsync(file)
            except BaseException:
                os.close(file)
                raise
        except OSError as error:
            raise self._lost(f"was deleted, and cannot be made again ({error.strerror})") from None
        os.close(self._file)
        self._file, self._size = file, len(content)
        rows = content.count(b"\n")
        self.repaired = f"was deleted during the run; written again with its {plural(rows, 'row')}"

    def _lost(self, what: str) -> PlanbenchError:
        """Keep the rows of this session in another file and say where."""
        for in_temporary in (False, True):
            with suppress(OSError):
                folder = Path(tempfile.gettempdir()) if in_temporary else self.path.parent
                place = folder / f"{self.path.name}.kept"
                with place.open("ab") as file:
                    file.writelines(self._added)
                    file.flush()
                    os.fsync(file.fileno())
                return PlanbenchError(
                    f"{self.path}: {what}; {plural(len(self._added), 'row')} measured in this run "
                    f"are kept in {place}: put them together and run again"
                )
        return PlanbenchError(f"{self.path}: {what}, and no other file could be written")

    def close(self) -> None:
        """Release the file and the lock; safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._file is not None and not isinstance(error, PlanbenchError):
                self._stay_in_place()
        finally:
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
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    # Bytes of a file's name that are no text come as lone surrogates, which no reader takes.
    return _SURROGATE.sub("\ufffd", text).encode() + b"\n"


def _open_locked(path: Path) -> int:
    """Open a regular file for appending, locked until it is closed; made if it is not there."""
    import fcntl

    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            # Without O_NONBLOCK a pipe would be waited for before it could be refused.
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            file = os.open(path, flags, 0o644)
        except OSError as error:
            raise os_error_as_input(error, path, "write it") from None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise InputError("is no regular file; give one for the results", where=str(path))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    "another planbench is writing to it; wait for it or write to another file",
                    where=str(path),
                ) from None
            except OSError as error:
                raise os_error_as_input(error, path, "lock it") from None
            if is_new:
                _sync_folder(path.parent)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file)):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # deleted or replaced before it was locked


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def repair(path: Path) -> str | None:
    """Repair a last line without its end; the caller holds the lock.

    Returns
    -------
    str or None
        What was done, in one line; None when there was nothing to do.
    """
    try:
        with path.open("r+b") as file:
            if not file.seek(0, os.SEEK_END):
                return None
            # Mapped, since a file of results may be larger than memory.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                tail_at = content.rfind(b"\n") + 1
                tail = content[tail_at:]
            if not tail:
                return None
            if _is_whole(tail):
                file.write(b"\n")
                what = "ended the last line, which was whole"
            else:
                with Path(f"{path}.torn").open("ab") as torn:
                    torn.write(tail + b"\n")
                    torn.flush()
                    os.fsync(torn.fileno())
                file.truncate(tail_at)
                what = f"moved a torn last line of {plural(len(tail), 'byte')} to {path.name}.torn"
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise os_error_as_input(error, path, "repair it") from None
    return what


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(_parse(line), dict)  # the beginning of an object never parses as one
    except ValueError:
        return False


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or 0 < abs(value) < _SMALLEST:
        raise ValueError(f"{text[:20]} is beyond double precision")
    return value


def _parse(line: bytes) -> Any:
    text = line.decode()  # json.loads lets pass what is no UTF-8
    try:
        row = json.loads(text, parse_constant=_refuse_constant, parse_float=_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\u" in text and _SURROGATE.search(json.dumps(row, ensure_ascii=False)):
        raise ValueError("text that is no Unicode: a lone surrogate")
    return row


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
    if not os.path.lexists(path) and path.parent.is_dir():
        raise InputError("no such file; planbench bench writes one", where=str(path))
    regular_file_size(path, "a results file")
    try:
        with path.open("rb") as file:
            for number in itertools.count(1):
                line = file.readline(LONGEST_LINE + 1)
                if not line:
                    return
                if len(line) > LONGEST_LINE:
                    raise InputError(
                        "is longer than any row of results; remove the line",
                        where=f"{path}:{number}",
                    )
                if line.strip():
                    yield number, line
    except OSError as error:
        raise os_error_as_input(error, path, "read it") from None


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
    facts = row.get("instance")
    if version < 6 and isinstance(facts, dict) and isinstance(facts.get("name"), str):
        row = {**row, "instance": {**facts, "asked": recipe_parts(facts["name"])}}
    if isinstance(method := row.get("memory_method"), str):
        row = {**row, "memory_method": method.replace(*_OLD_METHOD)}
    try:
        # Versions have only added fields so far, and what is not there is not known.
        return Record.model_validate({**row, "schema_version": SCHEMA_VERSION})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        field = ".".join(str(part) for part in first["loc"]) or "row"
        raise InputError(
            f"field {field}: {said[:1].lower()}{said[1:]}; correct or remove the line",
            where=where,
        ) from None
