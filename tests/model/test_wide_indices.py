"""Beyond 2³¹ entries indices are int64; the same code must give the same answer there."""

from __future__ import annotations

import numpy as np
import pytest
from support.answers import reference

from planbench.certificates import certify
from planbench.errors import PlanbenchError
from planbench.generators import generate, parse_inline
from planbench.io.mps import read_mps, write_mps
from planbench.io.npz import load_any, save_npz
from planbench.model import arrays, to_linear_program
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import find_solver, load_adapter

RECIPES = (
    "goods=60,inputs=5,resources=3,byproducts=0.1,capacities=0.1,seed=4",
    "goods=40,inputs=density:0.5,structure=powerlaw,seed=5",
    "goods=50,structure=layered,targets=2,seed=6",
    "goods=30,planted=true,byproducts=0.2,seed=7",
)


@pytest.mark.parametrize("recipe", RECIPES)
def test_everything_works_alike_with_wide_indices(recipe, monkeypatch, tmp_path):
    """An overflow at 2³¹ entries would be silent and would cost a day to find."""
    narrow = generate(parse_inline(recipe))
    assert narrow.inputs.indices.dtype == np.int32
    monkeypatch.setattr(arrays, "LARGEST_INT32", 20)
    wide = generate(parse_inline(recipe))
    for matrix in (wide.inputs, wide.outputs, wide.resource_use):
        assert matrix.indices.dtype == np.int64
        assert matrix.indptr.dtype == np.int64
    assert wide.sha256 == narrow.sha256

    save_npz(wide, tmp_path / "wide.npz")
    again = load_any(tmp_path / "wide.npz")
    assert again.sha256 == narrow.sha256
    assert again.inputs.indices.dtype == np.int64

    lp = to_linear_program(wide)
    assert lp.matrix.indices.dtype == np.int64
    monkeypatch.undo()
    assert lp.sha256 == to_linear_program(narrow).sha256
    monkeypatch.setattr(arrays, "LARGEST_INT32", 20)
    write_mps(lp, tmp_path / "wide.mps")
    assert read_mps(tmp_path / "wide.mps").matrix.indices.dtype == np.int64
    assert certify(lp, wide, reference(lp)).verdict == "certified"


def test_a_solver_with_narrow_indices_says_so(monkeypatch):
    """HiGHS counts in int32; beyond that it must refuse, not wrap around."""
    from planbench.solvers import highs

    lp = to_linear_program(generate(parse_inline(RECIPES[0])))
    spec = find_solver("highs-ds").spec
    monkeypatch.setattr(highs, "LARGEST_INDEX", 20)
    with pytest.raises(PlanbenchError, match="32 bits"):
        load_adapter(spec)(lp, spec, SolveOptions())
