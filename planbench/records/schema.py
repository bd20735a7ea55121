"""What a measurement is: one self-contained row, validated, with a version.

Every field says its meaning and unit; ``null`` means "not known" and no number is ever
infinite or NaN.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2

Ended = Literal["ok", "timeout", "memory", "crash", "killed", "refused"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InstanceFacts(_Row):
    """The instance a row is about."""

    name: str = Field(description="name, e.g. us-bea-71 or gen:goods=1000")
    sha256: str = Field(description="SHA-256 of its canonical arrays")
    recipe: dict[str, Any] = Field(default_factory=dict, description="how to make it again")
    goods: int | None = Field(default=None, description="number of goods; null for a general LP")
    activities: int | None = Field(default=None, description="number of activities")
    resources: int | None = Field(default=None, description="number of resources")
    targets: int | None = Field(default=None, description="number of plan targets")
    rows: int = Field(description="rows of the linear program")
    columns: int = Field(description="columns of the linear program")
    nonzeros: int = Field(description="non-zeros of the linear program's matrix")


class PhaseCost(_Row):
    """What one phase cost."""

    name: str = Field(
        description="read, assemble, calibrate, import, build, load, solve, extract, check, certify"
    )
    wall_s: float = Field(description="wall-clock seconds")
    cpu_s: float | None = Field(default=None, description="CPU seconds of worker and children")
    peak_bytes: int | None = Field(
        default=None, description="peak resident bytes in the phase, worker and children"
    )


class ResidualFacts(_Row):
    """Residuals as in certify.certificate.Residuals."""

    primal: float | None = Field(default=None, description="largest primal violation, absolute")
    primal_scaled: float | None = Field(default=None, description="the same, scaled")
    dual: float | None = Field(default=None, description="largest dual violation with signs")
    dual_scaled: float | None = Field(default=None, description="the same, scaled")
    complementarity: float | None = Field(default=None, description="relative complementarity")
    gap: float | None = Field(default=None, description="relative primal-dual gap")


class AccuracyFacts(_Row):
    """One try at reaching a target gap; a chain of tries shares solver, instance and target."""

    targets: list[float] = Field(
        description="raw gaps this try is made for, from loose to tight; several where the "
        "solver has no tolerance to tighten and runs once for all of them"
    )
    attempt: int = Field(default=0, description="number of the try in its chain, from 0")
    charged_s: float = Field(
        description="wall_s of this try and of the failed ones before it (the seconds it was "
        "given, for a try without wall_s)"
    )
    end: str = Field(
        default="",
        description="why the chain ends with this try: reached, once (a single run that misses "
        "its tightest target), stalled, floor (no tighter tolerance), tries (too many), timeout, "
        "memory, crash, killed or refused; empty while a tighter try follows",
    )


class Record(_Row):
    """One measurement."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="version of this schema")
    key: str = Field(description="identity: what was measured; equal keys are repeats or reruns")
    repeat: int = Field(default=0, description="number of the repeat, from 0")
    suite: str = Field(default="", description="suite it belongs to, or empty")
    group: str = Field(default="", description="ladder or group within the suite, or empty")
    variable: str = Field(
        default="", description="what its ladder varies, e.g. goods, inputs or threads; or empty"
    )
    value: int | float | str | None = Field(
        default=None, description="value of that variable in this row"
    )
    accuracy: AccuracyFacts | None = Field(
        default=None, description="with suites that state target gaps: what this try is part of"
    )
    started_at: str = Field(description="start, ISO 8601 with time zone")
    instance: InstanceFacts
    solver: str = Field(description="adapter name as asked for, e.g. highs-ds or highs-ds:stock")
    solver_version: str = Field(default="", description="version of the code that ran")
    method_run: str = Field(default="", description="method that really ran")
    options: dict[str, Any] = Field(default_factory=dict, description="options asked for")
    native_options: dict[str, Any] = Field(
        default_factory=dict, description="native options set, with their values"
    )
    threads_used: int | None = Field(default=None, description="threads the solver really used")
    ended: Ended = Field(description="how the run ended")
    claim: str | None = Field(default=None, description="what the solver said of the problem")
    native_status: str = Field(default="", description="the solver's own word")
    verdict: str | None = Field(default=None, description="certified, loose, wrong or unproven")
    certificate: str | None = Field(default=None, description="exact, tolerance or residual-only")
    objective: float | None = Field(default=None, description="objective the solver claimed")
    lower_bound: float | None = Field(default=None, description="certified lower bound")
    upper_bound: float | None = Field(default=None, description="certified upper bound")
    raw_gap: float | None = Field(default=None, description="relative width, no polishing")
    polished_gap: float | None = Field(default=None, description="relative width after polishing")
    polish_s: float | None = Field(default=None, description="seconds polishing took")
    residuals: ResidualFacts | None = Field(default=None, description="recomputed residuals")
    iterations: dict[str, int] = Field(default_factory=dict, description="iterations by kind")
    wall_s: float | None = Field(
        default=None, description="build + load + solve + extract, wall-clock seconds"
    )
    cpu_s: float | None = Field(default=None, description="the same in CPU seconds")
    peak_bytes: int | None = Field(
        default=None,
        description="peak of worker and children from load to extract, minus the level before",
    )
    memory_method: str = Field(default="", description="how memory was read, e.g. VmHWM")
    phases: list[PhaseCost] = Field(default_factory=list, description="every phase")
    pass_s_before: float | None = Field(
        default=None, description="seconds of one matrix pass before the solve"
    )
    pass_s_after: float | None = Field(
        default=None, description="seconds of one matrix pass after the solve"
    )
    matrix_passes: float | None = Field(
        default=None, description="solve seconds divided by the mean seconds of one pass"
    )
    disturbed: bool = Field(
        default=False,
        description="calibrations differ by more than the bound, or too long without a processor",
    )
    wait_s: float | None = Field(
        default=None,
        description="seconds of build to extract the worker was ready but had no processor",
    )
    time_limit_s: float | None = Field(default=None, description="wall limit enforced outside")
    memory_limit_bytes: int | None = Field(default=None, description="memory limit enforced")
    message: str = Field(default="", description="one line on what went wrong, or empty")
    reasons: list[str] = Field(default_factory=list, description="remarks of the certificate")
    notes: list[str] = Field(default_factory=list, description="flags of the adapter")
    machine: dict[str, Any] = Field(default_factory=dict, description="the machine")
    packages: dict[str, str] = Field(default_factory=dict, description="package versions")
    commit: str | None = Field(default=None, description="git commit of planbench, if known")
