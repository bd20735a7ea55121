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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import overload

import numpy as np

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.csv_table import read_table
from planbench.io.files import replacing
from planbench.io.mps import written_names
from planbench.io.npz import FORMAT, VERSION, read_archive, require_kind, write_archive
from planbench.io.text import nearest, shown
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import LpPoint, Plan

_PathLike = str | os.PathLike[str]
_WHAT = "a plan file"


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
    parts = _parts(problem)
    given = {name: values for name in parts if (values := getattr(plan, name)) is not None}
    for name, values in given.items():
        if not np.isfinite(values).all():
            raise InputError(f"{name} holds NaN or infinity, which is no plan", where=str(path))
    if path.suffix.lower() == ".npz":
        meta = {"format": FORMAT, "version": VERSION, "kind": "plan", "sha256": problem.sha256}
        write_archive(path, meta, given, compress=False)
        return
    if path.suffix.lower() != ".csv":
        raise InputError("a plan file ends in .npz or .csv; rename it", where=str(path))
    with replacing(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("kind", "name", "value"))
        for part, values in given.items():
            kind = parts[part].kind
            writer.writerows(zip(repeat(kind), parts[part].names(), values.tolist(), strict=False))
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
    if path.suffix.lower() == ".npz":
        return _read_npz(path, problem)
    return _read_csv(path, problem)


@dataclass(frozen=True)
class _Part:
    """One vector of a plan: the kind of its lines in CSV, its size, the names of its entries."""

    kind: str
    size: int
    name: Callable[[int], str]

    def names(self) -> list[str]:
        return list(map(self.name, range(self.size)))

    def index(self, written: Sequence[str] | None) -> dict[str, int]:
        """Entries by name; also by the name in an exported MPS file, where that is unique."""
        names = self.names()
        exported = written or ["_".join(name.split()) for name in names]
        index = {name: i for i, name in enumerate(exported)}
        return (index if len(index) == len(names) else {}) | {
            name.strip(): i for i, name in enumerate(names)
        }


def _parts(problem: Economy | LinearProgram) -> dict[str, _Part]:
    if isinstance(problem, Economy):
        n, m = problem.n_goods, problem.n_activities
        return {
            "x": _Part("activity", m, problem.activity),
            "z": _Part("target", problem.n_targets, problem.target),
            "p": _Part("good", n, problem.good),
            "w": _Part("resource", problem.n_resources, problem.resource),
            "v": _Part("capacity", m, problem.activity),
        }
    return {
        "x": _Part("column", problem.n_cols, problem.column),
        "y": _Part("row", problem.n_rows, problem.row),
    }


def _required(problem: Economy | LinearProgram, given: Iterable[str] = ()) -> set[str]:
    """Parts that a file with the parts `given` must hold: prices may come without a plan."""
    plan, prices = ({"x", "z"}, {"p", "w"}) if isinstance(problem, Economy) else ({"x"}, {"y"})
    return prices if prices & set(given) and not plan & set(given) else plan


def _read_npz(path: Path, problem: Economy | LinearProgram) -> dict[str, FloatArray]:
    parts = _parts(problem)
    archive = read_archive(path, _WHAT, bare=True)
    if archive.meta:
        require_kind(archive, "plan")
        sha256 = archive.meta.get("sha256")
        if sha256 != problem.sha256:
            raise InputError(
                f"is {ascii(sha256)[:14]}…, this instance has {problem.sha256[:12]}…: the plan was "
                "written for another instance; give that one",
                where=archive.where("meta.sha256"),
            )
    archive.require_fields(_required(problem, archive.arrays), set(parts))
    found = {
        name: archive.vector(name, any_number=True) for name in parts if name in archive.arrays
    }
    for name, values in found.items():
        part = parts[name]
        if values.size != part.size:
            raise InputError(
                f"has {plural(values.size, 'entry')}, this instance needs {part.size}; "
                "check that the plan is for this instance",
                where=archive.where(name),
            )
        for at in np.flatnonzero(~np.isfinite(values)).tolist():
            raise InputError(
                f"is {values[at]} at {part.kind} {shown(part.name(at))}; a plan holds finite "
                "numbers only",
                where=archive.where(name),
            )
    return found


def _read_csv(path: Path, problem: Economy | LinearProgram) -> dict[str, FloatArray]:
    table = read_table(path, ("name", "value"), ("kind",))
    values = table.numbers("value").tolist()
    written: dict[str, Sequence[str]] = {}
    if isinstance(problem, LinearProgram):
        written = dict(zip("yx", written_names(problem), strict=True))
    parts = _parts(problem)
    indices = {part.kind: (name, part.index(written.get(name))) for name, part in parts.items()}
    out = {name: np.zeros(part.size) for name, part in parts.items()}
    seen = {name: bytearray(part.size) for name, part in parts.items()}
    kinds = table.columns.get("kind", [""] * len(values))
    for i, (kind, name) in enumerate(zip(kinds, table.columns["name"], strict=True)):
        at_fault = "kind" if kind else "name"
        if not kind and isinstance(problem, LinearProgram):
            kind = "column"
        elif not kind:
            kind, _, name = name.partition(":")
        kind = kind.lower()
        if kind not in indices:
            raise table.fault(
                i,
                at_fault,
                f"unknown kind {shown(kind)}{nearest(kind, indices)}; "
                f"a line is about one of {', '.join(indices)}",
            )
        part, index = indices[kind]
        if name not in index:
            raise table.fault(
                i, "name", f"unknown {kind} {shown(name)}{nearest(name, index)}; correct it"
            )
        place = index[name]
        if seen[part][place]:
            raise table.fault(i, "name", f"{shown(name)} occurs a second time; keep one line")
        seen[part][place] = 1
        out[part][place] = values[i]
    # A part is known once a line of its kind is there; the others of a plan or of prices are zero.
    given = {part for part in parts if any(seen[part])}
    given |= _required(problem, given)
    if given & {"p", "w"}:
        given |= {"p", "w"}
    return {part: out[part] for part in out if part in given}
