"""Which results are rungs of one ladder: the same recipe but for what grows.

Economies grow in goods, in years or in regions; on the axes stand the goods they come to.
"""

from __future__ import annotations

from planbench.report.cells import Cell

#: What makes an economy larger rather than another one.
GROWING = ("goods", "years", "regions")
#: Knobs that differ from rung to rung of one ladder (sectors and band are filled in by size).
_VARIES = ("goods", "seed", "sectors", "band", "planted_optimum")
#: Knobs of the text of a recipe that follow from nothing else.
_SEED = "seed"


def fixed_knobs(cell: Cell) -> dict[str, object] | None:
    """Everything that must be equal on the rungs of a ladder; None for what stands on none.

    Economies of the plain generator are told by the recipe they were made by, in which left-out
    knobs are filled in. Others, such as ``split:us-bea-71,goods=1000,seed=1`` or
    ``gen:profile=us-bea-2012,goods=1000``, fill in knobs that follow from the size; they are told
    by the text that the suite asked for.
    """
    if cell.goods is None:
        return None
    recipe = cell.record.instance.recipe
    asked = _asked(cell.record.instance.name)
    if asked is None or _is_plain(asked):
        if "goods" not in recipe:
            return None
        return {knob: value for knob, value in recipe.items() if knob not in _VARIES}
    variable = cell.record.variable or "goods"
    if variable not in GROWING or variable not in asked:
        return None
    return {k: v for k, v in asked.items() if k not in (variable, _SEED)}


def from_real_tables(knobs: dict[str, object]) -> bool:
    """Whether a ladder's economies are made from a real table or from figures fitted to one."""
    return "profile" in knobs or "of" in knobs


def _asked(name: str) -> dict[str, object] | None:
    """Parts of a recipe's text: ``maker``, ``of`` (what it is made from), and its knobs."""
    maker, colon, rest = name.partition(":")
    if not colon or not maker.isidentifier():
        return None
    parts: dict[str, object] = {"maker": maker}
    for item in rest.split(","):
        knob, equals, value = (part.strip() for part in item.partition("="))
        if equals:
            parts[knob] = value
        elif knob:
            parts["of"] = f"{parts['of']},{knob}" if "of" in parts else knob
    return parts


def _is_plain(asked: dict[str, object]) -> bool:
    return asked["maker"] == "gen" and not {"profile", "years", "regions"} & asked.keys()
