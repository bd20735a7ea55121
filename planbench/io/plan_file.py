"""Plan files: what ``solve -o`` writes and ``verify`` reads, as ``.npz`` or as CSV.

For an economy, ``.npz`` holds x, z and, where known, p, w, v; for a general linear program x and,
where known, y. ``numpy.savez(path, x=…, z=…)`` makes a valid one. Prices (p and w, or y) may come
without a plan. CSV has the columns ``kind,name,value`` with the kinds of the table below; what is
not listed is zero, so a plan can be written by hand. The kind may precede the name instead
(``activity:smelting``), as in the files that planbench exports; for a general linear program a
line without a kind is a column.

============ =================================== ===================
kind         value                               part of the plan
============ =================================== ===================
``activity`` level                               x
``target``   units delivered                     z
``good``     price                               p
``resource`` rent                                w
``capacity`` rent of an activity's capacity      v
``column``   value (general linear program)      x
``row``      dual ∂objective/∂rhs (the same)     y
============ =================================== ===================

NaN and infinities are refused, when read and when written: no plan has such a level.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.archive import Archive, open_archive, write_archive
from planbench.io.csv_table import Rows, open_table
from planbench.io.files import replacing
from planbench.io.npz import FORMAT, VERSION, require_version
from planbench.io.text import nearest, shown
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan

_PathLike = str | os.PathLike[str]
_WHAT = "a plan file"


@dataclass(frozen=True, eq=False)
class LpPoint:
    """An answer to a general linear program; nothing in it is trusted.

    Attributes
    ----------
    x : ndarray, shape (columns,)
    y : ndarray, shape (rows,) or None
        y = ∂(optimal objective)/∂(right-hand side), in the stated sense.
    claim, objective, primal_ray, dual_ray
        What a solver would say besides; a file says nothing, so that the point can be judged
        as any solver's answer is.
    """

    x: FloatArray
    y: FloatArray | None = None
    claim: str = "unknown"
    objective: float | None = None
    primal_ray: FloatArray | None = None
    dual_ray: FloatArray | None = None


@overload
def write_plan(plan: Plan, path: _PathLike, problem: Economy) -> None: ...
@overload
def write_plan(plan: LpPoint, path: _PathLike, problem: LinearProgram) -> None: ...
def write_plan(plan: Plan | LpPoint, path: _PathLike, problem: Economy | LinearProgram) -> None:
    """Write `plan` for `problem` to a ``.npz`` or ``.csv`` file, by the ending of `path`.

    Raises
    ------
    InputError
        On another ending, a NaN or infinity, or a file that cannot be written.
    """
    path = Path(path)
    parts = {
        field: value for field in _fields(problem) if (value := getattr(plan, field)) is not None
    }
    kinds = {field: kind for kind, field in _kinds(problem).items()}
    for field, values in parts.items():
        if not np.isfinite(values).all():
            raise InputError(f"{field} holds NaN or infinity, which is no plan", where=str(path))
    if path.suffix.lower() == ".npz":
        meta = {"format": FORMAT, "version": VERSION, "kind": "plan", "sha256": problem.sha256}
        write_archive(path, meta, parts, compress=False)
        return
    if path.suffix.lower() != ".csv":
        raise InputError("a plan file ends in .npz or .csv; rename it", where=str(path))
    with replacing(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("kind", "name", "value"))
        for field, values in parts.items():
            names = _names(problem, kinds[field])
            for name, value in zip(names, values.tolist(), strict=True):
                writer.writerow((kinds[field], name, value))
        text.detach()


@overload
def read_plan(path: _PathLike, problem: Economy) -> Plan: ...
@overload
def read_plan(path: _PathLike, problem: LinearProgram) -> LpPoint: ...
def read_plan(path: _PathLike, problem: Economy | LinearProgram) -> Plan | LpPoint:
    """Read a plan for `problem`.

    Parameters
    ----------
    path : path-like
        ``.npz``; anything else is read as CSV.
    problem : Economy or LinearProgram

    Raises
    ------
    InputError
        When the file cannot be read, names what is not in the problem, has the wrong sizes,
        or was written for another problem.
    """
    parts = read_parts(path, problem)
    if not _required(problem) <= parts.keys():
        raise InputError("holds prices alone, no plan; give a plan file", where=str(path))
    if isinstance(problem, Economy):
        return Plan(**parts)
    return LpPoint(parts["x"], parts.get("y"))


def read_parts(path: _PathLike, problem: Economy | LinearProgram) -> dict[str, FloatArray]:
    """Read a plan, prices alone, or both, by the names that the table above has for them.

    Raises
    ------
    InputError
        As :func:`read_plan`.
    """
    path = Path(path)
    return _read_npz(path, problem) if path.suffix.lower() == ".npz" else _read_csv(path, problem)


def _kinds(problem: Economy | LinearProgram) -> dict[str, str]:
    """Part of the plan by kind of line."""
    if isinstance(problem, Economy):
        return {"activity": "x", "target": "z", "good": "p", "resource": "w", "capacity": "v"}
    return {"column": "x", "row": "y"}


def _fields(problem: Economy | LinearProgram) -> dict[str, int]:
    """Size of every part of a plan; the required ones are the first two, or the first."""
    if isinstance(problem, Economy):
        n, m = problem.n_goods, problem.n_activities
        return {"x": m, "z": problem.n_targets, "p": n, "w": problem.n_resources, "v": m}
    return {"x": problem.n_cols, "y": problem.n_rows}


def _required(problem: Economy | LinearProgram) -> frozenset[str]:
    return frozenset({"x", "z"} if isinstance(problem, Economy) else {"x"})


def _prices(problem: Economy | LinearProgram) -> frozenset[str]:
    return frozenset({"p", "w"} if isinstance(problem, Economy) else {"y"})


def _needed(problem: Economy | LinearProgram, given: Iterable[str]) -> frozenset[str]:
    """Tell what a file with the parts `given` must hold: prices may come without a plan."""
    if _prices(problem) & set(given) and not _required(problem) & set(given):
        return _prices(problem)
    return _required(problem)


def _names(problem: Economy | LinearProgram, kind: str) -> Sequence[str]:
    size = _fields(problem)[_kinds(problem)[kind]]
    if isinstance(problem, Economy):
        name = problem.activity if kind == "capacity" else getattr(problem, kind)
    else:
        name = getattr(problem, kind)
    return [name(i) for i in range(size)]


def _read_npz(path: Path, problem: Economy | LinearProgram) -> dict[str, FloatArray]:
    fields = _fields(problem)
    kinds = {field: kind for kind, field in _kinds(problem).items()}
    with open_archive(path, _WHAT, bare=True) as archive:
        if archive.meta:
            _check_meta(archive, problem)
        archive.require_fields(_needed(problem, archive.names), frozenset(fields))
        parts = {
            field: archive.vector(field, any_number=True)
            for field in fields
            if field in archive.names
        }
        for field, values in parts.items():
            if values.size != fields[field]:
                raise InputError(
                    f"has {plural(values.size, 'entry')}, this instance needs {fields[field]}; "
                    "check that the plan is for this instance",
                    where=archive.where(field),
                )
            if not np.isfinite(values).all():
                at = int(np.flatnonzero(~np.isfinite(values))[0])
                name = _names(problem, kinds[field])[at]
                raise InputError(
                    f"is {values[at]} at {kinds[field]} {shown(name)}; a plan holds finite "
                    "numbers only",
                    where=archive.where(field),
                )
    return parts


def _check_meta(archive: Archive, problem: Economy | LinearProgram) -> None:
    require_version(archive)
    kind, sha256 = archive.meta.get("kind"), archive.meta.get("sha256")
    if kind != "plan":
        raise InputError(
            f"is {kind!a}, expected 'plan'; give a plan file", where=archive.where("meta.kind")
        )
    if sha256 != problem.sha256:
        raise InputError(
            f"is {ascii(sha256)[:14]}…, this instance has {problem.sha256[:12]}…: the plan was "
            "written for another instance; give that one",
            where=archive.where("meta.sha256"),
        )


def _read_csv(path: Path, problem: Economy | LinearProgram) -> dict[str, FloatArray]:
    kinds, fields = _kinds(problem), _fields(problem)
    indices = {kind: _index(problem, kind) for kind in kinds}
    parts = {field: np.zeros(size) for field, size in fields.items()}
    # A part counts as known once a line of its kind was seen.
    seen = {field: np.zeros(size, dtype=np.bool_) for field, size in fields.items()}
    for rows in open_table(path, ("name", "value"), ("kind",)).rows():
        value = rows.numbers("value")
        for kind, which, places in _places(rows, problem, indices):
            known = seen[kinds[kind]]
            _refuse_repeats(rows, which, places, known)
            known[places] = True
            parts[kinds[kind]][places] = value[which]
    given = {field for field in fields if seen[field].any()}
    given |= _needed(problem, given)
    if given & {"p", "w"}:
        given |= {"p", "w"}
    return {field: parts[field] for field in fields if field in given}


def _refuse_repeats(
    rows: Rows, which: list[int], places: list[int], known: npt.NDArray[np.bool_]
) -> None:
    first = dict(zip(reversed(places), reversed(which), strict=True))
    if len(first) == len(places) and not known[places].any():
        return
    at = next(i for i, p in zip(which, places, strict=True) if known[p] or first[p] != i)
    name = rows.columns["name"][at]
    raise rows.fault(at, "name", f"{shown(name)} occurs a second time; keep one line")


def _places(
    rows: Rows, problem: Economy | LinearProgram, indices: Mapping[str, Mapping[str, int]]
) -> Iterator[tuple[str, list[int], list[int]]]:
    """Yield, for each kind of line, which rows are of that kind and the numbers they name."""
    names = rows.columns["name"]
    kinds = rows.columns.get("kind", [""] * len(rows))
    groups: dict[str, tuple[list[int], list[int]]] = {}
    for i, (kind, name) in enumerate(zip(kinds, names, strict=True)):
        kind = kind.lower()
        if not kind:
            if isinstance(problem, LinearProgram):
                kind = "column"
            else:
                kind, _, name = name.partition(":")
        if kind not in indices:
            raise rows.fault(
                i,
                "kind" if kinds[i] else "name",
                f"unknown kind {shown(kind)}{nearest(kind, indices)}; "
                f"a line is about one of {', '.join(indices)}",
            )
        place = indices[kind].get(name)
        if place is None:
            raise rows.fault(
                i,
                "name",
                f"unknown {kind} {shown(name)}{nearest(name, indices[kind])}; correct it",
            )
        which, places = groups.setdefault(kind, ([], []))
        which.append(i)
        places.append(place)
    for kind, (which, places) in groups.items():
        yield kind, which, places


def _index(problem: Economy | LinearProgram, kind: str) -> dict[str, int]:
    """Numbers by name; also by the name that an exported MPS file shows, where that is unique."""
    names = _names(problem, kind)
    exported = ["_".join(name.split()) for name in names]
    if isinstance(problem, LinearProgram) and getattr(problem, f"{kind[:3]}_names") is None:
        exported = [f"{kind[0].upper()}{i + 1:07d}" for i in range(len(names))]
    out: dict[str, int] = {}
    if len(set(exported)) == len(names):
        out = {name: i for i, name in enumerate(exported)}
    return out | {name.strip(): i for i, name in enumerate(names)}
