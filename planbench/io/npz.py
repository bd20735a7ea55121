"""Economies and linear programs as ``.npz``: exact, fast, without pickle, checked on loading.

An archive holds ``meta`` (JSON: format, version, kind, name, recipe, SHA-256 of the canonical
arrays) and one-dimensional arrays; a matrix is three of them, ``NAME_indptr``,
``NAME_indices`` and ``NAME_data`` (compressed sparse columns). See docs/formats.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.archive import Archive, read_archive, write_archive
from planbench.io.files import naming
from planbench.model.arrays import Matrix, canonical_vector
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program

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


def load_economy(path: _PathLike) -> Economy:
    """Read an economy written by :func:`save_npz` and check its SHA-256.

    Raises
    ------
    InputError
        When the file is not a whole, unaltered economy of a known version that fits into
        memory; the line names the file, the field and the fix.
    """
    return _read_economy(_read(path, "economy"))


def load_lp(path: _PathLike) -> LinearProgram:
    """Read a linear program written by :func:`save_npz` and check its SHA-256.

    Raises
    ------
    InputError
        As :func:`load_economy`.
    """
    return _read_lp(_read(path, "linear-program"))


def load_any(path: _PathLike) -> Economy | LinearProgram:
    """Read whichever of the two the file holds.

    Raises
    ------
    InputError
        As :func:`load_economy`.
    """
    archive = _read(path, "economy", "linear-program")
    if archive.meta["kind"] == "economy":
        return _read_economy(archive)
    return _read_lp(archive)


def _read(path: _PathLike, *kinds: str) -> Archive:
    archive = read_archive(Path(path), _WHAT)
    require_kind(archive, *kinds)
    return archive


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


def _check_sha256(archive: Archive, made: Economy | LinearProgram) -> None:
    stated = _meta_value(archive, "sha256", str)
    if made.sha256 != stated:
        raise InputError(
            f"is {stated[:12]}… but the arrays hash to {made.sha256[:12]}…: the file was altered "
            "or damaged; save or download it again",
            where=archive.where("meta.sha256"),
        )


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
        economy = make_economy(
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
    _check_sha256(archive, economy)
    return economy


def _read_lp(archive: Archive) -> LinearProgram:
    archive.require_fields(_names(("matrix",), _LP_VECTORS), set(_LP_LABELS))
    vectors: dict[str, Any] = {field: archive.vector(field) for field in _LP_VECTORS}
    shape = (vectors["row_lower"].size, vectors["cost"].size)
    with naming(archive.path):
        lp = make_linear_program(
            matrix=_read_matrix(archive, "matrix", shape),
            **vectors,
            **{field: archive.strings(field) for field in _LP_LABELS},
            maximise=_meta_value(archive, "maximise", bool),
            offset=_meta_value(archive, "offset", float),
            name=_meta_value(archive, "name", str),
        )
    _check_sha256(archive, lp)
    return lp


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
