"""Laws for the number of inputs per technique as the economy grows.

Written as people type them: ``10``, ``log``, ``2*log``, ``1.5*n^0.3``, ``density:0.01``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

_NUMBER = r"(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)"
_FACTOR = r"(?:(?P<factor>\d+(?:\.\d*)?|\.\d+)\*?)?"
_PATTERNS: dict[str, re.Pattern[str]] = {
    "constant": re.compile(_NUMBER),
    "log": re.compile(_FACTOR + r"log(?:\(?n\)?)?"),
    "power": re.compile(_FACTOR + r"n\^(?P<exponent>\d+(?:\.\d*)?|\.\d+)"),
    "density": re.compile(r"density:" + _NUMBER),
}
EXAMPLES = "10, log, 2*log, 1.5*n^0.3 or density:0.01"


@dataclass(frozen=True)
class InputsLaw:
    """Mean number of inputs per technique as a function of the number of goods n.

    Attributes
    ----------
    kind : {"constant", "log", "power", "density"}
        c, c·ln n, c·n^a, or a share c of all goods.
    factor : float
        c > 0.
    exponent : float
        a in [0, 1]; used by "power" only.
    """

    kind: Literal["constant", "log", "power", "density"]
    factor: float
    exponent: float = 0.0

    def mean(self, goods: int) -> float:
        """Mean number of inputs at `goods` goods, at most goods − 1, in steps of 2⁻¹⁰.

        The steps keep a last-digit difference between mathematical libraries out of the
        generated arrays.
        """
        if self.kind == "constant":
            value = self.factor
        elif self.kind == "log":
            value = self.factor * math.log(goods)
        elif self.kind == "power":
            value = self.factor * float(goods) ** self.exponent
        else:
            value = self.factor * goods
        return min(round(value * 1024) / 1024, float(goods - 1))

    def __str__(self) -> str:
        """Shortest text that reads back as the same law."""
        number = f"{self.factor:.12g}"
        if self.kind == "constant":
            return number
        if self.kind == "density":
            return f"density:{number}"
        term = "log" if self.kind == "log" else f"n^{self.exponent:.12g}"
        return term if self.factor == 1 else f"{number}*{term}"


def parse_law(text: str) -> InputsLaw:
    """Read a law.

    Raises
    ------
    ValueError
        With one line naming the allowed forms.
    """
    compact = text.replace(" ", "").replace("·", "*").replace("**", "^").lower()
    for kind, pattern in _PATTERNS.items():
        match = pattern.fullmatch(compact)
        if match is None:
            continue
        found = match.groupdict()
        factor = float(found.get("number") or found.get("factor") or 1)
        exponent = float(found.get("exponent") or 0)
        if not 0 < factor < math.inf:
            raise ValueError(f"must be above 0, not {text!r}; write it as {EXAMPLES}")
        if kind == "density" and factor > 1:
            raise ValueError(f"a density is a share of all goods, at most 1, not {factor:g}")
        if exponent > 1:
            raise ValueError(f"inputs cannot grow faster than n; {text!r} has exponent above 1")
        return InputsLaw(kind, factor, exponent)  # type: ignore[arg-type]
    raise ValueError(f"{text!r} is no law for the number of inputs; write it as {EXAMPLES}")
