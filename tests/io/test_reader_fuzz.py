"""Readers under mutation: a damaged file gives a valid object or one line, never anything else.

Each test damages a valid file at random (bytes, tokens, lines, ends) and reads it. The short
run is part of every test run; the long one of `make test-full`.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.full import full_param

from planbench.errors import InputError
from planbench.io import csv_folder, mps, npz, plan_file
from planbench.io.lp_file import read_lp_format
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan

Mutation = Callable[[bytes], bytes]

#: What is put in place of a token: numbers at the edge, words that mean something, oddities.
TOKENS = (
    b"nan inf -inf 1e999 1e-999 1e30 -1e30 0x1p3 1_0 1,5 -0.0 1e308 5e-324 99999999999999999999 "
    b"N G L E UP LO FX FR MI PL BV LI UI SC RHS BOUNDS RANGES COLUMNS ROWS ENDATA MAX OBJSENSE "
    b"'MARKER' 'INTORG' 'INTEND' good activity amount target iron smelt a b cap COST \" ; , : "
    b'\xc3\xa4 \xff \x00 \x1b[31m \xe2\x88\x9e {} [] [[[[ "\\ud800" null -1 0 1'
).split(b" ")


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """One to four damages, each a place (as a share of the file) and what is done there."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["flip", "cut", "drop", "insert", "token", "line", "double", "swap"]
                ),
                st.floats(0, 1, exclude_max=True),
                st.floats(0, 1, exclude_max=True),
                st.integers(0, 255),
                st.sampled_from(TOKENS),
            ),
            min_size=1,
            max_size=4,
        )
    )

    def apply(data: bytes) -> bytes:
        for kind, here, there, byte, token in steps:
            data = _damage(data, kind, here, there, byte, token)
        return data

    return apply


def _damage(data: bytes, kind: str, here: float, there: float, byte: int, token: bytes) -> bytes:
    at = int(here * len(data))
    if kind == "flip":
        return data[:at] + bytes([byte]) + data[at + 1 :]
    if kind == "cut":
        return data[:at]
    if kind == "drop":
        return data[:at] + data[at + 1 + int(there * 20) :]
    if kind == "insert":
        return data[:at] + token + data[at:]
    lines = data.split(b"\n")
    i, j = int(here * len(lines)), int(there * len(lines))
    if kind == "token":
        words = lines[i].replace(b",", b" ").split(b" ")
        k = int(there * len(words))
        separator = b"," if b"," in lines[i] else b" "
        lines[i] = separator.join([*words[:k], token, *words[k + 1 :]])
    elif kind == "line":
        del lines[i]
    elif kind == "double":
        lines.insert(j, lines[i])
    else:
        lines[i], lines[j] = lines[j], lines[i]
    return b"\n".join(lines)


def _survives(read: Callable[[Path], object], path: Path) -> None:
    """Read `path`; nothing but an object or one line that names the file may come of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(path)
        except InputError as error:
            message = str(error)
            assert "\n" not in message
            assert str(path) in message
            assert len(message) < 1000


def _check(data: bytes, mutate: Mutation, read: Callable[[Path], object], path: Path) -> None:
    path.write_bytes(mutate(data))
    _survives(read, path)


def _runs(short: int) -> settings:
    many = int(os.environ.get("PLANBENCH_FUZZ", "1"))
    return settings(
        max_examples=short * many,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(params=[full_param(8, id="long"), pytest.param(1, id="short")][::-1])
def times(request: pytest.FixtureRequest) -> int:
    """How many times the short run."""
    return int(request.param)


def _fuzz(times: int, data: bytes, read: Callable[[Path], object], path: Path, short: int) -> None:
    @_runs(short * times)
    @given(mutate=mutations())
    def run(mutate: Mutation) -> None:
        _check(data, mutate, read, path)

    run()


def test_npz_of_an_economy(times: int, economy: Economy, tmp_path: Path) -> None:
    npz.save_npz(economy, tmp_path / "e.npz")
    data = (tmp_path / "e.npz").read_bytes()
    _fuzz(times, data, npz.load_any, tmp_path / "m.npz", 150)


def test_npz_of_a_program(times: int, program: LinearProgram, tmp_path: Path) -> None:
    npz.save_npz(program, tmp_path / "p.npz", compress=True)
    data = (tmp_path / "p.npz").read_bytes()
    _fuzz(times, data, npz.load_any, tmp_path / "m.npz", 100)


@pytest.mark.parametrize("relax", [False, True])
def test_free_mps(times: int, relax: bool, program: LinearProgram, tmp_path: Path) -> None:
    mps.write_mps(program, tmp_path / "p.mps")
    data = (tmp_path / "p.mps").read_bytes()
    _fuzz(times, data, lambda path: mps.read_mps(path, relax=relax), tmp_path / "m.mps", 200)


FIXED = b"""\
NAME          WITH BLANKS
ROWS
 N  MY COST
 G  THE ROW
 E  EVEN
COLUMNS
    MARK      'MARKER'                 'INTORG'
    IRON ORE  MY COST            1.5   THE ROW            2.0
    MARK      'MARKER'                 'INTEND'
    CORN      THE ROW            1.0   EVEN               2.5
RHS
    RHS       THE ROW            3.0   MY COST            1.0
RANGES
    RNG       EVEN              -3.0
BOUNDS
 UP BND       IRON ORE           4.0
 MI BND       CORN
ENDATA
"""


def test_fixed_mps(times: int, tmp_path: Path) -> None:
    _fuzz(times, FIXED, lambda path: mps.read_mps(path, relax=True), tmp_path / "m.mps", 200)


def test_gzipped_mps(times: int, program: LinearProgram, tmp_path: Path) -> None:
    mps.write_mps(program, tmp_path / "p.mps.gz")
    data = (tmp_path / "p.mps.gz").read_bytes()
    _fuzz(times, data, mps.read_mps, tmp_path / "m.mps.gz", 50)


@pytest.mark.parametrize(
    "name",
    ["goods", "activities", "inputs", "outputs", "resources", "targets", "assortment", "economy"],
)
def test_csv_folder(times: int, name: str, economy: Economy, tmp_path: Path) -> None:
    folder = tmp_path / "e"
    csv_folder.save_economy(economy, folder)
    file = folder / f"{name}.csv"

    def read(path: Path) -> object:
        try:
            return csv_folder.load_economy(folder)
        except InputError as error:
            # The fault may show in another file of the folder than the damaged one.
            if str(folder) not in str(error):
                raise AssertionError(f"names no file: {error}") from None
            raise InputError(f"{path}: {error}") from None

    _fuzz(times, file.read_bytes(), read, file, 40)


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_plan_of_an_economy(times: int, ending: str, economy: Economy, tmp_path: Path) -> None:
    plan = Plan(
        x=economy.inputs.sum(axis=0),
        z=economy.weights,
        p=economy.fixed_demand,
        w=economy.endowment,
    )
    path = tmp_path / f"plan.{ending}"
    plan_file.write_plan(plan, path, economy)
    _fuzz(times, path.read_bytes(), lambda p: plan_file.read_plan(p, economy), path, 100)


def test_point_of_a_program(times: int, program: LinearProgram, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("kind,name,value\n,a,1\ncolumn,b,2.5\nrow,cap,1e-3\n")
    _fuzz(times, path.read_bytes(), lambda p: plan_file.read_plan(p, program), path, 100)


def test_lp_format(times: int, tmp_path: Path) -> None:
    data = (
        b"max\n obj: 3 x[1] + 2.5 y - z + 7\nst\n c1: x[1] + y <= 4\n c2: 1 <= - 3 x[1] + z <= 9\n"
        b" x[1] - 1 >= 2 y\nbounds\n x[1] <= 3\n -2 <= y <= 5\n z free\ngeneral\n x[1]\nend\n"
    )
    _fuzz(times, data, lambda p: read_lp_format(p, relax=True), tmp_path / "m.lp", 200)


@st.composite
def array_changes(draw: st.DrawFn) -> Callable[[dict[str, npt.NDArray[Any]]], None]:
    """Draw a change to one array of an archive, which is then stored with a right CRC."""
    which, where = draw(st.integers(0, 1000)), draw(st.floats(0, 1, exclude_max=True))
    kind = draw(st.sampled_from(["value", "shorten", "lengthen", "type", "empty", "drop", "text"]))
    value = draw(
        st.one_of(
            st.sampled_from([-1, 0, 1, 2, 3, 2**31 - 1, -(2**31), 255]),
            st.floats(width=64),
            st.integers(-5, 5),
        )
    )
    dtype = draw(st.sampled_from(["<i4", "<i8", "<f4", "<f8", ">f8", "|u1", "|b1", "<c16", "<U3"]))

    def apply(arrays: dict[str, npt.NDArray[Any]]) -> None:
        name = sorted(arrays)[which % len(arrays)]
        array = arrays[name].copy()
        if kind == "value" and array.size:
            with contextlib.suppress(OverflowError, ValueError):
                array[int(where * array.size)] = value
        elif kind == "shorten":
            array = array[: int(where * array.size)]
        elif kind == "lengthen":
            array = np.concatenate([array, array[:1]])
        elif kind == "type":
            with (
                np.errstate(all="ignore"),
                warnings.catch_warnings(),
                contextlib.suppress(OverflowError, ValueError),
            ):
                warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
                array = array.astype(dtype)
        elif kind == "empty":
            array = array[:0]
        elif kind == "text":
            token = TOKENS[which % len(TOKENS)]
            array = np.frombuffer(b'["' + token + b'"]', dtype=np.uint8)
        arrays[name] = array
        if kind == "drop":
            del arrays[name]

    return apply


@pytest.mark.parametrize("kind", ["economy", "program"])
def test_npz_with_altered_arrays(
    times: int, kind: str, economy: Economy, program: LinearProgram, tmp_path: Path
) -> None:
    good, path = tmp_path / "good.npz", tmp_path / "m.npz"
    if kind == "economy":
        npz.save_npz(economy, good)
    else:
        npz.save_npz(program, good)
    with np.load(good, allow_pickle=False) as archive:
        arrays = dict(archive)

    @_runs(100 * times)
    @given(changes=st.lists(array_changes(), min_size=1, max_size=3))
    def run(changes: list[Callable[[dict[str, npt.NDArray[Any]]], None]]) -> None:
        altered = dict(arrays)
        for change in changes:
            change(altered)
        np.savez(path, **altered)
        _survives(npz.load_any, path)

    run()
