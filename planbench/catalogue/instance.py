"""An instance: something to be solved, with the name, recipe and hash it is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.planning_lp import to_linear_program


@dataclass(frozen=True, eq=False)
class Instance:
    """An economy or a general linear program, under one name.

    Attributes
    ----------
    name : str
        As typed or as built in, e.g. ``us-bea-71``.
    economy : Economy or None
        None for a general LP.
    general : LinearProgram or None
        None for an economy.
    recipe : mapping
        How to make it again, in JSON values.
    optimum : float or None
        Optimal value where it is known (golden and planted instances).
    source : str
        Where it comes from, in one line.
    description : str
        What it is, in one line, for those that are built in.
    published : mapping
        Every published result, for cases of the literature.
    """

    name: str
    economy: Economy | None = None
    general: LinearProgram | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    optimum: float | None = None
    source: str = ""
    description: str = ""
    published: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def lp(self) -> LinearProgram:
        """The linear program; assembled from the economy at first use."""
        if self.general is not None:
            return self.general
        assert self.economy is not None
        return to_linear_program(self.economy)

    @property
    def sha256(self) -> str:
        """Hash of the economy, or of the general LP."""
        if self.economy is not None:
            return self.economy.sha256
        assert self.general is not None
        return self.general.sha256
