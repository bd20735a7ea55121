"""Numbers of things in messages: ``1 good``, ``1,000 goods``."""

from __future__ import annotations

#: Plurals that follow no rule.
_PLURALS = {"matrix": "matrices", "series": "series"}


def nouns(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural but for 1.

    Parameters
    ----------
    number : int
    noun : str
        In the singular: ``good``, ``activity``, ``final use``.

    Returns
    -------
    str
        ``1 good``, ``1,000 goods``, ``0 activities``.
    """
    if number == 1:
        return f"1 {noun}"
    plural = _PLURALS.get(noun) or (noun[:-1] + "ies" if noun.endswith("y") else noun + "s")
    return f"{number:,} {plural}"
