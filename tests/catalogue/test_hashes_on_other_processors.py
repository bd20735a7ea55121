"""Instances are the same, bit by bit, whatever kernels the processor makes libraries choose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
from support.full import few

from planbench.model.products import column_sums, dot, row_sums, solve

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "instance_hashes.py"
#: OpenBLAS's core types, and what the processor must know to run their kernels.
CORE_TYPES = {
    "Prescott": set(),
    "Nehalem": {"sse4_2"},
    "Sandybridge": {"avx"},
    "Haswell": {"avx2", "fma"},
    "Zen": {"avx2", "fma"},
    "SkylakeX": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
}
#: Whose kernels `make test` tries: with and without the longest registers.
FEW = ("Haswell", "SkylakeX")
TABLES_AT_HAND = ("table:us-bea-2012-405",)


@cache
def processor() -> frozenset[str]:
    """Instructions the processor knows."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return frozenset(next(line for line in lines if line.startswith("flags")).split())


@cache
def result(core: str, without: tuple[str, ...] = (), libm: str = "") -> dict[str, object]:
    """Run the script under a core type, without some of the instructions that numpy uses."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS")
    }
    environment |= {"OPENBLAS_CORETYPE": core, "NPY_DISABLE_CPU_FEATURES": " ".join(without)}
    if libm:
        environment["GLIBC_TUNABLES"] = libm
    tables = TABLES_AT_HAND if "PLANBENCH_TABLES" in os.environ else ()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *tables],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout)
    return found


def dispatched() -> tuple[str, ...]:
    """Instructions that numpy would use here beyond the least it is built for."""
    from numpy._core import _multiarray_umath as umath

    return tuple(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name))


def differing(one: dict[str, object], other: dict[str, object]) -> dict[str, tuple[str, str]]:
    first, second = one["hashes"], other["hashes"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first.keys() == second.keys()
    return {name: (first[name], second[name]) for name in first if first[name] != second[name]}


@pytest.mark.parametrize(
    "core", few([core for core in CORE_TYPES if core != "Prescott"], FEW.__contains__)
)
def test_every_instance_has_one_hash_under_all_kernels_of_blas(core: str) -> None:
    """A product by BLAS gave us-bea-15, and all that is made of it, three hashes."""
    missing = CORE_TYPES[core] - processor()
    if missing:
        pytest.skip(f"the processor lacks {', '.join(sorted(missing))}")
    assert differing(result("Prescott"), result(core)) == {}


def test_kernels_of_blas_differ_at_all() -> None:
    """Otherwise the test above would say nothing."""
    cores = [core for core in ("Prescott", *FEW) if CORE_TYPES[core] <= processor()]
    if "openblas" not in str(np.__config__.CONFIG["Build Dependencies"]["blas"]["name"]):
        pytest.skip("numpy does not use OpenBLAS, whose core types can be chosen")
    if "Haswell" not in cores:
        pytest.skip("the processor runs old kernels only, which may add alike")
    assert len({str(result(core)["kernels"]) for core in cores}) > 1


def test_every_instance_has_one_hash_without_newer_instructions() -> None:
    """The functions of numpy and of the C library have other code for older processors."""
    everything = dispatched()
    old = result("Prescott", everything, "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F")
    assert differing(result("Prescott"), old) == {}


def test_sums_are_rounded_once() -> None:
    table = np.array([[1e16, 1.0, -1e16], [0.1, 0.2, 0.3]])
    assert row_sums(table).tolist() == [1.0, 0.6]
    assert column_sums(table.T).tolist() == [1.0, 0.6]
    assert dot(np.array([1e16, 1.0, 1e16]), np.array([1.0, 1.0, -1.0])) == 1.0


def test_equations_are_solved_as_lapack_does() -> None:
    draws = np.random.default_rng(5)
    matrix = draws.standard_normal((60, 60)) * (draws.random((60, 60)) < 0.2)
    matrix += np.fliplr(np.eye(60))
    right = draws.standard_normal((60, 4))
    expected = scipy.linalg.solve(matrix, right)
    np.testing.assert_allclose(solve(matrix, right), expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(solve(matrix, right[:, 0]), expected[:, 0], rtol=1e-9, atol=1e-11)
    assert not np.isfinite(solve(np.ones((3, 3)), np.arange(3.0))).all()
