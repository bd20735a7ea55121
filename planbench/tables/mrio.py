"""Multi-region tables through pymrio: WIOD, EXIOBASE 3, OECD ICIO, Eora26, GLORIA, its own."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.tables.raw import ROLES, RawTable, Role, make_raw_table

#: Formats, and what pymrio calls their readers; all but ``pymrio`` are those of publishers.
FORMATS = ("wiod", "exiobase3", "oecd", "eora26", "gloria", "pymrio")
#: Names of pymrio's extensions that hold value added.
_FACTORS = ("factor", "value", "va", "satellite", "economic")


def require_pymrio() -> Any:
    """Import pymrio.

    Raises
    ------
    InputError
        When the extra ``tables`` is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pymrio
    except ImportError:
        raise InputError(
            "reading this needs pymrio; pip install 'planbench[tables]'", where="pymrio"
        ) from None
    return pymrio


def read_pymrio_folder(path: Path, form: str, name: str, year: int | None = None) -> RawTable:
    """Read a folder or archive in one of :data:`FORMATS`.

    Parameters
    ----------
    path : Path
        What the publisher's archive holds, as pymrio expects it.
    form : str
    name : str
    year : int, optional
        Where the folder holds several years.

    Raises
    ------
    InputError
        When pymrio is missing or cannot read it; the line says what pymrio said.
    """
    if not path.exists():
        raise InputError("there is no such file or folder; check the path", where=str(path))
    pymrio = require_pymrio()
    readers: dict[str, Callable[[], Any]] = {
        "wiod": lambda: pymrio.parse_wiod(path, year=year),
        "exiobase3": lambda: pymrio.parse_exiobase3(path),
        "oecd": lambda: pymrio.parse_oecd(path, year=year),
        "eora26": lambda: pymrio.parse_eora26(path, year=year),
        "gloria": lambda: pymrio.parse_gloria(path, year=year),
        "pymrio": lambda: pymrio.load_all(path),
    }
    if form == "gloria" and year is None:
        raise InputError("GLORIA holds several years; give --year", where=str(path))
    remarks: list[str] = []
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            system = readers[form]()
        # pymrio fails on unlike files with whatever its parsers stumble over.
        except Exception as error:
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"pymrio cannot read it as {form}: {line}; check --format and the folder",
                where=str(path),
            ) from None
    # What pymrio says about the data; that a library of its own grows old concerns nobody here.
    remarks += [
        f"pymrio: {str(w.message).splitlines()[0]}"
        for w in caught
        if issubclass(w.category, UserWarning) and str(w.message)
    ]
    return from_pymrio(system, name, source=f"{form} {path.name}", remarks=tuple(remarks))


def from_pymrio(
    system: Any, name: str, *, source: str = "pymrio", remarks: tuple[str, ...] = ()
) -> RawTable:
    """Take Z, Y and value added out of a pymrio ``IOSystem``.

    Parameters
    ----------
    system : pymrio.IOSystem
        Z and Y, or A and x (or Y).
    name : str
    source : str
    remarks : tuple of str

    Raises
    ------
    InputError
        When it holds neither Z nor A, or no final demand.
    """
    if getattr(system, "Z", None) is None and getattr(system, "A", None) is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            system = system.copy().calc_all()
    flows, final = getattr(system, "Z", None), getattr(system, "Y", None)
    if flows is None or final is None:
        raise InputError(
            "holds no Z or no Y; give the whole system, not extensions only", where=name
        )
    regions, sectors = _levels(flows.index)
    if list(flows.index) != list(flows.columns):
        flows = flows.reindex(columns=flows.index)
    final = final.reindex(flows.index)
    uses, categories = _levels(final.columns)
    if set(regions) & set(uses) != set(uses):
        remarks = (*remarks, "final uses of no region are kept as they are")
    factors, remarks_of_factors = _factors(system, flows)
    stated = getattr(system, "x", None)
    return make_raw_table(
        name,
        [f"{r} {s}" for r, s in zip(regions, sectors, strict=True)],
        [f"{r} {s}" for r, s in zip(regions, sectors, strict=True)],
        _values(flows),
        output=None if stated is None else _values(stated.reindex(flows.index)).ravel(),
        final_use=_values(final),
        final_uses=[f"{r} {c}" for r, c in zip(uses, categories, strict=True)],
        product_regions=regions,
        industry_regions=regions,
        final_regions=uses,
        unit=_unit(system),
        source=source,
        roles=(
            Role("array", "Z", ROLES["use"], f"as pymrio reads {source}"),
            Role("array", "Y", ROLES["final_use"], f"as pymrio reads {source}"),
            *([] if stated is None else [Role("array", "x", ROLES["output"], "as pymrio says")]),
            *(Role("array", f, ROLES[f], remarks_of_factors[0]) for f in factors),
        ),
        remarks=(*remarks, *remarks_of_factors),
        **factors,
    )


def _values(frame: Any) -> FloatArray:
    values = np.asarray(frame.to_numpy(), dtype=np.float64)
    # A flow that is not there is none; pymrio leaves NaN where a publisher left a blank.
    return np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _levels(index: Any) -> tuple[list[str], list[str]]:
    """Region and sector (or category) of an index of one or two levels."""
    entries = [key if isinstance(key, tuple) else ("", key) for key in index]
    return [str(e[0]) for e in entries], [" ".join(str(part) for part in e[1:]) for e in entries]


def _unit(system: Any) -> str:
    unit: Any = getattr(system, "unit", None)
    if unit is None:
        return "money"
    units = sorted({str(u) for u in unit.to_numpy().ravel()})
    return units[0] if len(units) == 1 else "money"


def _factors(system: Any, flows: Any) -> tuple[dict[str, FloatArray], list[str]]:
    """Compensation of employees and value added by industry, where an extension holds them."""
    money = _unit(system).casefold()
    for extension in system.get_extensions(data=True):
        label = str(getattr(extension, "name", "")).casefold()
        table = getattr(extension, "F", None)
        if table is None or not any(label.startswith(word) for word in _FACTORS):
            continue
        rows = [" ".join(map(str, k)) if isinstance(k, tuple) else str(k) for k in table.index]
        kept = _in_money(extension, money, len(rows))
        table = table.reindex(columns=flows.columns)
        paid = [i for i, r in enumerate(rows) if kept[i] and names.is_compensation(r)]
        added = [i for i, r in enumerate(rows) if kept[i] and names.is_value_added(r)]
        if not paid and not added:
            continue
        values = _values(table)
        said = [
            f"value added from extension {label!r}, with {len(paid) or 'no'} "
            f"row{'s' if len(paid) > 1 else ''} of compensation"
        ]
        # A row of the whole of value added is enough; components add up to it.
        whole = [i for i in added if "value added" in rows[i].casefold()][:1]
        fields = {"value_added": values[whole or added].sum(axis=0)} if added else {}
        if paid:
            fields["compensation"] = values[paid].sum(axis=0)
        return fields, said
    return {}, ["no extension holds value added: it is output less inputs"]


def _in_money(extension: Any, money: str, count: int) -> list[bool]:
    """Which rows are in the unit of the flows; hours and persons are not."""
    unit = getattr(extension, "unit", None)
    if unit is None:
        return [True] * count
    # Publishers write "M.EUR" and "Mill USD" in more than one way.
    units = [str(u).casefold() for u in unit.to_numpy().ravel()]
    if len(units) != count:
        return [True] * count
    return [u == money or any(c in u for c in ("eur", "usd", "us$", "dollar")) for u in units]
