"""An economy as a folder of CSV files that a spreadsheet user can write by hand.

=================== ================================ ==========================================
file                columns                          when absent
=================== ================================ ==========================================
goods.csv           good, unit*, fixed_demand*       (required)
assortment.csv      good, target*, amount            (required)
activities.csv      activity, capacity*              one activity per good, of the same name
inputs.csv          good, activity, amount           nothing is used up
outputs.csv         good, activity, amount           one unit of the good of the same name
resources.csv       resource, endowment              no resources
resource_use.csv    resource, activity, amount       none used
targets.csv         target, weight*                  those of assortment.csv, weight 1
economy.csv         field, value                     named after the folder
=================== ================================ ==========================================

Columns with * may be left out or empty: capacity is then infinite, fixed demand 0, weight 1,
the target ``target-0``. Numbers are written with the fewest digits that read back as the same
double, so a folder that planbench wrote gives an economy with the same SHA-256. The interior
prices and plan are not written; they are computed again. See docs/formats.md.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.csv_table import Table, read_table
from planbench.io.files import naming, os_error_as_input
from planbench.io.npz import json_text
from planbench.io.text import nearest, shown
from planbench.model.arrays import Matrix
from planbench.model.economy import Economy, make_economy

_PathLike = str | os.PathLike[str]
_FILES = (
    "goods",
    "activities",
    "inputs",
    "outputs",
    "resources",
    "resource_use",
    "targets",
    "assortment",
    "economy",
)


def load_economy(folder: _PathLike) -> Economy:
    """Read the economy in `folder`.

    Raises
    ------
    InputError
        ``file:line: column: what is wrong; how to fix it``.
    """
    path = Path(folder)
    present = _present_files(path)
    goods, table = _read_names(path / "goods.csv", "good", optional=("unit", "fixed_demand"))
    demand = table.numbers("fixed_demand", blank=0.0)
    units = table.columns.get("unit")
    activities, capacity = goods, None
    if "activities" in present:
        activities, table = _read_names(path / "activities.csv", "activity", optional=("capacity",))
        capacity = table.numbers("capacity", blank=np.inf, least=0.0, infinite=True)
    resources: dict[str, int] = {}
    endowment = np.zeros(0)
    if "resources" in present:
        resources, table = _read_names(path / "resources.csv", "resource", ("endowment",))
        endowment = table.numbers("endowment", least=0.0)
    targets, weights = None, None
    if "targets" in present:
        targets, table = _read_names(path / "targets.csv", "target", optional=("weight",))
        weights = table.numbers("weight", blank=1.0, least=5e-324)
    assortment, targets = _read_assortment(path / "assortment.csv", goods, targets)
    name = path.resolve().name or "economy"
    recipe: dict[str, Any] = {}
    if "economy" in present:
        name, recipe = _read_facts(path / "economy.csv", name)

    def matrix(field: str, kind: str, index: Mapping[str, int]) -> Matrix:
        if field not in present:
            return sp.csc_array((len(index), len(activities)))
        table = read_table(path / f"{field}.csv", (kind, "activity", "amount"))
        return _matrix(table, kind, index, "activity", activities)

    with naming(path):
        return make_economy(
            inputs=matrix("inputs", "good", goods),
            outputs=(
                matrix("outputs", "good", goods)
                if "outputs" in present
                else _same_names(path / "outputs.csv", goods, activities)
            ),
            resource_use=matrix("resource_use", "resource", resources),
            endowment=endowment,
            capacity=capacity,
            assortment=assortment,
            fixed_demand=demand,
            weights=weights,
            goods=_labels(goods, "good"),
            activities=_labels(activities, "activity"),
            resources=_labels(resources, "resource"),
            targets=_labels(targets, "target"),
            units=units,
            name=name,
            recipe=recipe,
        )


def _present_files(path: Path) -> set[str]:
    """Names of our files in the folder; another .csv file is a misspelt one."""
    try:
        files = sorted(entry.name for entry in path.iterdir())
    except (OSError, ValueError) as error:
        raise os_error_as_input(error, path, "read the folder of an economy") from None
    present = {name.removesuffix(".csv") for name in files if name.lower().endswith(".csv")}
    for name in sorted(present - set(_FILES)):
        if not name.startswith("."):
            raise InputError(
                f"is not one of the files of an economy{nearest(name, _FILES)}; "
                f"they are {', '.join(f'{n}.csv' for n in _FILES)}",
                where=str(path / f"{name}.csv"),
            )
    return present


def _read_names(
    path: Path, kind: str, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
) -> tuple[dict[str, int], Table]:
    """Read a table that declares names; give them their numbers."""
    table = read_table(path, (kind, *required), optional)
    index: dict[str, int] = {}
    for i, name in enumerate(table.columns[kind]):
        if not name:
            raise table.fault(i, kind, f"is empty; name the {kind}")
        if index.setdefault(name, i) != i:
            raise table.fault(i, kind, f"{shown(name)} occurs twice; names must differ")
    if not index and kind != "resource":
        raise InputError(f"lists no {kind}; add one", where=str(path))
    return index, table


def _labels(index: Mapping[str, int], kind: str) -> tuple[str, ...] | None:
    """Labels, or None where they only are the numbers that planbench writes itself."""
    out = tuple(index)
    return None if out == tuple(f"{kind}-{i}" for i in range(len(out))) else out


def _read_assortment(
    path: Path, goods: Mapping[str, int], targets: dict[str, int] | None
) -> tuple[Matrix, dict[str, int]]:
    table = read_table(path, ("good", "amount"), ("target",))
    names = table.columns.setdefault("target", [""] * len(table.lines))
    if targets is None:
        named = [name for name in dict.fromkeys(names) if name] or ["target-0"]
        targets = {name: i for i, name in enumerate(named)}
    # An empty target means the only one.
    index = {**targets, "": 0} if len(targets) == 1 else targets
    return _matrix(table, "good", goods, "target", index, len(targets)), targets


def _matrix(
    table: Table,
    kind: str,
    rows: Mapping[str, int],
    other: str,
    columns: Mapping[str, int],
    n_columns: int | None = None,
) -> Matrix:
    """Build a matrix from a table in long form; refuses negative and repeated entries."""
    i, j = table.places(kind, rows), table.places(other, columns)
    values = table.numbers("amount", least=0.0)
    matrix = sp.csc_array((values, (i, j)), shape=(len(rows), n_columns or len(columns)))
    if matrix.nnz < values.size:  # SciPy adds up what occurs twice
        seen: set[tuple[int, int]] = set()
        for at, pair in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            if pair in seen:
                raise table.fault(
                    at, "amount", "the same pair occurs a second time; join the two amounts"
                )
            seen.add(pair)
    return matrix


def _same_names(path: Path, goods: Mapping[str, int], activities: Mapping[str, int]) -> Matrix:
    """One unit of the good of the same name from each activity."""
    for name in activities:
        if name not in goods:
            raise InputError(
                f"is missing, and activity {shown(name)} has no good of the same name to make; "
                "write what each activity makes",
                where=str(path),
            )
    m = len(activities)
    rows = [goods[name] for name in activities]
    return sp.csc_array((np.ones(m), (rows, np.arange(m))), shape=(len(goods), m))


def _read_facts(path: Path, name: str) -> tuple[str, dict[str, Any]]:
    table = read_table(path, ("field", "value"))
    recipe: Any = {}
    for i, (field, value) in enumerate(
        zip(table.columns["field"], table.columns["value"], strict=True)
    ):
        if field == "name":
            name = value
        elif field == "recipe":
            try:
                recipe = json.loads(value)
            except (ValueError, RecursionError):
                recipe = None
            if not isinstance(recipe, dict):
                raise table.fault(i, "value", "is not a JSON object; correct or delete the recipe")
        else:
            raise table.fault(i, "field", f"unknown field {shown(field)}; write name or recipe")
    return name, recipe


def save_economy(economy: Economy, folder: _PathLike) -> None:
    """Write `economy` to `folder`, replacing an economy already there in one step.

    Raises
    ------
    InputError
        When the folder holds anything but an economy, cannot be written, or a label has
        outer blanks or line ends, which CSV files do not keep.
    """
    path = Path(folder)
    if path.is_symlink():
        path = path.resolve()  # a link stays one
    for field in ("goods", "activities", "resources", "targets", "units"):
        for label in getattr(economy, field) or ():
            if label != label.strip() or "\r" in label or "\0" in label:
                raise InputError(
                    f"label {shown(label)} would not survive a CSV file; rename it or save as .npz",
                    where=f"{path}: {field}",
                )
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        old = temporary.with_suffix(".old.tmp") if path.exists() else None
        others = {p.name for p in path.iterdir()} - {f"{n}.csv" for n in _FILES} if old else None
        if others:
            raise InputError(
                f"holds other files ({shown(min(others))}); give a new folder", where=str(path)
            )
        temporary.mkdir()
        try:
            _write_files(economy, temporary)
            if old:
                path.rename(old)
            try:
                temporary.rename(path)
            except BaseException:
                if old:
                    old.rename(path)
                raise
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        if old:
            shutil.rmtree(old)
    except (OSError, ValueError) as error:
        raise os_error_as_input(error, path, "write the folder") from None


def _write_files(economy: Economy, path: Path) -> None:
    goods = [economy.good(i) for i in range(economy.n_goods)]
    activities = [economy.activity(j) for j in range(economy.n_activities)]
    resources = [economy.resource(i) for i in range(economy.n_resources)]
    targets = [economy.target(k) for k in range(economy.n_targets)]
    facts = {"name": economy.name}
    if economy.recipe:
        facts["recipe"] = json_text(economy.recipe, str(path))
    capacity = ["" if np.isinf(u) else u for u in economy.capacity.tolist()]
    units = {} if economy.units is None else {"unit": economy.units}
    for name, columns in {
        "economy": {"field": list(facts), "value": list(facts.values())},
        "goods": {"good": goods, **units, "fixed_demand": economy.fixed_demand.tolist()},
        "activities": {"activity": activities, "capacity": capacity},
        "resources": {"resource": resources, "endowment": economy.endowment.tolist()},
        "targets": {"target": targets, "weight": economy.weights.tolist()},
    }.items():
        _write(path / f"{name}.csv", tuple(columns), zip(*columns.values(), strict=True))
    for name, header, matrix, rows_of, columns_of in (
        ("inputs", ("good", "activity"), economy.inputs, goods, activities),
        ("outputs", ("good", "activity"), economy.outputs, goods, activities),
        ("resource_use", ("resource", "activity"), economy.resource_use, resources, activities),
        ("assortment", ("good", "target"), economy.assortment, goods, targets),
    ):
        rows = _long_form(matrix, rows_of, columns_of)
        _write(path / f"{name}.csv", (*header, "amount"), rows)


def _long_form(
    matrix: Matrix, rows: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[str, str, float]]:
    for j, column in enumerate(columns):
        part = slice(matrix.indptr[j], matrix.indptr[j + 1])
        for i, value in zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True):
            yield rows[i], column, value


def _write(path: Path, header: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("x", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
