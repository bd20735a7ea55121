"""Knobs of a recipe that tell goods apart by date and place: who belongs to whom, defaults."""

from __future__ import annotations

from typing import Any

#: Knobs that go with ``years``, with their defaults.
OF_YEARS: dict[str, Any] = {
    "capital": 2.0,
    "depreciation": 0.1,
    "terminal": 1.0,
    "storable": 0.3,
    "spoilage": 0.05,
    "growth": 0.02,
}
#: Knobs that go with ``regions``, with their defaults.
OF_REGIONS: dict[str, Any] = {"cross_share": 0.1, "tradable": 0.1, "transport": 0.05}
#: Replacing capital takes at most this share of value added.
MOST_WORN = 0.3
#: What a recipe without years and regions has instead.
WITHOUT: dict[str, Any] = {
    **dict.fromkeys(("years", "regions", *OF_YEARS, *OF_REGIONS)),
    "common_target": False,
}


def settle_expansion(recipe: Any) -> dict[str, Any]:
    """Defaults of the knobs that are left out.

    Parameters
    ----------
    recipe : GeneratorRecipe

    Raises
    ------
    ValueError
        ``field: what is wrong and the mend``, where knobs do not go together.
    """
    filled: dict[str, Any] = {}
    for owner, knobs, example in (("years", OF_YEARS, 5), ("regions", OF_REGIONS, 4)):
        for knob, default in knobs.items():
            given = getattr(recipe, knob)
            if getattr(recipe, owner) is None:
                if given is not None:
                    raise ValueError(f"{knob}: belongs to {owner}; add {owner}={example}")
            elif given is None:
                filled[knob] = default
    if recipe.years is None and recipe.regions is None:
        if recipe.common_target:
            raise ValueError("common_target: belongs to years or regions; add years=5")
        return filled
    if recipe.planted:
        raise ValueError("planted: goes with neither years nor regions; drop it")
    if recipe.years is not None:
        settle_capital(recipe.capital, recipe.terminal, filled)
        worn = filled.get("capital", recipe.capital) * filled.get(
            "depreciation", recipe.depreciation
        )
        if worn > MOST_WORN * (1 + 1e-12):
            raise ValueError(
                f"capital: replacing it takes capital × depreciation = {worn:g} of value added; "
                f"at most {MOST_WORN:g}"
            )
    return filled


def settle_capital(capital: float | None, terminal: float | None, filled: dict[str, Any]) -> None:
    """Without capital nothing of it is left at the end: say so, or fill it in.

    Raises
    ------
    ValueError
        Where stocks of capital are to be left of none.
    """
    if capital != 0:
        return
    if terminal:
        raise ValueError("terminal: is a share of the capital, and capital=0; drop one of them")
    filled["terminal"] = 0.0
