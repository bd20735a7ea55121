"""Tables as arrays in an ``.npz`` file, under the names of the literature.

=================================== ===================== ==========================
arrays                              shape                 meaning
=================================== ===================== ==========================
``Z`` (or ``use``)                  products × industries intermediate use
``make`` (or ``V``, ``supply``)     either way round      make table; absent: symmetric
``x``, ``industry_output``          industries            output
``commodity_output``, ``q``         products              domestic output
``final``, ``final_demand``, ``Y``  products × uses       final use
``exports``, ``imports``            products
``compensation``, ``value_added``   industries
``commodity``, ``products``         products              labels
``industry``, ``industries``        industries            labels
``country``, ``regions``            regions               labels; Z is then blocks of
                                                          regions × industries
``final_uses``                      uses                  labels
=================================== ===================== ==========================

Multi-region tables through pymrio: WIOD, EXIOBASE 3, OECD ICIO, Eora26, GLORIA, its own.
"""

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
from planbench.formatting import plural
from planbench.io.npz import read_arrays
from planbench.model.arrays import FloatArray
from planbench.tables.raw import ROLES, RawTable, Role, make_raw_table

_NAMES: dict[str, tuple[str, ...]] = {
    "use": ("Z", "use", "U"),
    "make": ("make", "V", "supply"),
    "output": ("x", "industry_output", "output"),
    "supply": ("commodity_output", "q"),
    "final_use": ("final", "final_demand", "final_use", "Y"),
    "exports": ("exports",),
    "imports": ("imports",),
    "compensation": ("compensation",),
    "value_added": ("value_added", "va"),
    "products": ("commodity", "products", "commodities"),
    "industries": ("industry", "industries", "sectors"),
    "regions": ("country", "regions", "countries"),
    "final_uses": ("final_uses",),
}
_LABELS = frozenset(("products", "industries", "regions", "final_uses"))


def read_npz_table(path: Path, name: str, make_rows: str = "auto") -> RawTable:
    """Read a table from an ``.npz`` file; see the head of this module.

    Parameters
    ----------
    path : Path
    name : str
    make_rows : {"auto", "products", "industries"}
        ``auto`` asks shapes and stated outputs.

    Raises
    ------
    InputError
        When it is no such file, or arrays are missing or do not fit each other.
    """
    given, roles = _read(path)
    where = str(path)
    if "use" not in given:
        raise InputError("has no array 'Z' or 'use'; store the table under that name", where=where)
    use = given.pop("use")
    if use.ndim != 2:
        raise InputError("array of the table must have two dimensions", where=where)
    labels = {name: given.pop(name, None) for name in _LABELS}
    fields: dict[str, Any] = given | {
        "final_uses": labels["final_uses"],
        "source": path.name,
        "roles": tuple(roles),
    }
    regions, sectors = labels["regions"], labels["industries"]
    if regions is not None:
        if "make" in given:
            message = "a multi-region make table is not read from npz; use CSV"
            raise InputError(message, where=where)
        if labels["products"] not in (None, sectors):
            message = "labels of products differ from those of industries in a table of regions"
            raise InputError(f"{message}; leave them out", where=where)
        fields |= _regional(fields, use.shape[0], regions, sectors or [], where)
        products = industries = [f"{r} {s}" for r in regions for s in sectors or []]
    else:
        n, m = use.shape
        if "make" in given:
            make, remark = _products_by_industries(given, use, make_rows, where)
            fields |= {"make": make, "remarks": (remark,) if remark else ()}
        industries = sectors or [f"industry {j + 1}" for j in range(m)]
        products = labels["products"] or (
            industries if "make" not in given and n == m else [f"product {i + 1}" for i in range(n)]
        )
        for axis, names, size in (("products", products, n), ("industries", industries, m)):
            if len(names) != size:
                raise InputError(
                    f"{axis} has {plural(len(names), 'label')}, expected {size}", where=where
                )
    return make_raw_table(name, products, industries, use, **fields)


def _regional(
    fields: dict[str, Any], n: int, regions: list[str], sectors: list[str], where: str
) -> dict[str, Any]:
    """Regions of the rows of a multi-region table, and of its columns of final use."""
    if not regions or len(regions) * len(sectors) != n:
        raise InputError(
            f"{plural(len(regions), 'region')} and {plural(len(sectors), 'industry')} do not "
            f"make {plural(n, 'row')}",
            where=where,
        )
    placed = [r for r in regions for _ in sectors]
    out: dict[str, Any] = {"product_regions": placed, "industry_regions": placed}
    final, kinds = fields.get("final_use"), fields["final_uses"]
    if final is None or final.ndim != 2 or final.shape[1] % len(regions):
        return out
    each = final.shape[1] // len(regions)
    out["final_regions"] = [r for r in regions for _ in range(each)]
    if kinds is None or len(kinds) == each:
        kinds = kinds or [f"final use {k + 1}" for k in range(each)]
        out["final_uses"] = [f"{r} {kind}" for r in regions for kind in kinds]
    if each > 1:
        remark = f"{final.shape[1]} columns of final use are {each} for each region, in order"
        out["remarks"] = (remark,)
    return out


def _read(path: Path) -> tuple[dict[str, Any], list[Role]]:
    """Known arrays by field, and the roles of all."""
    where = str(path)
    known = {alias: field for field, aliases in _NAMES.items() for alias in aliases}
    given: dict[str, Any] = {}
    roles: list[Role] = []
    for key, array in read_arrays(path, "an npz file of plain arrays", growth=3.0).items():
        field = known.get(key)
        if field is None:
            roles.append(Role("array", key, "left out", "is not known by this name"))
            continue
        if field in given:
            raise InputError(f"array {key!r} says {field} twice; drop one", where=where)
        given[field] = array
        roles.append(Role("array", key, ROLES[field], "by its name"))
    for field, array in given.items():
        if field in _LABELS:
            if array.dtype.kind in "SV":
                raise InputError(f"array of {field} holds bytes; save it as text", where=where)
            given[field] = [str(label) for label in np.ravel(array)]
        elif array.dtype.kind not in "buif":
            raise InputError(f"array of {field} holds no numbers", where=where)
    return given, roles


def _products_by_industries(
    given: dict[str, Any], use: FloatArray, make_rows: str, where: str
) -> tuple[FloatArray, str]:
    """Turn the make table so that products are its rows; the second value is a remark, if any."""
    make, (n, m) = given["make"], use.shape
    if make.shape not in ((n, m), (m, n)):
        raise InputError(
            f"make is {' x '.join(map(str, make.shape))} and the use table {n} x {m}; "
            "give tables of the same classification",
            where=where,
        )
    if make_rows != "auto":
        turned = make_rows == "industries"
        if make.shape != ((m, n) if turned else (n, m)):
            raise InputError(f"the rows of make are not {make_rows}", where=where)
        return (make.T if turned else make), ""
    if n != m:
        return (make.T if make.shape == (m, n) else make), ""
    stated = [
        (axis, given[field])
        for field, axis in (("output", 0), ("supply", 1))
        if field in given and given[field].shape == (n,)
    ]

    def misfit(table: FloatArray) -> float:
        """How far a make table is from stated outputs, or leaves industries short."""
        if stated:
            return float(sum(np.abs(table.sum(axis=a) - line).sum() for a, line in stated))
        return float(np.maximum(use.sum(axis=0) - table.sum(axis=0), 0.0).sum())

    turned = misfit(make.T) < misfit(make)
    return (make.T if turned else make), (
        f"rows of make are {'industries' if turned else 'products'}, by "
        f"{'stated outputs' if stated else 'what industries use'}"
    )


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
