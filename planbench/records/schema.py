"""What a measurement is: one self-contained row, validated, with a version.

Every field says its meaning, its unit and its possible values (docs/records.md is written from
them); ``null`` means "not known" and no number is ever infinite or NaN.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: 1: the first. 2: accuracy, variable, value, threads_seen, cgroup_peak_bytes were added.
#: 3: environment was added. 4: presolved was added. 5: certificate_version, the verdicts of plan,
#: prices and claim, estimate and scale were added. 6: instance.asked was added.
SCHEMA_VERSION = 6

Ended = Literal["ok", "timeout", "memory", "crash", "killed", "refused"]
Verdict = Literal["certified", "loose", "wrong", "unproven"]
Kind = Literal["exact", "tolerance", "residual-only"]

#: Suite of the rows of studies, which ask something else than how fast a solver is.
STUDY = "study"
#: Suite of the rows of planbench ab and bisect, and what they vary: rows of two sides.
AB, SIDE = "ab", "side"

SECONDS = "s"
BYTES = "bytes"
OBJECTIVE = "units of the objective"
_NONE: Any = None


#: Above what anybody counts or waits for, and within what arithmetic and charts can bear.
MOST = 2**63 - 1
MOST_SECONDS = 1e12
_DEEPEST = 20


def _plain(value: Any, depth: int = 0) -> Any:
    """Refuse what JSON can hold and a table, a chart or another file cannot.

    Raises
    ------
    ValueError
    """
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} deep")
    if isinstance(value, dict):
        for inner in value.values():
            _plain(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _plain(inner, depth + 1)
    elif isinstance(value, int) and abs(value) > MOST:
        raise ValueError("a whole number beyond 64 bits")
    return value


Facts = Annotated[dict[str, Any], AfterValidator(_plain)]
Counts = dict[str, Annotated[int, Field(ge=0, le=MOST)]]


def _field(
    meaning: str,
    values: str,
    unit: str = "",
    default: Any = ...,
    ge: float | None = None,
    le: float | None = None,
) -> Any:
    """Declare a field; ``default=...`` makes it required, ``ge`` and ``le`` are checked.

    Parameters
    ----------
    meaning, values, unit : str
        For docs/records.md; `values` says what it may be, apart from ``null``.
    """
    said: dict[str, Any] = {"unit": unit, "values": values}
    if isinstance(default, (dict, list)):
        kind = type(default)
        return Field(default_factory=kind, description=meaning, json_schema_extra=said)
    return Field(default=default, ge=ge, le=le, description=meaning, json_schema_extra=said)


def _count(meaning: str, default: Any = ..., least: int = 0) -> Any:
    return _field(meaning, f"whole number ≥ {least}", default=default, ge=least, le=MOST)


def _seconds(meaning: str, default: Any = ...) -> Any:
    return _field(meaning, "≥ 0", SECONDS, default, ge=0, le=MOST_SECONDS)


def _bytes(meaning: str, default: Any = None) -> Any:
    return _field(meaning, "whole number ≥ 0", BYTES, default, ge=0, le=MOST)


def _residual(meaning: str, unit: str = "relative") -> Any:
    return _field(meaning, "≥ 0; null without such a point", unit, _NONE, ge=0)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InstanceFacts(_Row):
    """The instance a row is about."""

    name: str = _field("its name", "built-in name, file, or recipe such as gen:goods=1000,seed=1")
    sha256: str = _field("SHA-256 of its canonical arrays", "64 hexadecimal digits")
    recipe: Facts = _field(
        "how to make it again", "fields of the generator or of the catalogue", default={}
    )
    asked: dict[str, str] = _field(
        "parts of the recipe's text: maker (gen, split, years, …), of (the table it is made from) "
        "and the knobs that were set; empty for built-in names and files",
        "by name, as written",
        default={},
    )
    goods: int | None = _count("goods; null for a general LP", None, least=1)
    activities: int | None = _count("activities; null for a general LP", None)
    resources: int | None = _count("resources; null for a general LP", None)
    targets: int | None = _count("plan targets; null for a general LP", None)
    rows: int = _count("rows of the linear program")
    columns: int = _count("columns of the linear program")
    nonzeros: int = _count("non-zeros of the linear program's matrix")


class PhaseCost(_Row):
    """What one phase cost."""

    name: str = _field(
        "which phase; docs/measurement.md describes each",
        "read, assemble, calibrate, import, build, load, solve, extract, check, certify",
    )
    wall_s: float = _seconds("wall-clock time")
    cpu_s: float | None = _seconds(
        "CPU time of the worker and of its children that ended; null for the phase in which the "
        "worker was killed",
        None,
    )
    peak_bytes: int | None = _bytes(
        "peak resident memory in the phase, worker and children, from zero (not above the level "
        "before); null for phases of the parent"
    )


class ResidualFacts(_Row):
    """Residuals of the point handed back, recomputed from the problem."""

    primal: float | None = _residual(
        "largest violation of a row or column bound", "units of the row or column"
    )
    primal_scaled: float | None = _residual("the same on the scales of docs/certificate.md")
    dual: float | None = _residual(
        "largest dual violation, with signs and infinite bounds", "objective per unit of column"
    )
    dual_scaled: float | None = _residual("the same on the scales of docs/certificate.md")
    complementarity: float | None = _residual("Σ|dual × slack| / (1 + |objective|)")
    gap: float | None = _residual("|primal − dual objective| over the larger of the two")


class AccuracyFacts(_Row):
    """One try at reaching a target gap; a chain of tries shares solver, instance and target."""

    targets: list[float] = _field(
        "raw gaps this try is made for, from loose to tight; several where the solver has no "
        "tolerance to tighten and runs once for all of them",
        "each in (0, 1)",
        "relative",
    )
    attempt: int = _count("number of the try in its chain, from 0", 0)
    charged_s: float = _seconds(
        "wall_s of this try and of the failed ones before it (the seconds it was given, for a "
        "try without wall_s)"
    )
    end: str = _field(
        "why the chain ends with this try; empty while a tighter try follows",
        "reached, once (a single run that misses its tightest target), stalled, floor (no "
        "tighter tolerance), tries (too many), timeout, memory, crash, killed, refused, or empty",
        default="",
    )


class Record(_Row):
    """One measurement."""

    schema_version: int = _field(
        "version of this schema; older ones are read and brought up to it",
        f"1 to {SCHEMA_VERSION}",
        default=SCHEMA_VERSION,
    )
    key: str = _field(
        "identity of what was measured (instance, solver, options); equal keys are repeats or "
        "reruns",
        "16 hexadecimal digits",
    )
    repeat: int = _count("number of the repeat, from 0", 0)
    suite: str = _field("suite it belongs to", "a suite's name, or empty", default="")
    group: str = _field("ladder or group within the suite", "its name, or empty", default="")
    variable: str = _field(
        "what its ladder varies", "goods, inputs, threads, …, or empty", default=""
    )
    value: Annotated[int | float | str | None, AfterValidator(_plain)] = _field(
        "value of that variable in this row", "number or word", default=None
    )
    accuracy: AccuracyFacts | None = _field(
        "with suites that state target gaps: what this try is part of", "see below", default=None
    )
    started_at: str = _field("start", "ISO 8601 with time zone")
    instance: InstanceFacts = _field("the instance", "see below")
    solver: str = _field("solver as asked for", "e.g. highs-ds, highs-ds:stock, cmd:'…'")
    solver_version: str = _field(
        "version of the code that ran", "the solver's own words, or empty", default=""
    )
    method_run: str = _field(
        "method that really ran", "the solver's own words, or empty", default=""
    )
    options: Facts = _field(
        "options asked for; those left alone are not listed",
        "tolerance, threads, time_limit, seed, native",
        default={},
    )
    native_options: Facts = _field(
        "native options that were set", "the solver's own names and values", default={}
    )
    threads_used: int | None = _count("threads the solver says it used", None)
    threads_seen: int | None = _count(
        "most threads of worker and children seen running at one moment of the counted phases, "
        "by samples every 10 to 40 ms; null when no sample fell into them or none was running",
        None,
    )
    ended: Ended = _field(
        "how the run ended; docs/measurement.md says how each is recognised",
        "ok, timeout, memory, crash, killed, refused",
    )
    claim: str | None = _field(
        "what the solver said of the problem",
        "optimal, infeasible, unbounded, infeasible-or-unbounded, feasible, unknown; null when it "
        "handed nothing back",
        default=None,
    )
    native_status: str = _field("how it ended in the solver's own words", "text", default="")
    verdict: Verdict | None = _field(
        "what the certificate says of the answer as a whole; null without an answer to judge",
        "certified, loose, wrong, unproven",
        default=None,
    )
    certificate_version: int = _field(
        "version of the rules of the certificate, see docs/certificate.md; verdicts of different "
        "versions are not compared",
        "1 for rows of schema 1 to 4, else 2",
        default=1,
    )
    plan_verdict: Verdict | None = _field(
        "on the plan alone; null without one, and in rows of certificate 1",
        "certified, loose, unproven",
        default=None,
    )
    prices_verdict: Verdict | None = _field(
        "on the prices (row duals) alone; null without any, and in rows of certificate 1",
        "certified, loose, unproven",
        default=None,
    )
    claim_verdict: Verdict | None = _field(
        "on what the solver claimed; null without a claim, and in rows of certificate 1",
        "certified, loose, wrong, unproven",
        default=None,
    )
    certificate: Kind | None = _field(
        "what the certificate rests on: proof; a point feasible to 1e-9 (in rows of certificate 1 "
        "alone); or residuals, as a side of the bracket is missing",
        "exact, tolerance, residual-only",
        default=None,
    )
    objective: float | None = _field(
        "objective the solver claimed, in the stated sense", "any", OBJECTIVE, _NONE
    )
    lower_bound: float | None = _field(
        "certified lower bound on the optimum; null: none", "any", OBJECTIVE, _NONE
    )
    upper_bound: float | None = _field(
        "certified upper bound on the optimum; null: none", "any", OBJECTIVE, _NONE
    )
    estimate: float | None = _field(
        "objective of a nearly feasible point of a general LP, where no bound is proven on that "
        "side; proves nothing",
        "any",
        OBJECTIVE,
        _NONE,
    )
    scale: float | None = _field(
        "what differences of objectives are measured against; null in rows of certificate 1",
        "≥ 0",
        OBJECTIVE,
        _NONE,
        ge=0,
    )
    raw_gap: float | None = _field(
        "(upper − lower) / max(|lower|, |upper|) without polishing; null where a bound is",
        "≥ 0",
        "relative",
        _NONE,
    )
    polished_gap: float | None = _field(
        "the same after polishing; null where polishing was off or does not apply",
        "≥ 0",
        "relative",
        _NONE,
    )
    polish_s: float | None = _seconds("time polishing took, not part of wall_s", None)
    residuals: ResidualFacts | None = _field(
        "residuals of the point handed back", "see below", default=None
    )
    presolved: Counts = _field(
        "size of the linear program after the solver's presolve; empty where presolve did not run "
        "or the solver does not report it (HiGHS, CBC and GLOP do, in their logs)",
        "rows, columns, nonzeros; whole numbers ≥ 0",
        default={},
    )
    iterations: Counts = _field(
        "iterations by kind; empty where the solver does not report it",
        "e.g. simplex, ipm, crossover, pdlp; whole numbers ≥ 0",
        default={},
    )
    wall_s: float | None = _seconds(
        "wall-clock time of build + load + solve + extract; null when none of them began. For a "
        "run that was stopped: until then",
        None,
    )
    cpu_s: float | None = _seconds(
        "CPU time of the same phases, worker and children; null for a run that was stopped", None
    )
    peak_bytes: int | None = _bytes(
        "peak resident memory of worker and children in the same phases, minus the worker's "
        "level right before"
    )
    memory_method: str = _field(
        "how memory was read",
        "VmHWM reset per phase; VmHWM, not reset; ru_maxrss, not reset; followed by children by "
        "wait4 or children sampled, and also cgroup memory.peak; not measured for a run "
        "in-process; empty when no phase ended",
        default="",
    )
    cgroup_peak_bytes: int | None = _bytes(
        "memory.peak of the worker's control group over the whole run, page cache and kernel "
        "memory included; null where it had none of its own"
    )
    phases: list[PhaseCost] = _field("every phase, in order", "see below", default=[])
    pass_s_before: float | None = _seconds("time of one matrix pass before the solve", None)
    pass_s_after: float | None = _seconds("time of one matrix pass after the solve", None)
    matrix_passes: float | None = _field(
        "time of phase solve over the mean of the two passes", "≥ 0", "matrix passes", _NONE, ge=0
    )
    disturbed: bool = _field(
        "the machine did something else meanwhile: the passes differ by more than a quarter, or "
        "more than a tenth of the time was spent waiting for a processor",
        "true, false",
        default=False,
    )
    wait_s: float | None = _seconds(
        "time of the counted phases in which the worker's main thread was ready and had no "
        "processor",
        None,
    )
    time_limit_s: float | None = _field(
        "wall-clock limit on the counted phases, enforced from outside", "> 0", SECONDS, _NONE
    )
    memory_limit_bytes: int | None = _bytes(
        "limit on the resident memory of worker and children, enforced from outside"
    )
    message: str = _field("what went wrong", "one line, or empty", default="")
    reasons: list[str] = _field("remarks of the certificate", "lines of text", default=[])
    notes: list[str] = _field(
        "flags of the adapter, such as what could not be passed on", "lines of text", default=[]
    )
    machine: Facts = _field(
        "the machine",
        "id (12 hexadecimal digits), cpu, cpu_class, cores, threads, memory_bytes, kernel, system, "
        "python, usable_threads, governor, load (average of the last minute)",
        default={},
    )
    environment: str = _field(
        "environment the worker ran in, where it was not planbench's own (docs/ab.md), or "
        "in-process where there was no worker (docs/python.md)",
        "e.g. highspy==1.13.1 or git:0123456789ab; in-process; or empty",
        default="",
    )
    packages: dict[str, str] = _field(
        "versions of planbench and of the packages it solves with, in that environment",
        "by distribution",
        default={},
    )
    commit: str | None = _field(
        "git commit of planbench; null outside a checkout",
        "40 hexadecimal digits, with -dirty when changed",
        default=None,
    )
