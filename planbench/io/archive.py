"""Zip archives of one-dimensional arrays (npz), read without trust; nothing is ever unpickled.

numpy.load(path) opens the same files.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.files import (
    os_error_as_input,
    regular_file_size,
    replacing,
    require_memory,
    require_plausible,
)
from planbench.io.text import shown

Array = npt.NDArray[Any]

_SAVE_AGAIN = "the file is damaged; save or download it again"


@dataclass(frozen=True)
class Archive:
    """The arrays of an archive, and its ``meta``; read it with :func:`read_archive`."""

    path: Path
    arrays: Mapping[str, Array]
    meta: Mapping[str, Any]

    def where(self, field: str) -> str:
        """``file: field 'name'``, to start a message with."""
        return f"{self.path}: field {shown(field)}"

    def require_fields(self, required: set[str], optional: set[str]) -> None:
        """Refuse the archive when a required array is missing or an unknown one present.

        Raises
        ------
        InputError
        """
        for field in sorted(required - self.arrays.keys()):
            raise InputError(f"is missing; {_SAVE_AGAIN}", where=self.where(field))
        for field in sorted(self.arrays.keys() - required - optional):
            raise InputError(
                "is not part of this format version; remove it, or update planbench",
                where=self.where(field),
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
            When it has another type.
        """
        allowed = ("float64", "float32", "int64", "int32") if any_number else ("float64",)
        return self._of_type(name, *allowed).astype(np.float64, copy=False)

    def index(self, name: str) -> Array:
        """Return the int32 or int64 array `name`, in the width it was stored with.

        Raises
        ------
        InputError
            When it has another type.
        """
        return self._of_type(name, "int32", "int64")

    def strings(self, name: str) -> tuple[str, ...] | None:
        """Return the list of strings `name`, or None where there is none.

        Raises
        ------
        InputError
            When it is not a JSON list of strings.
        """
        if name not in self.arrays:
            return None
        out = self._json(name)
        if not isinstance(out, list) or not all(type(item) is str for item in out):
            raise InputError("is not a list of strings; " + _SAVE_AGAIN, where=self.where(name))
        return tuple(out)

    def _of_type(self, name: str, *allowed: str) -> Array:
        array = self.arrays[name]
        if array.dtype not in allowed:
            raise InputError(
                f"holds {array.dtype.name}, not {' or '.join(allowed)}; save it with that type",
                where=self.where(name),
            )
        return array

    def _json(self, name: str) -> Any:
        def no_constant(word: str) -> None:
            raise ValueError(f"{word} is not a number that JSON knows")

        raw = self._of_type(name, "uint8").tobytes()
        try:
            out = json.loads(raw, parse_constant=no_constant)
            # An escape such as \ud800 is no Unicode text and could not be written anywhere.
            json.dumps(out, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"is not valid JSON ({_said(error)}); {_SAVE_AGAIN}", where=self.where(name)
            ) from None
        return out


def read_archive(path: Path, what: str, *, bare: bool = False) -> Archive:
    """Read the archive `path`.

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
    archive = Archive(path, arrays := read_arrays(path, what), meta := {})
    for name, array in arrays.items():
        if array.ndim != 1:
            raise InputError(
                f"has {array.ndim} dimensions, expected 1; save again", where=archive.where(name)
            )
    if "meta" in arrays:
        found = archive._json("meta")
        if not isinstance(found, dict):
            raise InputError(f"is not a JSON object; {_SAVE_AGAIN}", where=archive.where("meta"))
        meta.update(found)
        del arrays["meta"]
    elif not bare:
        raise InputError(
            f"is missing: this is not {what}; write it with planbench", where=archive.where("meta")
        )
    return archive


def read_arrays(path: Path, what: str, *, growth: float = 1.25) -> dict[str, Array]:
    """Read the arrays of an ``.npz`` file by their names.

    Parameters
    ----------
    path : Path
    what : str
        As for :func:`read_archive`.
    growth : float
        Bytes of memory for a byte of the arrays; by default some for masks and differences.

    Raises
    ------
    InputError
        When it is no whole archive of plain arrays, or would not fit into memory.
    """
    size = regular_file_size(path, what)
    try:
        file = zipfile.ZipFile(path)
    except OSError as error:
        raise os_error_as_input(error, path, f"read {what}") from None
    except Exception as error:  # zipfile has many errors for a damaged file
        raise InputError(
            f"is not {what} ({_said(error)}); {_SAVE_AGAIN}", where=str(path)
        ) from None
    arrays: dict[str, Array] = {}
    with file:
        # zipfile reads no more of a member than its stated size.
        unpacked = sum(info.file_size for info in file.infolist())
        require_plausible(unpacked, size, str(path))
        require_memory(growth * unpacked, str(path), "reading it")
        for info in file.infolist():
            name = info.filename.removesuffix(".npy")
            where = f"{path}: field {shown(name)}"
            if name == info.filename or name in arrays:
                raise InputError("is not an array of its own name; " + _SAVE_AGAIN, where=where)
            try:
                arrays[name] = _read_array(file, info)
            except MemoryError:
                raise InputError(
                    "does not fit into memory; if the file is not damaged, use a smaller instance "
                    "or a larger machine",
                    where=where,
                ) from None
            except Exception as error:  # so have zlib and numpy
                raise InputError(f"{_said(error)}; {_SAVE_AGAIN}", where=where) from None
    return arrays


def _read_array(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with file.open(info) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of headers that Python 2 wrote
        array = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1):
            raise ValueError("holds more bytes than it declares")
        if array.size and not array.itemsize:
            raise ValueError("declares entries of no bytes")
    return array


def _said(error: Exception) -> str:
    """Quote what another library says of the fault, short enough for one line."""
    text = str(error) or type(error).__name__
    return text if len(text) <= 120 else text[:119] + "…"


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
    with replacing(path) as stream, zipfile.ZipFile(stream, "w") as file:
        for name, value in {"meta": text, **arrays}.items():
            if not isinstance(value, np.ndarray):
                json_bytes = (value if name == "meta" else json.dumps(list(value))).encode()
                value = np.frombuffer(json_bytes, dtype=np.uint8)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            with file.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
