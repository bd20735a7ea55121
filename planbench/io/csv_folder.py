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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.archive import json_text
from planbench.io.csv_table import Rows, open_table
from planbench.io.files import os_error_as_input
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
_CHUNK = 100_000


def load_economy(folder: _PathLike) -> Economy:
    """Read the economy in `folder`.

    Raises
    ------
    InputError
        ``file:line: column: what is wrong; how to fix it``.
    """
    path = Path(folder)
    try:
        return _load(path)
    except MemoryError:
        raise InputError(
            "does not fit into memory; use a smaller instance or a larger machine", where=str(path)
        ) from None


def _load(path: Path) -> Economy:
    present = _present_files(path)
    goods_table = open_table(path / "goods.csv", ("good",), ("unit", "fixed_demand")).whole()
    goods = _index(goods_table, "good")
    if not goods:
        raise InputError("lists no good; add one", where=str(path / "goods.csv"))
    units = goods_table.columns.get("unit")
    capacity: Any = None
    activities = goods
    if "activities" in present:
        table = open_table(path / "activities.csv", ("activity",), ("capacity",)).whole()
        activities = _index(table, "activity")
        capacity = table.numbers("capacity", blank=np.inf, infinite=True)
        _require_least(table, "capacity", capacity, 0.0)
        if not activities:
            raise InputError("lists no activity; add one", where=str(path / "activities.csv"))
    resources: dict[str, int] = {}
    endowment = np.zeros(0)
    if "resources" in present:
        table = open_table(path / "resources.csv", ("resource", "endowment"), ()).whole()
        resources = _index(table, "resource")
        endowment = table.numbers("endowment")
        _require_least(table, "endowment", endowment, 0.0)
    weights: Any = None
    targets: dict[str, int] | None = None
    if "targets" in present:
        table = open_table(path / "targets.csv", ("target",), ("weight",)).whole()
        targets = _index(table, "target")
        weights = table.numbers("weight", blank=1.0)
        _require_least(table, "weight", weights, 5e-324)
    assortment, targets = _read_assortment(path / "assortment.csv", goods, targets)
    name = path.resolve().name or "economy"
    recipe: dict[str, Any] = {}
    if "economy" in present:
        name, recipe = _read_facts(path / "economy.csv", name)
    outputs = (
        _read_matrix(path / "outputs.csv", "good", goods, activities)
        if "outputs" in present
        else _same_names(path, goods, activities)
    )
    matrices = {
        field: _read_matrix(path / f"{field}.csv", kind, index, activities)
        if field in present
        else sp.csc_array((len(index), len(activities)))
        for field, kind, index in (
            ("inputs", "good", goods),
            ("resource_use", "resource", resources),
        )
    }
    try:
        return make_economy(
            inputs=matrices["inputs"],
            outputs=outputs,
            resource_use=matrices["resource_use"],
            endowment=endowment,
            capacity=capacity,
            assortment=assortment,
            fixed_demand=goods_table.numbers("fixed_demand", blank=0.0),
            weights=weights,
            goods=_labels(goods, "good"),
            activities=_labels(activities, "activity"),
            resources=_labels(resources, "resource"),
            targets=_labels(targets, "target"),
            units=units,
            name=name,
            recipe=recipe,
        )
    except InputError as error:
        raise InputError(str(error), where=str(path)) from None


def _present_files(path: Path) -> frozenset[str]:
    """Names of our files in the folder; another .csv file is a misspelt one."""
    try:
        files = sorted(entry.name for entry in path.iterdir())
    except NotADirectoryError:
        raise InputError(
            "is a file; give the folder that holds goods.csv", where=str(path)
        ) from None
    except (OSError, ValueError) as error:
        raise os_error_as_input(error, path, "read the folder") from None
    present = {name.removesuffix(".csv") for name in files if name.lower().endswith(".csv")}
    for name in sorted(present - set(_FILES)):
        if not name.startswith("."):
            raise InputError(
                f"is not one of the files of an economy{nearest(name, _FILES)}; "
                f"they are {', '.join(f'{n}.csv' for n in _FILES)}",
                where=str(path / f"{name}.csv"),
            )
    for needed in ("goods", "assortment"):
        if needed not in present:
            raise InputError(
                "is missing; an economy needs at least goods.csv and assortment.csv",
                where=str(path / f"{needed}.csv"),
            )
    return frozenset(present)


def _index(table: Rows, column: str) -> dict[str, int]:
    """Give the names of a declaring table their numbers."""
    names = table.columns[column]
    out = {name: i for i, name in enumerate(names)}
    if "" in out:
        raise table.fault(names.index(""), column, f"is empty; name the {column}")
    if len(out) < len(names):
        # The number kept is that of the last of equal names.
        i = next(i for i, name in enumerate(names) if out[name] != i)
        i = names.index(names[i], i + 1)
        raise table.fault(i, column, f"{shown(names[i])} occurs twice; names must differ")
    return out


def _labels(index: Mapping[str, int], kind: str) -> tuple[str, ...] | None:
    """Labels, or None where they only are the numbers that planbench writes itself."""
    out = tuple(index)
    return None if out == tuple(f"{kind}-{i}" for i in range(len(out))) else out


def _require_least(table: Rows, column: str, values: Any, least: float) -> None:
    if values.size and values.min() < least:
        i = int(np.argmin(values))
        what = "be positive" if least > 0 else "not be negative"
        raise table.fault(i, column, f"is {values[i]:g}; it must {what}")


def _read_matrix(
    path: Path, kind: str, index: Mapping[str, int], activities: Mapping[str, int]
) -> Matrix:
    table = open_table(path, (kind, "activity", "amount"), ())
    return _entries(
        table.rows(),
        lambda rows: rows.places(kind, index),
        lambda rows: rows.places("activity", activities),
        (len(index), len(activities)),
    )


def _read_assortment(
    path: Path, goods: Mapping[str, int], targets: dict[str, int] | None
) -> tuple[Matrix, dict[str, int]]:
    table = open_table(path, ("good", "amount"), ("target",))
    if targets is None:
        names = table.whole().columns.get("target", ["target-0"])
        targets = {name: i for i, name in enumerate(dict.fromkeys(n for n in names))}
        if targets.keys() == {""}:
            targets = {"target-0": 0}
    # An empty target means the only one.
    index = {**targets, "": 0} if len(targets) == 1 else targets

    def columns(rows: Rows) -> Any:
        if "target" in rows.columns or len(targets) != 1:
            if "target" not in rows.columns:
                raise rows.fault(0, "target", "is missing; there are several targets, name one")
            return rows.places("target", index)
        return np.zeros(len(rows), dtype=np.int64)

    shape = (len(goods), len(targets))
    return _entries(table.rows(), lambda r: r.places("good", goods), columns, shape), targets


def _entries(
    chunks: Iterable[Rows],
    row_of: Callable[[Rows], Any],
    column_of: Callable[[Rows], Any],
    shape: tuple[int, int],
) -> Matrix:
    """Build a matrix from a table in long form; refuses negative and repeated entries."""
    row, column, value = [], [], []
    first: Rows | None = None
    for rows in chunks:
        first = first or rows
        row.append(row_of(rows))
        column.append(column_of(rows))
        amount = rows.numbers("amount")
        _require_least(rows, "amount", amount, 0.0)
        value.append(amount)
    if first is None:
        return sp.csc_array(shape)
    i, j, v = np.concatenate(row), np.concatenate(column), np.concatenate(value)
    key = j * shape[0] + i
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    if same.any():
        again = int(order[1:][same].min())
        raise InputError(
            "the same pair occurs a second time; join the two amounts",
            where=f"{first.table.path}:{first.table.line_of(again)}",
        )
    return sp.csc_array((v[order], (i[order], j[order])), shape=shape)


def _same_names(path: Path, goods: Mapping[str, int], activities: Mapping[str, int]) -> Matrix:
    """One unit of the good of the same name from each activity."""
    for name in activities:
        if name not in goods:
            raise InputError(
                f"is missing, and activity {shown(name)} has no good of the same name to make; "
                "write what each activity makes",
                where=str(path / "outputs.csv"),
            )
    rows = np.fromiter((goods[name] for name in activities), dtype=np.int64, count=len(activities))
    ones = np.ones(rows.size)
    return sp.csc_array((ones, (rows, np.arange(rows.size))), shape=(len(goods), len(activities)))


def _read_facts(path: Path, name: str) -> tuple[str, dict[str, Any]]:
    table = open_table(path, ("field", "value"), ()).whole()
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
    for field in ("goods", "activities", "resources", "targets", "units"):
        for label in getattr(economy, field) or ():
            if label != label.strip() or "\r" in label or "\0" in label:
                raise InputError(
                    f"label {shown(label)} would not survive a CSV file; rename it or save as .npz",
                    where=f"{path}: {field}",
                )
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        if path.exists():
            if not path.is_dir():
                raise NotADirectoryError(20, "it is a file, not a folder")
            others = sorted({p.name for p in path.iterdir()} - {f"{name}.csv" for name in _FILES})
            if others:
                raise InputError(
                    f"holds other files ({shown(others[0])}); give a new folder", where=str(path)
                )
        temporary.mkdir()
        try:
            _write_files(economy, temporary)
            if path.exists():
                old = temporary.with_suffix(".old.tmp")
                path.rename(old)
                try:
                    temporary.rename(path)
                except BaseException:
                    if not path.exists():
                        old.rename(path)
                    raise
                shutil.rmtree(old)
            else:
                temporary.rename(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except (OSError, ValueError) as error:
        raise os_error_as_input(error, path, "write the folder") from None


def _write_files(economy: Economy, path: Path) -> None:
    goods = [economy.good(i) for i in range(economy.n_goods)]
    activities = [economy.activity(j) for j in range(economy.n_activities)]
    resources = [economy.resource(i) for i in range(economy.n_resources)]
    targets = [economy.target(k) for k in range(economy.n_targets)]
    facts = [("name", economy.name)]
    if economy.recipe:
        facts.append(("recipe", json_text(economy.recipe, str(path))))
    _write(path / "economy.csv", ("field", "value"), facts)
    demand = economy.fixed_demand.tolist()
    if economy.units is None:
        _write(path / "goods.csv", ("good", "fixed_demand"), zip(goods, demand, strict=True))
    else:
        rows = zip(goods, economy.units, demand, strict=True)
        _write(path / "goods.csv", ("good", "unit", "fixed_demand"), rows)
    capacity = ["" if np.isinf(u) else u for u in economy.capacity.tolist()]
    for name, header, columns in (
        ("activities", ("activity", "capacity"), (activities, capacity)),
        ("resources", ("resource", "endowment"), (resources, economy.endowment.tolist())),
        ("targets", ("target", "weight"), (targets, economy.weights.tolist())),
    ):
        _write(path / f"{name}.csv", header, zip(*columns, strict=True))
    for name, kind, matrix, rows_of, columns_of, other in (
        ("inputs", "good", economy.inputs, goods, activities, "activity"),
        ("outputs", "good", economy.outputs, goods, activities, "activity"),
        ("resource_use", "resource", economy.resource_use, resources, activities, "activity"),
        ("assortment", "good", economy.assortment, goods, targets, "target"),
    ):
        _write(
            path / f"{name}.csv", (kind, other, "amount"), _long_form(matrix, rows_of, columns_of)
        )


def _long_form(
    matrix: Matrix, rows: Sequence[str], columns: Sequence[str]
) -> Iterable[tuple[str, str, float]]:
    row_array, column_array = np.array(rows, dtype=object), np.array(columns, dtype=object)
    for start in range(0, matrix.nnz, _CHUNK):
        part = np.arange(start, min(start + _CHUNK, matrix.nnz))
        column = np.searchsorted(matrix.indptr, part, side="right") - 1
        yield from zip(
            row_array[matrix.indices[part]].tolist(),
            column_array[column].tolist(),
            matrix.data[part].tolist(),
            strict=True,
        )


def _write(path: Path, header: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("x", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
