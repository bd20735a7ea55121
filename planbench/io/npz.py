"""Economies and linear programs as ``.npz``: exact, fast, without pickle, checked on loading.

An archive holds ``meta`` (JSON: format, version, kind, name, recipe, SHA-256 of the canonical
arrays) and one-dimensional arrays; a matrix is three of them, ``NAME_indptr``,
``NAME_indices`` and ``NAME_data`` (compressed sparse columns). See docs/formats.md.

Archives are read without trust: nothing is ever unpickled. ``numpy.load(path)`` opens them too.
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.files import (
    naming,
    os_error_as_input,
    regular_file_size,
    replacing,
    require_memory,
    require_plausible,
)
from planbench.io.text import shown
from planbench.model.arrays import Matrix, canonical_vector
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program

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


FORMAT = "planbench"
VERSION = 1
_WHAT = "a planbench .npz file"
_PathLike = str | os.PathLike[str]

_ECONOMY_MATRICES = ("inputs", "outputs", "resource_use", "assortment")
_ECONOMY_VECTORS = ("endowment", "capacity", "fixed_demand", "weights")
_ECONOMY_LABELS = ("goods", "activities", "resources", "targets", "units")
_INTERIOR = ("goods_prices", "resource_prices", "activities")
_LP_VECTORS = ("cost", "row_lower", "row_upper", "col_lower", "col_upper")
_LP_LABELS = ("row_names", "col_names")


def save_npz(problem: Economy | LinearProgram, path: _PathLike, *, compress: bool = False) -> None:
    """Write `problem` to the ``.npz`` file `path`, replacing it in one step.

    Parameters
    ----------
    problem : Economy or LinearProgram
    path : path-like
    compress : bool
        Deflate the arrays: about half the bytes, and many times slower.

    Raises
    ------
    InputError
        When the file cannot be written or the recipe is not JSON.
    """
    facts: dict[str, Any]
    if isinstance(problem, LinearProgram):
        arrays = _arrays(problem, ("matrix",), (*_LP_VECTORS, *_LP_LABELS))
        kind, facts = "linear-program", {"maximise": problem.maximise, "offset": problem.offset}
    else:
        arrays = _arrays(problem, _ECONOMY_MATRICES, (*_ECONOMY_VECTORS, *_ECONOMY_LABELS))
        if problem.interior is not None:
            interior = _arrays(problem.interior, (), _INTERIOR)
            arrays |= {f"interior_{field}": value for field, value in interior.items()}
        kind, facts = "economy", {"recipe": dict(problem.recipe)}
    meta = {"format": FORMAT, "version": VERSION, "kind": kind, "name": problem.name}
    meta |= {"sha256": problem.sha256} | facts
    write_archive(Path(path), meta, arrays, compress=compress)


def _arrays(value: Any, matrices: tuple[str, ...], others: tuple[str, ...]) -> dict[str, Any]:
    """Arrays of the matrices, and the vectors and labels that are there."""
    arrays: dict[str, Any] = {}
    for field in matrices:
        for part in ("indptr", "indices", "data"):
            arrays[f"{field}_{part}"] = getattr(getattr(value, field), part)
    return arrays | {f: getattr(value, f) for f in others if getattr(value, f) is not None}


def load_any(path: _PathLike) -> Economy | LinearProgram:
    """Read what :func:`save_npz` wrote, and check its SHA-256.

    Raises
    ------
    InputError
        When the file is not a whole, unaltered economy or linear program of a known version that
        fits into memory; the line names the file, the field and the fix.
    """
    archive = read_archive(Path(path), _WHAT)
    require_kind(archive, "economy", "linear-program")
    economy = archive.meta["kind"] == "economy"
    made = _read_economy(archive) if economy else _read_lp(archive)
    stated = _meta_value(archive, "sha256", str)
    if made.sha256 != stated:
        raise InputError(
            f"is {stated[:12]}… but the arrays hash to {made.sha256[:12]}…: the file was altered "
            "or damaged; save or download it again",
            where=archive.where("meta.sha256"),
        )
    return made


def require_kind(archive: Archive, *kinds: str) -> None:
    """Refuse an archive that is not ours, or not of the kind and version asked for.

    Raises
    ------
    InputError
    """
    for field, known, fix in (
        ("format", (FORMAT,), f"this is not {_WHAT}; write it with planbench"),
        ("version", (VERSION,), "update planbench or save the file again"),
        ("kind", kinds, "give a file of that kind"),
    ):
        value = archive.meta.get(field)
        if value not in known or isinstance(value, bool):
            raise InputError(
                f"is {value!a}, expected {' or '.join(map(repr, known))}; {fix}",
                where=archive.where(f"meta.{field}"),
            )


def _meta_value(archive: Archive, field: str, kind: type) -> Any:
    value = archive.meta.get(field)
    if type(value) is not kind:
        raise InputError(
            f"is {ascii(value)[:60]}, not of type {kind.__name__}; save again",
            where=archive.where(f"meta.{field}"),
        )
    return value


def _read_economy(archive: Archive) -> Economy:
    interior = {f"interior_{field}" for field in _INTERIOR}
    required = _names(_ECONOMY_MATRICES, _ECONOMY_VECTORS)
    if interior & archive.arrays.keys():
        required |= interior - {"interior_activities"}
    archive.require_fields(required, interior | set(_ECONOMY_LABELS))
    vectors: dict[str, Any] = {field: archive.vector(field) for field in _ECONOMY_VECTORS}
    n, m = vectors["fixed_demand"].size, vectors["capacity"].size
    k, t = vectors["endowment"].size, vectors["weights"].size
    with naming(archive.path):
        known: dict[str, Any] = {
            field: canonical_vector(archive.vector(name), size, name)
            for field, size in zip(_INTERIOR, (n, k, m), strict=True)
            if (name := f"interior_{field}") in archive.arrays
        }
        return make_economy(
            inputs=_read_matrix(archive, "inputs", (n, m)),
            outputs=_read_matrix(archive, "outputs", (n, m)),
            resource_use=_read_matrix(archive, "resource_use", (k, m)),
            assortment=_read_matrix(archive, "assortment", (n, t)),
            **vectors,
            **{field: archive.strings(field) for field in _ECONOMY_LABELS},
            name=_meta_value(archive, "name", str),
            recipe=_meta_value(archive, "recipe", dict),
            interior=Interior(**({"activities": None} | known)) if known else None,
        )


def _read_lp(archive: Archive) -> LinearProgram:
    archive.require_fields(_names(("matrix",), _LP_VECTORS), set(_LP_LABELS))
    vectors: dict[str, Any] = {field: archive.vector(field) for field in _LP_VECTORS}
    shape = (vectors["row_lower"].size, vectors["cost"].size)
    with naming(archive.path):
        return make_linear_program(
            matrix=_read_matrix(archive, "matrix", shape),
            **vectors,
            **{field: archive.strings(field) for field in _LP_LABELS},
            maximise=_meta_value(archive, "maximise", bool),
            offset=_meta_value(archive, "offset", float),
            name=_meta_value(archive, "name", str),
        )


def _names(matrices: tuple[str, ...], vectors: tuple[str, ...]) -> set[str]:
    return {f"{m}_{part}" for m in matrices for part in ("indptr", "indices", "data")} | {*vectors}


def _read_matrix(archive: Archive, field: str, shape: tuple[int, int]) -> Matrix:
    """Build a matrix from its three arrays, every index checked."""
    indptr = archive.index(f"{field}_indptr")
    indices = archive.index(f"{field}_indices")
    data = archive.vector(f"{field}_data")
    try:
        if indptr.size and indptr[-1] != data.size:
            raise ValueError(f"{data.size} values, and {field}_indptr ends with {indptr[-1]}")
        matrix = sp.csc_array((data, indices, indptr), shape=shape)
        matrix.check_format(full_check=True)
        if not matrix.has_canonical_format:
            raise ValueError(f"{field}_indices are not sorted, or an entry occurs twice")
    except ValueError as error:
        raise InputError(
            f"is no {shape[0]} x {shape[1]} matrix in compressed columns: {error}; save the file "
            "again",
            where=archive.where(field),
        ) from None
    return matrix
