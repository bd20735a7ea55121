"""A table as published: flows between industries, final use, value added, nothing changed yet.

One form for symmetric tables (Z), supply and use tables (make V and use U) and multi-region
tables; what a file does not state is None. Signs are as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix

#: Amounts outside these (but 0) are refused: sums and quotients would leave the range of the
#: arithmetic.
SMALLEST, LARGEST = 1e-100, 1e100


@dataclass(frozen=True)
class Role:
    """What a row, a column or an array was taken as, and why.

    Attributes
    ----------
    axis : {"row", "column", "array", "sheet"}
    label : str
    role : str
        ``product``, ``industry``, ``final use``, ``exports``, ``imports``, ``value added``,
        ``compensation``, ``resource``, ``output``, ``total`` or ``left out``.
    why : str
    table : str
        ``use`` or ``make``; empty where there is one table.
    """

    axis: str
    label: str
    role: str
    why: str
    table: str = ""


@dataclass(frozen=True, eq=False)
class RawTable:
    """An input-output table as published; build it with :func:`make_raw_table`.

    Attributes
    ----------
    name : str
    products : tuple of str
        Rows; in a symmetric table the same as the industries.
    industries : tuple of str
        Columns.
    use : csc_array, shape (products, industries)
        Z of a symmetric table, U of a supply and use table, money a year.
    final_use : ndarray, shape (products, final uses)
        Domestic final uses, without exports and imports; may have no column.
    make : csc_array, shape (products, industries), or None
        V; None for a symmetric table, in which each industry makes its own product.
    output : ndarray, shape (industries,), or None
        Output of each industry as stated.
    supply : ndarray, shape (products,), or None
        Domestic output of each product as stated.
    final_uses : tuple of str
    exports, imports : ndarray, shape (products,), or None
        Imports are positive.
    import_use : ndarray, shape (industries,), or None
        Imports bought straight from abroad by industries: a row of the table.
    final_import_use : ndarray, shape (final uses,), or None
        The same by final uses.
    compensation : ndarray, shape (industries,), or None
        Compensation of employees.
    value_added : ndarray, shape (industries,), or None
        Value added as stated; only compared with output less inputs.
    value_added_is_whole : bool
        Whether `value_added` is all of it, rather than the parts that are published.
    resources : tuple of str
    resource_use : ndarray, shape (resources, industries), or None
        Primary inputs in units of their own: hours, hectares.
    entries : {"money", "quantities"}
        ``quantities``: each product is in a unit of its own, so that columns do not add up.
    product_rounding, industry_rounding, output_rounding : ndarray or None
        By how much rounding may upset what is used of a product, what an industry pays, and what
        it makes; None where the figures leave it open, and then differences are only listed.
    product_regions, industry_regions, final_regions : tuple of str or None
        Region of each row, column and final use of a multi-region table.
    unit : str
    source : str
    roles : tuple of Role
        What each row, column or array was taken as.
    remarks : tuple of str
        What reading the files decided besides, one line each.
    """

    name: str
    products: tuple[str, ...]
    industries: tuple[str, ...]
    use: Matrix
    final_use: FloatArray
    make: Matrix | None = None
    output: FloatArray | None = None
    supply: FloatArray | None = None
    final_uses: tuple[str, ...] = ()
    exports: FloatArray | None = None
    imports: FloatArray | None = None
    import_use: FloatArray | None = None
    final_import_use: FloatArray | None = None
    compensation: FloatArray | None = None
    value_added: FloatArray | None = None
    value_added_is_whole: bool = False
    resources: tuple[str, ...] = ()
    resource_use: FloatArray | None = None
    entries: str = "money"
    product_rounding: FloatArray | None = None
    industry_rounding: FloatArray | None = None
    output_rounding: FloatArray | None = None
    product_regions: tuple[str, ...] | None = None
    industry_regions: tuple[str, ...] | None = None
    final_regions: tuple[str, ...] | None = None
    unit: str = "money"
    source: str = ""
    roles: tuple[Role, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``symmetric`` or ``supply-use``, with ``multi-region`` in front where it is one."""
        kind = "symmetric" if self.make is None else "supply-use"
        if self.entries == "quantities":
            kind = f"{kind} in quantities"
        return f"multi-region {kind}" if self.product_regions is not None else kind


#: Roles of the fields of a table.
ROLES = {
    "use": "intermediate use",
    "make": "outputs of industries",
    "output": "output",
    "supply": "output by product",
    "final_use": "final use",
    "exports": "exports",
    "imports": "imports",
    "compensation": "compensation",
    "value_added": "value added",
    "products": "labels of products",
    "industries": "labels of industries",
    "regions": "labels of regions",
    "final_uses": "labels of final uses",
}
#: Axes of the fields that hold figures, and of those that hold labels.
_SHAPES = {
    "use": ("product", "industry"),
    "make": ("product", "industry"),
    "final_use": ("product", "use"),
    "resource_use": ("resource", "industry"),
    "supply": ("product",),
    "exports": ("product",),
    "imports": ("product",),
    "output": ("industry",),
    "import_use": ("industry",),
    "compensation": ("industry",),
    "value_added": ("industry",),
    "final_import_use": ("use",),
}
_LABELS = {
    "product_regions": "product",
    "industry_regions": "industry",
    "final_regions": "use",
    "final_uses": "use",
}


def make_raw_table(
    name: str, products: Sequence[str], industries: Sequence[str], use: Any, **fields: Any
) -> RawTable:
    """Check shapes and numbers once and build a :class:`RawTable`.

    Parameters
    ----------
    name : str
        Also the prefix of messages.
    products, industries : sequence of str
        Labels that occur twice get a number.
    use : array_like, shape (products, industries)
    **fields
        The other fields of :class:`RawTable`.

    Raises
    ------
    InputError
        On an array of the wrong shape, or an amount that is no number or above 1e100.
    """
    n, m = len(products), len(industries)
    if n == 0 or m == 0:
        raise InputError(
            f"is no table: {plural(n, 'product')} and {plural(m, 'industry')}", where=name
        )
    if fields.get("make") is None and n != m:
        raise InputError(
            f"has {plural(n, 'product')} and {plural(m, 'industry')} but no make table; "
            "give one with --make",
            where=name,
        )
    final = fields.get("final_use")
    final = np.zeros((n, 0)) if final is None else np.asarray(final)
    if final.ndim == 1:
        final = final[:, None]
    uses = final.shape[1] if final.ndim == 2 else 0
    fields |= {"use": use, "final_use": final}
    labels = fields.get("final_uses") or [f"final use {k + 1}" for k in range(uses)]
    fields["final_uses"] = distinct(labels)
    fields["resources"] = distinct(fields.get("resources") or ())
    sizes = {"product": n, "industry": m, "use": uses, "resource": len(fields["resources"])}
    for field, axes in _SHAPES.items():
        if fields.get(field) is not None:
            shape = tuple(sizes[axis] for axis in axes)
            make = _matrix if field in ("use", "make") else _array
            fields[field] = make(fields[field], shape, field, name)
    for field, axis in _LABELS.items():
        given = fields.get(field)
        if given is not None and len(given) != sizes[axis]:
            raise InputError(
                f"{field} has {plural(len(given), 'label')}, expected {sizes[axis]}", where=name
            )
        fields[field] = None if given is None else tuple(map(str, given))
    return RawTable(
        name=name, products=distinct(products), industries=distinct(industries), **fields
    )


def distinct(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels without surrounding blanks, none empty; one that occurs twice gets a number."""
    seen: dict[str, int] = {}
    out: list[str] = []
    for position, label in enumerate(labels, start=1):
        text = " ".join(str(label).split()) or f"unnamed {position}"
        seen[text] = seen.get(text, 0) + 1
        out.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return tuple(out) if len(set(out)) == len(out) else distinct(out)


def _array(values: Any, shape: tuple[int, ...], field: str, name: str) -> FloatArray:
    try:
        out = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"field {field} holds something that is no number", where=name) from None
    if out.shape != shape:
        found, expected = " x ".join(map(str, out.shape)), " x ".join(map(str, shape))
        raise InputError(f"field {field} is {found or 'one number'}, not {expected}", where=name)
    size = np.abs(out)
    wrong = ~((size <= LARGEST) & ((size >= SMALLEST) | (size == 0)))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"field {field} holds {out[at]} at {at}; give 0 or amounts between {SMALLEST:g} and "
            f"{LARGEST:g}",
            where=name,
        )
    return out


def _matrix(values: Any, shape: Any, field: str, name: str) -> Matrix:
    if not hasattr(values, "indptr"):
        values = _array(values, shape, field, name)
    matrix = canonical_matrix(values, shape, f"{name}: field {field}")
    _array(matrix.data, matrix.data.shape, field, name)
    return matrix
