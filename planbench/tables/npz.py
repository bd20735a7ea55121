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
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.archive import read_arrays
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
    remarks: list[str] = []
    if "use" not in given:
        raise InputError("has no array 'Z' or 'use'; store the table under that name", where=where)
    use = given["use"]
    if use.ndim != 2:
        raise InputError("array of the table must have two dimensions", where=where)
    regions = _labels(given, "regions")
    sectors = _labels(given, "industries")
    if regions is not None:
        raw = _multi_region(given, use, regions, sectors, name, where, remarks)
        return replace(raw, roles=tuple(roles))
    n, m = use.shape
    make = given.get("make")
    if make is not None:
        make = _products_by_industries(make, given, (n, m), make_rows, where, remarks)
    industries = sectors or [f"industry {j + 1}" for j in range(m)]
    products = _labels(given, "products") or (
        industries if make is None and n == m else [f"product {i + 1}" for i in range(n)]
    )
    return make_raw_table(
        name,
        _sized(products, n, "products", where),
        _sized(industries, m, "industries", where),
        use,
        make=make,
        final_uses=_labels(given, "final_uses"),
        **{key: given.get(key) for key in _VECTORS},
        final_use=given.get("final_use"),
        source=Path(where).name,
        roles=tuple(roles),
        remarks=tuple(remarks),
    )


_VECTORS = ("output", "supply", "exports", "imports", "compensation", "value_added")


def _multi_region(
    given: dict[str, Any],
    use: FloatArray,
    regions: list[str],
    sectors: list[str] | None,
    name: str,
    where: str,
    remarks: list[str],
) -> RawTable:
    if "make" in given:
        raise InputError("a multi-region make table is not read from npz; use CSV", where=where)
    n = use.shape[0]
    if sectors is None or len(regions) * len(sectors) != n:
        raise InputError(
            f"{plural(len(regions), 'region')} and {plural(len(sectors or []), 'industry')} do not "
            f"make {plural(n, 'row')}",
            where=where,
        )
    placed = [r for r in regions for _ in sectors]
    labels = [f"{r} {s}" for r in regions for s in sectors]
    final = given.get("final_use")
    final_regions = None
    final_uses = _labels(given, "final_uses")
    if final is not None and final.ndim == 2 and final.shape[1] % len(regions) == 0:
        each = final.shape[1] // len(regions)
        final_regions = [r for r in regions for _ in range(each)]
        kinds = final_uses if final_uses and len(final_uses) == each else None
        if final_uses is None or kinds:
            words = kinds or [f"final use {k + 1}" for k in range(each)]
            final_uses = [f"{r} {w}" for r in regions for w in words]
        if each > 1:
            remarks.append(
                f"{final.shape[1]} columns of final use are {each} for each region, in order"
            )
    return make_raw_table(
        name,
        labels,
        labels,
        use,
        final_use=final,
        final_uses=final_uses,
        product_regions=placed,
        industry_regions=placed,
        final_regions=final_regions,
        **{key: given.get(key) for key in _VECTORS},
        source=Path(where).name,
        remarks=tuple(remarks),
    )


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
        if field not in _LABELS and array.dtype.kind not in "buif":
            raise InputError(f"array of {field} holds no numbers", where=where)
    return given, roles


def _labels(given: dict[str, Any], field: str) -> list[str] | None:
    if field not in given:
        return None
    return [str(label) for label in np.ravel(given[field])]


def _sized(labels: list[str], size: int, field: str, where: str) -> list[str]:
    if len(labels) != size:
        raise InputError(
            f"{field} has {plural(len(labels), 'label')}, expected {size}", where=where
        )
    return labels


def _products_by_industries(
    make: FloatArray,
    given: dict[str, Any],
    shape: tuple[int, int],
    make_rows: str,
    where: str,
    remarks: list[str],
) -> FloatArray:
    """Turn the make table so that products are its rows."""
    n, m = shape
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
    elif n != m:
        turned = make.shape == (m, n)
    else:
        turned = _misfit(make.T, given) < _misfit(make, given)
        remarks.append(
            f"rows of make are {'industries' if turned else 'products'}, by "
            f"{'stated outputs' if {'output', 'supply'} & set(given) else 'what industries use'}"
        )
    return np.asarray(make.T if turned else make)


def _misfit(make: FloatArray, given: dict[str, Any]) -> float:
    """How far a make table (products as rows) is from what is stated of outputs."""
    stated = [(given[k], a) for k, a in (("output", 0), ("supply", 1)) if k in given]
    fits = [(s, a) for s, a in stated if s.shape == (make.shape[1 - a],)]
    if fits:
        return float(sum(np.abs(make.sum(axis=axis) - line).sum() for line, axis in fits))
    return float(np.maximum(given["use"].sum(axis=0) - make.sum(axis=0), 0.0).sum())


def looks_like_table(path: Path) -> bool:
    """Whether an ``.npz`` file holds a table rather than an instance of planbench."""
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {Path(item).stem for item in archive.namelist()}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError):
        return False
    return bool(stored & set(_NAMES["use"]))
