"""Statistics of a bare matrix of input coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.statistics import EconomyStatistics, study_values
from planbench.generators.value import ValueInputs, equal_weights


def study_inputs(
    matrix: Any,
    *,
    main: npt.ArrayLike | None = None,
    output: npt.ArrayLike | None = None,
    **options: Any,
) -> EconomyStatistics:
    """Study value of input per value of output; activity j makes good `main`[j], or good j."""
    a = sp.csc_array(matrix, dtype=np.float64, copy=True)
    a.eliminate_zeros()
    makes = np.arange(a.shape[1]) if main is None else np.asarray(main)
    inputs = ValueInputs(
        coefficients=a,
        main=makes.astype(np.int64),
        output=equal_weights(makes, a.shape[0]) if output is None else np.asarray(output, float),
        byproduct_share=0.0,
        price_basis="coefficients as given",
        level_basis="as given",
        nonzeros=a.nnz,
        resources=1,
    )
    return study_values(inputs, **options)
