"""Zip archives of one-dimensional arrays (npz), read without trust.

Every array's header is read and weighed against the file and the memory before anything is
allocated; nothing is ever unpickled. numpy.load(path) opens the same files.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import (
    os_error_as_input,
    regular_file_size,
    replacing,
    require_memory,
    require_plausible,
)
from planbench.io.text import shown

Array = npt.NDArray[Any]

#: Deflate cannot shrink data by more than this factor (zlib's documented limit is 1032).
_MOST_DEFLATED = 1040
#: Bytes of Python objects that a byte of JSON can become, at worst.
_JSON_GROWTH = 30
_CHUNK = 1 << 24
_HEADER = re.compile(
    rb"\{'descr': '(?P<descr>[<>|=][A-Za-z]\d*)', 'fortran_order': (?:False|True), "
    rb"'shape': \((?P<shape>[\d, ]*)\),? *\}[ \n]*"
)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    KeyError,
    IndexError,
)
_SAVE_AGAIN = "the file is damaged; save or download it again"


@dataclass(frozen=True)
class _Member:
    info: zipfile.ZipInfo
    dtype: np.dtype[Any]
    size: int
    start: int


class Archive:
    """An open archive whose members have been weighed; make it with :func:`open_archive`."""

    def __init__(
        self, path: Path, file: zipfile.ZipFile, members: Mapping[str, _Member], meta: Any
    ) -> None:
        self.path = path
        self._file = file
        self._members = members
        self.meta: dict[str, Any] = meta

    @property
    def names(self) -> frozenset[str]:
        """Names of the arrays, without ``meta``."""
        return frozenset(self._members) - {"meta"}

    def where(self, field: str) -> str:
        """``file: field 'name'``, to start a message with."""
        return f"{self.path}: field {shown(field)}"

    def require_fields(self, required: frozenset[str], optional: frozenset[str]) -> None:
        """Refuse the archive when a required array is missing or an unknown one present.

        Raises
        ------
        InputError
        """
        missing = sorted(required - self.names)
        if missing:
            raise InputError(f"is missing; {_SAVE_AGAIN}", where=self.where(missing[0]))
        unknown = sorted(self.names - required - optional)
        if unknown:
            raise InputError(
                "is not part of this format version; remove it, or update planbench",
                where=self.where(unknown[0]),
            )

    def vector(self, name: str, *, any_number: bool = False) -> npt.NDArray[np.float64]:
        """Return the array `name` as float64.

        Parameters
        ----------
        name : str
        any_number : bool
            Accept float32 and integers as well.

        Raises
        ------
        InputError
            When it has another type or is damaged.
        """
        allowed = ("<f8", "<f4", "<i8", "<i4") if any_number else ("<f8",)
        return self._array(name, allowed).astype(np.float64, copy=False)

    def index(self, name: str) -> Array:
        """Return the int32 or int64 array `name`, in the width it was stored with.

        Raises
        ------
        InputError
            When it has another type or is damaged.
        """
        out = self._array(name, ("<i4", "<i8"))
        return out.astype(out.dtype.newbyteorder("="), copy=False)

    def strings(self, name: str) -> tuple[str, ...] | None:
        """Return the list of strings `name`, or None where there is none.

        Raises
        ------
        InputError
            When it is not a JSON list of strings, or is damaged.
        """
        if name not in self._members:
            return None
        out = self._json(name)
        if not isinstance(out, list) or not all(type(item) is str for item in out):
            raise InputError("is not a list of strings; " + _SAVE_AGAIN, where=self.where(name))
        try:
            "".join(out).encode()
        except UnicodeEncodeError:
            raise InputError(
                "holds characters that are not Unicode text; correct the labels",
                where=self.where(name),
            ) from None
        return tuple(out)

    def _array(self, name: str, allowed: tuple[str, ...]) -> Array:
        member = self._members[name]
        if member.dtype.str not in allowed:
            wanted = " or ".join(np.dtype(descr).name for descr in allowed)
            raise InputError(
                f"holds {member.dtype.name}, not {wanted}; save it with that type",
                where=self.where(name),
            )
        out = np.empty(member.size, dtype=member.dtype)
        view = out.view(np.uint8).data
        done = 0
        try:
            with self._file.open(member.info) as stream:
                stream.read(member.start)
                while piece := stream.read(_CHUNK):
                    view[done : done + len(piece)] = piece
                    done += len(piece)
        except _BROKEN as error:
            raise InputError(f"{_said(error)}; {_SAVE_AGAIN}", where=self.where(name)) from None
        if done != len(view):
            raise InputError(f"is cut short; {_SAVE_AGAIN}", where=self.where(name))
        return out

    def _json(self, name: str) -> Any:
        raw = self._array(name, ("|u1",)).tobytes()
        try:
            return json.loads(raw, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"is not valid JSON ({_said(error)}); {_SAVE_AGAIN}", where=self.where(name)
            ) from None


@contextmanager
def open_archive(path: Path, what: str, *, bare: bool = False) -> Iterator[Archive]:
    """Open the archive `path`, refusing what cannot fit, and close it afterwards.

    Parameters
    ----------
    path : Path
    what : str
        What is expected, e.g. ``"a planbench .npz file"``; for messages.
    bare : bool
        Accept an archive without ``meta``, as ``numpy.savez`` writes it.

    Raises
    ------
    InputError
        On anything that is not a whole archive of one-dimensional arrays with ``meta``, or
        that would not fit into memory.
    """
    size = regular_file_size(path, what)
    try:
        with _open_zip(path, what) as file:
            members = _weigh(path, file, size)
            archive = Archive(path, file, members, {})
            if "meta" in members:
                archive.meta = archive._json("meta")
            elif not bare:
                raise InputError(
                    f"is missing: this is not {what}; write it with planbench",
                    where=archive.where("meta"),
                )
            if not isinstance(archive.meta, dict):
                raise InputError(
                    f"is not a JSON object; {_SAVE_AGAIN}", where=archive.where("meta")
                )
            yield archive
    except MemoryError:
        raise InputError(
            "does not fit into memory; use a smaller instance or a larger machine",
            where=str(path),
        ) from None
    except OSError as error:
        raise os_error_as_input(error, path, f"read {what}") from None


def _open_zip(path: Path, what: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*_BROKEN, struct.error) as error:
        raise InputError(
            f"is not {what} ({_said(error)}); {_SAVE_AGAIN}", where=str(path)
        ) from None


def _said(error: Exception) -> str:
    """Quote what another library says of the fault, short enough for one line."""
    text = str(error) or type(error).__name__
    return text if len(text) <= 120 else text[:119] + "…"


def _weigh(path: Path, file: zipfile.ZipFile, file_bytes: int) -> dict[str, _Member]:
    """Read the header of every member and refuse what lies about its size or cannot fit."""
    members: dict[str, _Member] = {}
    need = 0
    for info in file.infolist():
        name = info.filename.removesuffix(".npy")
        where = f"{path}: field {shown(name)}"
        if name == info.filename or name in members:
            raise InputError("is not an array of its own name; " + _SAVE_AGAIN, where=where)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError("uses another compression than zip's deflate; save again", where=where)
        if info.flag_bits & 1:
            raise InputError("is encrypted; save it without a password", where=where)
        most = info.compress_size
        if info.compress_type == zipfile.ZIP_DEFLATED:
            most = _MOST_DEFLATED * info.compress_size + 64
        if info.file_size > most or info.compress_size > file_bytes:
            raise InputError(
                f"claims {info.file_size} bytes, more than the file can hold; {_SAVE_AGAIN}",
                where=where,
            )
        members[name] = member = _read_header(file, info, where)
        declared = member.size * member.dtype.itemsize
        need += declared * (_JSON_GROWTH if member.dtype.itemsize == 1 else 1)
    require_plausible(sum(m.info.file_size for m in members.values()), file_bytes, str(path))
    # A quarter more: the checks of the boundary use masks and differences.
    require_memory(1.25 * need, str(path), "reading it")
    return members


def _read_header(file: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> _Member:
    try:
        with file.open(info) as stream:
            start = stream.read(8)
            if start[:6] != b"\x93NUMPY" or len(start) != 8 or start[6] not in (1, 2, 3):
                raise InputError("is not a NumPy array; " + _SAVE_AGAIN, where=where)
            width = 2 if start[6] == 1 else 4
            length = int.from_bytes(stream.read(width), "little")
            header = stream.read(min(length, 4096))
    except _BROKEN as error:
        raise InputError(f"{_said(error)}; {_SAVE_AGAIN}", where=where) from None
    if len(header) != length:
        raise InputError("has a header that is too long or cut short; save again", where=where)
    if b"'|O'" in header or b"'O'" in header:
        raise InputError(
            "holds pickled Python objects, which are never loaded (they can run code); "
            "save plain numbers",
            where=where,
        )
    match = _HEADER.fullmatch(header)
    if match is None:
        raise InputError("is not a plain array of numbers; " + _SAVE_AGAIN, where=where)
    try:
        dtype = np.dtype(match["descr"].decode())
        shape = [int(part) for part in match["shape"].split(b",") if part.strip()]
    except (TypeError, ValueError):
        raise InputError("is not a plain array of numbers; " + _SAVE_AGAIN, where=where) from None
    if len(shape) != 1:
        raise InputError(f"has {len(shape)} dimensions, expected 1; save again", where=where)
    begin = 8 + width + length
    if shape[0] * dtype.itemsize != info.file_size - begin:
        raise InputError(
            f"declares {plural(shape[0], 'entry')} of {plural(dtype.itemsize, 'byte')}, the file "
            f"holds {info.file_size - begin} bytes; {_SAVE_AGAIN}",
            where=where,
        )
    return _Member(info, dtype, shape[0], begin)


def json_text(value: Mapping[str, Any], where: str) -> str:
    """`value` as JSON.

    Raises
    ------
    InputError
        When it holds something that JSON has no word for, such as NaN.
    """
    try:
        return json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"cannot be written as JSON ({error}); use plain numbers, strings, lists and mappings",
            where=f"{where}: name or recipe",
        ) from None


def write_archive(
    path: Path, meta: Mapping[str, Any], arrays: Mapping[str, Any], *, compress: bool
) -> None:
    """Write `meta` (as JSON) and named arrays; the same content gives the same bytes.

    Parameters
    ----------
    path : Path
    meta : mapping
        JSON values; NaN and infinities are refused.
    arrays : mapping of str to ndarray or sequence of str
        One-dimensional arrays; sequences of strings are stored as JSON.
    compress : bool
        Deflate (slow, about half the size) or store (fast).

    Raises
    ------
    InputError
        When `meta` is not JSON, or the file cannot be written.
    """
    text = json_text(meta, str(path))
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with replacing(path) as stream, zipfile.ZipFile(stream, "w") as file:
        for name, value in {"meta": np.frombuffer(text.encode(), dtype=np.uint8), **arrays}.items():
            if isinstance(value, np.ndarray):
                array = value
            else:
                array = np.frombuffer(json.dumps(list(value)).encode(), dtype=np.uint8)
            array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            with file.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(
                    member, np.lib.format.header_data_from_array_1_0(array)
                )
                view = array.view(np.uint8).data
                for start in range(0, len(view), _CHUNK):
                    member.write(view[start : start + _CHUNK])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON knows")
