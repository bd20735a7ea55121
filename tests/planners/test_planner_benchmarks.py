"""The benchmark scripts of the planners still run: a changed interface would show only in use."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("numba")

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_one_process_plans_and_certifies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run of ten million goods, on two thousand: every stage measured, the gap met."""
    module = script("bench_planner_at_scale", monkeypatch)
    recipe = "goods=2000,inputs=10,techniques=2,resources=5"
    assert module.main(["--recipe", recipe, "--gap", "1e-4"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["verdict"] == "certified"
    assert result["raw gap"] <= 1e-4
    assert set(result["stages"]) == {"generate", "compile", "plan", "certify"}
    assert all(row["peak"] > 0 for row in result["stages"].values())


def test_growth_fits_an_exponent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three sizes give an exponent of the passes; one that failed is left out and said so."""
    module = script("bench_planners", monkeypatch)
    sizes = {100: 90, 1_000: 100, 10_000: 110}
    cases = tuple(module.Case(goods, "resources=5", 1e-6) for goods in (*sizes, 30_000))

    class Fake:
        matrix_passes = 200.0
        peak_bytes = 1
        disturbed = False
        ended = "ok"

        def __init__(self, goods: int) -> None:
            self.raw_gap = 1e-7 if goods in sizes else 0.5
            self.iterations = {"passes": sizes.get(goods, 1), "rounds": 4}

    monkeypatch.setattr(
        module, "measure", lambda case, *_: module.Result(Fake(case.goods), 1e-5 * case.goods)
    )
    monkeypatch.setattr(module, "economy_bytes", lambda *_: 1)
    monkeypatch.setattr(module, "GROWTH", cases)
    assert module.main(["--rows", "growth", "--repeats", "1", "--seeds", "2"]) == 0
    out = capsys.readouterr().out
    assert "passes counted: about n^0.04" in out
    assert "passes timed: about n^0.000" in out or "passes timed: about n^-0.000" in out
    assert "seconds: about n^1.000" in out
    assert out.count("left out of the fit") == 2
