"""What rows and columns of published tables are called, in English statistics and BEA codes.

Totals, exports and imports are also known by some German and French names.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from planbench.errors import InputError
from planbench.io.text import nearest


def _says(pattern: str) -> Callable[[str], bool]:
    """Make a test of labels, upper and lower case alike."""
    search = re.compile(pattern, re.IGNORECASE).search
    return lambda label: search(label) is not None


_TOTAL = re.compile(
    r"\b(sub-?)?totals?\b|\bsum\b|\bgrand\b|^t\d{3}$|^(tot|out|go)$"
    r"|\b(insgesamt|zusammen|summe|totaux|totale|suma|итого|всего)\b"
    r"|\bintermediate (inputs?|demand|consumption|uses?)\b",
    re.IGNORECASE,
)
#: Whether a label speaks of an industry's total output.
is_output = _says(
    r"^(?!.*intermediate).*\b(total|gross)\b.*\b(outputs?|inputs?|production)\b"
    r"|^(gross )?outputs?\b"
)
#: Whether a label speaks of exports.
is_export = _says(
    r"^(total )?export(s|ations?|e)?\b|\bexports of\b|^ausfuhr(en)?\b|^f04[0-9a-z]*$|^exgr"
)
_IMPORT = re.compile(
    r"^(less:? )?(total )?import(s|ations?|e)?\b|^einfuhr(en)?\b|^imported\b"
    r"|\bimports of\b|cif ?/ ?fob|^f05[0-9a-z]*$"
    r"|^mcif$|^madj$",
    re.IGNORECASE,
)
#: Whether a label speaks of compensation of employees.
is_compensation = _says(r"compensation|\bwages?\b|\bsalar(y|ies)\b|^labou?r\b|^v001(00)?$|^d1$")
#: Whether a label speaks of value added or a part of it.
is_value_added = _says(
    r"value[- _]added|^gva\b|^vabas$|^valu$|^va$|^tls$|operating surplus|mixed income|subsid"
    r"|\btax(es)?\b|fixed capital|depreciation|compensation|\bwages?\b|\bsalar(y|ies)\b|^v00\d+$"
)
#: Whether a product is trade or transport, whose services are margins on others.
is_trade = _says(
    r"\b(wholesale|retail|trade|dealers?|stores?|transport(ation)?|warehousing|freight)\b"
)
#: Whether a label can only be value added: no industry begins so.
is_value_added_as_such = _says(
    r"^(less:? )?(other )?(net )?(tax(es)?\b|subsid)|^(gross |net |total )?value[- _]added"
    r"|^compensation|^wages\b|^(gross |net )?operating surplus|^consumption of fixed capital"
)
#: Whether a label speaks of all value added, not of a part of it.
is_whole_value_added = _says(r"^(gross |net |total )?value[- _]added|^gva\b|^va$|^valu$")
#: Whether a label speaks of final use as such.
is_final = _says(r"\bfinal (demand|use|uses|consumption)\b|^final$")
#: Whether a label says that its figures are subtracted.
is_less = _says(r"^less\b")
_UNIT = re.compile(
    r"[(\[,]\s*((?:1[ ,]?000|thousand|million|mln|mio|bn)?\s*(?:"
    r"k?t|mt|tons?|tonnes?|k?g|lbs?|[kmgt]?wh|[kmgtp]?j|btu|m[23²³]|lit(?:re|er)s?|hl|barrels?|bbl"
    r"|hours?|hrs?|h|days?|persons?|people|workers?|employees|jobs|fte|(?:wo)?man-?(?:hours|years|days)"
    r"|person-?(?:hours|years|days)|units?|pieces?|pcs|head|ha|hectares?|acres?|t?km|bushels?"
    r"))\s*[)\]]?$",
    re.IGNORECASE,
)
#: Primary inputs that are counted, not paid.
_COUNTED = re.compile(
    r"\b(hours|persons|people|workers|employment|employees|jobs|fte|headcount|hectares|acres)\b"
    r"|\b(wo)?man-?(hours|years|days)\b",
    re.IGNORECASE,
)
#: Whether a label speaks of margins, taxes or subsidies on products.
is_margin_or_tax = _says(r"\bmargins?\b|\btax(es)?\b|subsid|\bduties\b")


def is_total(label: str) -> bool:
    """Whether a label speaks of a sum of others."""
    return bool(_TOTAL.search(label) or is_output(label))


def is_import(label: str) -> bool:
    """Whether a label speaks of imports (not of taxes on them)."""
    return bool(_IMPORT.search(label)) and not is_margin_or_tax(label)


def physical_unit(label: str) -> str:
    """Physical unit in brackets (or after a comma) at the end of a label; empty if none."""
    found = _UNIT.search(label)
    return found[1].casefold() if found else ""


def is_counted(label: str) -> bool:
    """Whether a row is a primary input in a unit of its own: hours, persons, hectares."""
    paid = is_compensation(label) or is_value_added(label)
    return bool(physical_unit(label) or (_COUNTED.search(label) and not paid))


def is_product_tax(label: str) -> bool:
    """Whether a label speaks of taxes or subsidies on products, which basic prices leave out."""
    return is_margin_or_tax(label) and bool(re.search(r"\bproducts?\b", label, re.IGNORECASE))


def chosen(patterns: Sequence[str], labels: Sequence[str], option: str, where: str) -> set[int]:
    """Positions of the labels that any of the patterns names.

    Parameters
    ----------
    patterns : sequence of str
        Names or shell patterns such as ``F0*``, upper and lower case alike.
    labels : sequence of str
    option : str
        For messages, e.g. ``--final``.
    where : str
        File, for messages.

    Raises
    ------
    InputError
        When a pattern names nothing, with the nearest label.
    """
    out: set[int] = set()
    folded = [label.casefold() for label in labels]
    for pattern in patterns:
        # A name may itself hold brackets or stars, so it is tried as it is first.
        low = pattern.strip().casefold()
        found = {i for i, label in enumerate(folded) if label == low}
        found = found or {i for i, label in enumerate(folded) if fnmatch.fnmatchcase(label, low)}
        if not found:
            raise InputError(
                f"option {option} names {pattern!r}, which is not there"
                f"{nearest(pattern, labels)}; check the spelling",
                where=where,
            )
        out |= found
    return out
