"""Economies and linear programs as ``.npz``: exact, fast, without pickle, checked on loading.

An archive holds ``meta`` (JSON: format, version, kind, name, recipe, SHA-256 of the canonical
arrays) and one-dimensional arrays; a matrix is three of them, ``NAME_indptr``,
``NAME_indices`` and ``NAME_data`` (compressed sparse columns). See docs/formats.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.archive import Archive, open_archive, write_archive
from planbench.model.arrays import FloatArray, Matrix, canonical_vector
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program

FORMAT = "planbench"
VERSION = 1
_WHAT = "a planbench .npz file"
_PathLike = str | os.PathLike[str]

_ECONOMY_MATRICES = ("inputs", "outputs", "resource_use", "assortment")
_ECONOMY_VECTORS = ("endowment", "capacity", "fixed_demand", "weights")
_ECONOMY_LABELS = ("goods", "activities", "resources", "targets", "units")
_INTERIOR = ("interior_goods_prices", "interior_resource_prices", "interior_activities")
_LP_VECTORS = ("cost", "row_lower", "row_upper", "col_lower", "col_upper")
_LP_LABELS = ("row_names", "col_names")


def save_economy(economy: Economy, path: _PathLike, *, compress: bool = False) -> None:
    """Write `economy` to the ``.npz`` file `path`, replacing it in one step.

    Parameters
    ----------
    economy : Economy
    path : path-like
    compress : bool
        Deflate the arrays: about half the bytes, and many times slower.

    Raises
    ------
    InputError
        When the file cannot be written or the recipe is not JSON.
    """
    arrays: dict[str, Any] = {}
    for field in _ECONOMY_MATRICES:
        arrays |= _matrix_arrays(field, getattr(economy, field))
    for field in _ECONOMY_VECTORS:
        arrays[field] = getattr(economy, field)
    for field in _ECONOMY_LABELS:
        if getattr(economy, field) is not None:
            arrays[field] = getattr(economy, field)
    if economy.interior is not None:
        arrays["interior_goods_prices"] = economy.interior.goods_prices
        arrays["interior_resource_prices"] = economy.interior.resource_prices
        if economy.interior.activities is not None:
            arrays["interior_activities"] = economy.interior.activities
    meta = _meta("economy", economy.name, economy.sha256) | {"recipe": dict(economy.recipe)}
    write_archive(Path(path), meta, arrays, compress=compress)


def load_economy(path: _PathLike) -> Economy:
    """Read an economy written by :func:`save_economy` and check its SHA-256.

    Raises
    ------
    InputError
        When the file is not a whole, unaltered economy of a known version that fits into
        memory; the line names the file, the field and the fix.
    """
    with open_archive(Path(path), _WHAT) as archive:
        _require_kind(archive, "economy")
        return _read_economy(archive)


def save_lp(lp: LinearProgram, path: _PathLike, *, compress: bool = False) -> None:
    """Write `lp` to the ``.npz`` file `path`, replacing it in one step.

    Parameters
    ----------
    lp : LinearProgram
    path : path-like
    compress : bool
        Deflate the arrays: about half the bytes, and many times slower.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    arrays: dict[str, Any] = _matrix_arrays("matrix", lp.matrix)
    for field in _LP_VECTORS:
        arrays[field] = getattr(lp, field)
    for field in _LP_LABELS:
        if getattr(lp, field) is not None:
            arrays[field] = getattr(lp, field)
    meta = _meta("linear-program", lp.name, lp.sha256)
    meta |= {"maximise": lp.maximise, "offset": lp.offset}
    write_archive(Path(path), meta, arrays, compress=compress)


def load_lp(path: _PathLike) -> LinearProgram:
    """Read a linear program written by :func:`save_lp` and check its SHA-256.

    Raises
    ------
    InputError
        As :func:`load_economy`.
    """
    with open_archive(Path(path), _WHAT) as archive:
        _require_kind(archive, "linear-program")
        return _read_lp(archive)


def load_any(path: _PathLike) -> Economy | LinearProgram:
    """Read whichever of the two the file holds.

    Raises
    ------
    InputError
        As :func:`load_economy`.
    """
    with open_archive(Path(path), _WHAT) as archive:
        if _require_kind(archive, "economy", "linear-program") == "economy":
            return _read_economy(archive)
        return _read_lp(archive)


def _meta(kind: str, name: str, sha256: str) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "kind": kind, "name": name, "sha256": sha256}


def _require_kind(archive: Archive, *kinds: str) -> str:
    """Check format, version and kind of the archive; return the kind."""
    require_version(archive)
    kind = archive.meta.get("kind")
    if kind not in kinds:
        raise InputError(
            f"holds {kind!a}, expected {' or '.join(kinds)}; give a file of that kind",
            where=archive.where("meta.kind"),
        )
    return str(kind)


def require_version(archive: Archive) -> None:
    """Refuse an archive that is not ours or of a version this code does not know.

    Raises
    ------
    InputError
    """
    meta = archive.meta
    if meta.get("format") != FORMAT:
        raise InputError(
            f"is {meta.get('format')!a}, not '{FORMAT}': this is not {_WHAT}; "
            "write it with planbench",
            where=archive.where("meta.format"),
        )
    version = meta.get("version")
    if type(version) is not int or version != VERSION:
        raise InputError(
            f"is {version!a}, this planbench reads version {VERSION}; "
            "update planbench or save the file again",
            where=archive.where("meta.version"),
        )


def _text(archive: Archive, field: str) -> str:
    value = archive.meta.get(field)
    try:
        if isinstance(value, str) and value.encode() is not None:
            return value
    except UnicodeEncodeError:
        pass
    raise InputError(
        f"is {ascii(value)[:60]}, not text; save again", where=archive.where(f"meta.{field}")
    )


def _check_sha256(archive: Archive, made: Economy | LinearProgram) -> None:
    stated = _text(archive, "sha256")
    if made.sha256 != stated:
        raise InputError(
            f"is {stated[:12]}… but the arrays hash to {made.sha256[:12]}…: the file was altered "
            "or damaged; save or download it again",
            where=archive.where("meta.sha256"),
        )


def _read_economy(archive: Archive) -> Economy:
    matrices = {f"{m}_{part}" for m in _ECONOMY_MATRICES for part in ("indptr", "indices", "data")}
    archive.require_fields(
        frozenset(matrices | set(_ECONOMY_VECTORS)), frozenset(_ECONOMY_LABELS + _INTERIOR)
    )
    recipe = archive.meta.get("recipe")
    if not isinstance(recipe, dict):
        raise InputError("is not a mapping; save again", where=archive.where("meta.recipe"))
    vectors: dict[str, Any] = {field: archive.vector(field) for field in _ECONOMY_VECTORS}
    n, m = vectors["fixed_demand"].size, vectors["capacity"].size
    k, t = vectors["endowment"].size, vectors["weights"].size
    shapes = dict(zip(_ECONOMY_MATRICES, ((n, m), (n, m), (k, m), (n, t)), strict=True))
    built = {field: _read_matrix(archive, field, shapes[field]) for field in _ECONOMY_MATRICES}
    try:
        economy = make_economy(
            **built,
            **vectors,
            **{field: archive.strings(field) for field in _ECONOMY_LABELS},
            name=_text(archive, "name"),
            recipe=recipe,
            interior=_read_interior(archive, n, k, m),
        )
    except InputError as error:
        raise _in_file(error, archive) from None
    _check_sha256(archive, economy)
    return economy


def _read_interior(archive: Archive, n: int, k: int, m: int) -> Interior | None:
    present = archive.names & set(_INTERIOR)
    if not present:
        return None
    archive.require_fields(archive.names | set(_INTERIOR[:2]), frozenset())

    def part(field: str, size: int) -> FloatArray:
        return canonical_vector(archive.vector(field), size, field)

    return Interior(
        goods_prices=part(_INTERIOR[0], n),
        resource_prices=part(_INTERIOR[1], k),
        activities=part(_INTERIOR[2], m) if _INTERIOR[2] in present else None,
    )


def _read_lp(archive: Archive) -> LinearProgram:
    matrix = {f"matrix_{part}" for part in ("indptr", "indices", "data")}
    archive.require_fields(frozenset(matrix | set(_LP_VECTORS)), frozenset(_LP_LABELS))
    maximise, offset = archive.meta.get("maximise"), archive.meta.get("offset")
    if not isinstance(maximise, bool):
        raise InputError("is not true or false; save again", where=archive.where("meta.maximise"))
    if not isinstance(offset, int | float) or isinstance(offset, bool):
        raise InputError("is not a number; save again", where=archive.where("meta.offset"))
    vectors: dict[str, Any] = {field: archive.vector(field) for field in _LP_VECTORS}
    shape = (vectors["row_lower"].size, vectors["cost"].size)
    try:
        lp = make_linear_program(
            matrix=_read_matrix(archive, "matrix", shape),
            **vectors,
            **{field: archive.strings(field) for field in _LP_LABELS},
            maximise=maximise,
            offset=_finite(offset, archive),
            name=_text(archive, "name"),
        )
    except InputError as error:
        raise _in_file(error, archive) from None
    _check_sha256(archive, lp)
    return lp


def _finite(value: int | float, archive: Archive) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InputError("is too large", where=archive.where("meta.offset")) from None


def _in_file(error: InputError, archive: Archive) -> InputError:
    """Put the file in front of a message of the model's boundary, once."""
    text = str(error)
    return error if text.startswith(str(archive.path)) else InputError(f"{archive.path}: {text}")


def _matrix_arrays(field: str, matrix: Matrix) -> dict[str, Any]:
    return {f"{field}_{part}": getattr(matrix, part) for part in ("indptr", "indices", "data")}


def _read_matrix(archive: Archive, field: str, shape: tuple[int, int]) -> Matrix:
    """Build a matrix from its three arrays; every index is checked before SciPy sees it."""
    indptr = archive.index(f"{field}_indptr")
    indices = archive.index(f"{field}_indices")
    data = archive.vector(f"{field}_data")
    where = archive.where(f"{field}_indptr")
    fix = "; save the file again"
    if indptr.size != shape[1] + 1:
        raise InputError(
            f"has {plural(indptr.size, 'entry')}, expected {shape[1] + 1}{fix}", where=where
        )
    if indptr[0] != 0 or indptr[-1] != indices.size or indices.size != data.size:
        raise InputError(
            f"runs from {indptr[0]} to {indptr[-1]}, expected 0 to {data.size} with as many "
            f"indices ({indices.size}) as values{fix}",
            where=where,
        )
    if (indptr[1:] < indptr[:-1]).any():
        at = int(np.flatnonzero(indptr[1:] < indptr[:-1])[0]) + 1
        raise InputError(f"decreases at entry {at}{fix}", where=where)
    where = archive.where(f"{field}_indices")
    if indices.size and (indices.min() < 0 or indices.max() >= shape[0]):
        at = int(np.flatnonzero((indices < 0) | (indices >= shape[0]))[0])
        raise InputError(
            f"entry {at} is {indices[at]}, outside 0 to {shape[0] - 1}{fix}", where=where
        )
    if indptr.dtype != indices.dtype:
        indptr = indptr.astype(np.int64, copy=False)
        indices = indices.astype(np.int64, copy=False)
    matrix = sp.csc_array((data, indices, indptr), shape=shape)
    if not matrix.has_canonical_format:
        raise InputError(f"are not sorted, or an entry occurs twice{fix}", where=where)
    return matrix
