"""Names, availability and options of solvers, without importing one."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

from planbench.errors import InputError, SolverUnavailableError
from planbench.model.linear_program import make_linear_program
from planbench.solvers import registry
from planbench.solvers.base import OPTION_NAMES, SolveOptions
from planbench.solvers.registry import (
    availability,
    check_options,
    find_solver,
    list_solvers,
    load_adapter,
    own_environment,
    why_not_here,
)

NAMES = (
    *("highs-ds", "highs-ipm", "highs-ipm-crossover", "highs-hipo", "highs-pdlp", "highs-hipdlp"),
    *("scipy-highs-ds", "scipy-highs-ipm", "cbc", "cbc-mps", "glop", "pdlp", "cmd", "null"),
)
Write = Callable[[str, str, str], Path]
RunPython = Callable[..., str]


def test_all_named_solvers_are_listed() -> None:
    assert [name for name in NAMES if name not in {spec.name for spec in list_solvers()}] == []


def test_facts_are_complete() -> None:
    for spec in list_solvers():
        assert spec.method
        assert spec.default
        assert spec.takes <= set(OPTION_NAMES)
        assert spec.phases


def test_listing_imports_no_solver(run_python: RunPython) -> None:
    """`planbench solvers` would take seconds, and highspy and OR-Tools clash."""
    out = run_python(
        "import sys\n"
        "from planbench.solvers.registry import list_solvers, availability\n"
        "for spec in list_solvers(): availability(spec)\n"
        "print([m for m in ('highspy', 'ortools', 'pulp', 'scipy.optimize') if m in sys.modules])"
    )
    assert out.strip() == "[]"


def test_finding_a_solver_imports_no_planner(run_python: RunPython) -> None:
    """A worker would carry the planners and the certificate along for every solver."""
    out = run_python(
        "import sys\n"
        "from planbench.solvers.registry import find_solver\n"
        "find_solver('glop'), find_solver('null')\n"
        "print([m for m in sys.modules if 'planners' in m or 'certificates' in m])"
    )
    assert out.strip() == "[]"


def test_stock_and_command_are_parsed() -> None:
    found = find_solver("highs-ds:stock")
    assert (found.spec.name, found.stock, found.command) == ("highs-ds", True, None)
    found = find_solver("cmd:'my solver' -q {mps} {sol}")
    assert (found.spec.name, found.stock, found.command) == (
        *("cmd", False, "'my solver' -q {mps} {sol}"),
    )
    assert find_solver("cmd:'mysolver {mps} {sol}'").command == "mysolver {mps} {sol}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("higs-ds", "did you mean highs-ds?"),
        ("HIGHS-IPM", "did you mean highs-ipm?"),
        ("zzz", "known are highs-ds"),
        ("", "unknown solver"),
        ("highs-ds:fast", "no configuration 'fast'"),
        ("highs-ds:", "ends in a colon"),
        ("null:stock", "no stock configuration"),
        ("cmd:", "needs a command"),
        ("cmd", "needs a command"),
        ("cmd:mysolver {mps}", "lacks {sol}"),
        ("cmd:mysolver 'oops {mps} {sol}", "cannot be read"),
    ],
)
def test_bad_names_are_refused_in_one_line(name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        find_solver(name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def _without(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str | None]) -> None:
    real = importlib.metadata.version

    def version(package: str) -> str:
        if package not in versions:
            return real(package)
        found = versions[package]
        if found is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, {"ortools": None})
    spec = find_solver("glop").spec
    assert availability(spec) == "needs ortools; pip install 'planbench[ortools]'"
    with pytest.raises(SolverUnavailableError, match="planbench\\[ortools\\]"):
        load_adapter(spec)


def test_hipo_needs_its_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without highspy-extras HiGHS refuses the option and would run simplex under HiPO's name."""
    spec = find_solver("highs-hipo").spec
    _without(monkeypatch, {"highspy": "1.15.1", "highspy-extras": None})
    install = "pip install highspy==1.15.1 highspy-extras==1.15.1"
    assert why_not_here(spec) == f"needs highspy-extras; {install}"
    _without(monkeypatch, {"highspy": "1.16.0", "highspy-extras": "1.15.1"})
    assert "highspy-extras 1.15.1 needs highspy 1.15.1, found 1.16.0" in str(why_not_here(spec))
    _without(monkeypatch, {"highspy": "1.15.1", "highspy-extras": "1.15.1"})
    assert why_not_here(spec) is None
    assert own_environment(spec) is None


def test_hipdlp_needs_a_recent_highs(monkeypatch: pytest.MonkeyPatch) -> None:
    """HiGHS 1.12 and 1.13 refuse the option `solver=hipdlp`."""
    spec = find_solver("highs-hipdlp").spec
    _without(monkeypatch, {"highspy": "1.13.1"})
    assert "needs highspy 1.14 or later, found 1.13.1" in str(availability(spec))
    _without(monkeypatch, {"highspy": "1.14.0"})
    assert availability(spec) is None


@pytest.mark.parametrize(
    ("solver", "package", "old", "least"),
    [("highs-ds", "highspy", "1.11.0", "1.12"), ("glop", "ortools", "9.13.4784", "9.14")],
)
def test_versions_too_old_are_refused(
    monkeypatch: pytest.MonkeyPatch, solver: str, package: str, old: str, least: str
) -> None:
    """An adapter that has never been run with a version must not say that it supports it."""
    spec = find_solver(solver).spec
    _without(monkeypatch, {package: old})
    assert f"needs {package} {least} or later, found {old}" in str(availability(spec))
    _without(monkeypatch, {package: f"{least}.0rc1"})
    assert availability(spec) is None


def test_adapters_of_highs_and_ortools_state_their_versions() -> None:
    for spec in list_solvers():
        stated = {supported.package for supported in spec.supports}
        assert stated >= set(spec.packages) & {"highspy", "highspy-extras", "ortools"}, spec.name


def test_cbc_without_a_bundled_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulp.apis.coin_api.pulp_cbc_path", "/nowhere/cbc")
    spec = find_solver("cbc-mps").spec
    program = make_linear_program(matrix=[[1.0]], cost=[1.0], row_lower=[1.0], row_upper=[2.0])
    with pytest.raises(SolverUnavailableError, match="bundles no CBC program"):
        load_adapter(spec)(program, spec, SolveOptions())


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("null", SolveOptions(time_limit=1.0), "null has no option 'time_limit'"),
        ("highs-ipm", SolveOptions(threads=2), "has no option 'threads'"),
        ("highs-hipdlp", SolveOptions(seed=1), "has no option 'seed'"),
        ("cmd:s {mps} {sol}", SolveOptions(native={"a": 1}), "no native options"),
        ("highs-ds", SolveOptions(tolerance=0.0), "tolerance: is 0"),
        ("highs-ds", SolveOptions(tolerance=float("nan")), "tolerance: is nan"),
        ("highs-ds", SolveOptions(threads=0), "threads: is 0"),
        ("highs-ds", SolveOptions(time_limit=float("inf")), "time_limit: is inf"),
        ("highs-ds", SolveOptions(seed=-1), "seed: is -1"),
        ("null", SolveOptions(stock=True), "no stock configuration"),
    ],
)
def test_options_are_refused(name: str, options: SolveOptions, says: str) -> None:
    """An option that is dropped in silence makes a wrong measurement."""
    with pytest.raises(InputError, match=says):
        check_options(find_solver(name).spec, options)


PLUGINS = """
from planbench.solvers.registry import list_solvers, broken_plugins, find_solver
from planbench.errors import InputError
names = [spec.name for spec in list_solvers()]
print(len(names) == len(set(names)), "highs-ds" in names)
for plugin in broken_plugins():
    print(plugin.name, "|", plugin.package, "|", plugin.reason)
try:
    find_solver("mine")
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no licence\\nfound')", "RuntimeError: no licence found"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("SOLVERS = 'highs-ds'", "TypeError: gives a str, not a SolverSpec"),
        ("SOLVERS = None", "TypeError"),
        (
            "from planbench.solvers.null import SOLVERS",
            "ValueError: the name 'null' is taken",
        ),
        (
            "import dataclasses\nfrom planbench.solvers.null import SOLVERS as N\n"
            "SOLVERS = dataclasses.replace(N[0], name='a b')",
            "ValueError: 'a b' is no solver name",
        ),
    ],
)
def test_broken_package_does_not_break_the_others(
    source: str, reason: str, third_party: Write, run_python: RunPython
) -> None:
    folder = third_party("mine_solver", "mine = mine_solver:SOLVERS", source)
    lines = run_python(PLUGINS, path=folder).splitlines()
    assert lines[0] == "True True"
    assert lines[1].startswith(f"mine | mine_solver | {reason}"), lines
    assert "comes from mine_solver, which failed" in lines[2]


def test_unusable_adapter_module_is_a_reason_not_a_crash(
    third_party: Write, run_python: RunPython
) -> None:
    source = (
        "from planbench.solvers.base import SolverSpec\n"
        "SOLVERS = SolverSpec('mine', 'x', 'y', 'mine_missing', ())\n"
    )
    folder = third_party("mine_solver", "mine = mine_solver:SOLVERS", source)
    code = "from planbench.solvers.registry import *\nprint(availability(find_solver('mine').spec))"
    assert "its adapter fails: ModuleNotFoundError" in run_python(code, path=folder)


def test_adapters_are_found_by_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter that is being written need not be installed to be measured."""
    file = tmp_path / "mine.py"
    file.write_text(
        "import dataclasses\n"
        "from planbench.solvers import null\n"
        "SOLVERS = (dataclasses.replace(null.SOLVERS[0], name='mine', module='mine'),)\n"
        "solve = null.solve\n"
    )
    monkeypatch.setenv("PLANBENCH_ADAPTERS", f"{file}:{tmp_path / 'nowhere.py'}")
    spec = find_solver("mine").spec
    assert availability(spec) is None
    assert callable(load_adapter(spec))
    with pytest.raises(InputError, match=r"nowhere.py, which failed: FileNotFoundError"):
        find_solver("nowhere")
    monkeypatch.delenv("PLANBENCH_ADAPTERS")
    with pytest.raises(InputError, match="unknown solver 'mine'"):
        find_solver("mine")


def test_builtin_modules_hold_solve() -> None:
    for module in registry.BUILTIN_MODULES:
        assert callable(getattr(importlib.import_module(module), "solve", None)), module


def test_a_file_cannot_take_the_name_of_a_solver_of_planbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of the file would be recorded as those of the solver."""
    file = tmp_path / "taken.py"
    file.write_text(
        "import dataclasses\n"
        "from planbench.solvers import null\n"
        f"names = {[spec.name for spec in registry._builtin()]}\n"
        "SOLVERS = tuple(dataclasses.replace(null.SOLVERS[0], name=n) for n in names)\n"
        "solve = null.solve\n"
    )
    monkeypatch.setenv("PLANBENCH_ADAPTERS", str(file))
    for spec in registry._builtin():
        assert registry._spec_called(spec.name) is spec
    assert [plugin.name for plugin in registry.broken_plugins()] == ["taken"]


def test_files_of_the_same_name_run_as_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of one would be recorded under the name of the other's solver."""
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "mine.py")
        files[-1].write_text(
            "import dataclasses\n"
            "from planbench.solvers import null\n"
            f"SOLVERS = (dataclasses.replace(null.SOLVERS[0], name='{name}'),)\n"
            f"def solve(*_): return '{name}'\n"
        )
    monkeypatch.setenv("PLANBENCH_ADAPTERS", ":".join(map(str, files)))
    specs = {spec.name: spec for spec in registry.list_solvers()}
    for name in ("one", "two"):
        assert load_adapter(specs[name])() == name  # type: ignore[call-arg]
