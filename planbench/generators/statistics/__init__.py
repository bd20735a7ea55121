"""Statistics of an economy: how dense, how connected, how near to triangular its inputs are."""

from planbench.generators.statistics.facts import (
    CHEAP_GROUPS,
    GROUPS,
    EconomyStatistics,
    StudyLimits,
    explain,
    figure_fields,
)
from planbench.generators.statistics.study import study_economy, study_inputs

__all__ = [
    "CHEAP_GROUPS",
    "GROUPS",
    "EconomyStatistics",
    "StudyLimits",
    "explain",
    "figure_fields",
    "study_economy",
    "study_inputs",
]
