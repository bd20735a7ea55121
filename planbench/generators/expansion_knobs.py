"""Knobs of a recipe that tell goods apart by date and place: who belongs to whom, defaults."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

# What a knob may be; None stands for its default.
Capital = Annotated[
    float | None,
    Field(ge=0, le=20, description="years of value added held as capital (default: 2)"),
]
Depreciation = Annotated[
    float | None, Field(ge=0.01, le=1, description="share of capital lost in a year (default: 0.1)")
]
Terminal = Annotated[
    float | None, Field(ge=0, le=1, description="share of the first stocks to be left (default: 1)")
]
Storable = Annotated[
    float | None, Field(ge=0, le=1, description="share of goods that keep (default: 0.3)")
]
Spoilage = Annotated[
    float | None, Field(ge=0, le=0.99, description="share lost in a year of store (default: 0.05)")
]
Growth = Annotated[
    float | None,
    Field(ge=-0.5, le=1, description="growth of the endowments a year (default: 0.02)"),
]
CrossShare = Annotated[
    float | None, Field(ge=0, le=1, description="share of inputs from other regions (default: 0.1)")
]
Tradable = Annotated[
    float | None, Field(ge=0, le=1, description="share of goods that can be carried (default: 0.1)")
]
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
#: Values to suggest.
_EXAMPLE = {"years": 5, "regions": 4}
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
    filled = fill_knobs(recipe, {"years": OF_YEARS, "regions": OF_REGIONS})
    if recipe.years is None and recipe.regions is None:
        if recipe.common_target:
            raise ValueError("common_target: belongs to years or regions; add years=5")
        return filled
    if recipe.planted:
        raise ValueError("planted: goes with neither years nor regions; drop it")
    if recipe.years is not None:
        settle_capital(recipe, filled)
    return filled


def fill_knobs(recipe: Any, owners: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Defaults of the knobs of years and of regions that are left out.

    Raises
    ------
    ValueError
        When a knob is given whose owner is not.
    """
    filled: dict[str, Any] = {}
    for owner, knobs in owners.items():
        for knob, default in knobs.items():
            given = getattr(recipe, knob)
            if getattr(recipe, owner) is None:
                if given is not None:
                    raise ValueError(f"{knob}: belongs to {owner}; add {owner}={_EXAMPLE[owner]}")
            elif given is None:
                filled[knob] = default
    return filled


def settle_capital(recipe: Any, filled: dict[str, Any]) -> None:
    """Check the knobs of capital; without any, nothing of it is left at the end.

    Raises
    ------
    ValueError
        Where stocks are to be left of none, or more wears out than can be replaced.
    """
    if recipe.capital == 0:
        if recipe.terminal:
            raise ValueError("terminal: is a share of the capital, and capital=0; drop one of them")
        filled["terminal"] = 0.0
    worn = filled.get("capital", recipe.capital) * filled.get("depreciation", recipe.depreciation)
    if worn > MOST_WORN * (1 + 1e-12):
        raise ValueError(
            f"capital: replacing it takes capital × depreciation = {worn:g} of value added; "
            f"at most {MOST_WORN:g}"
        )
