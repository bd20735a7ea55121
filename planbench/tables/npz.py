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
