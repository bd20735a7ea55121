"""Plan files: round trips, plans by hand, and names that are wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.io.plan_file import read_plan, write_plan
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import LpPoint, Plan


def _plan(economy: Economy) -> Plan:
    rng = np.random.default_rng(1)
    return Plan(
        x=rng.random(economy.n_activities),
        z=rng.random(economy.n_targets),
        p=rng.random(economy.n_goods),
        w=rng.random(economy.n_resources),
        v=rng.random(economy.n_activities),
    )


def _refused(path: Path, problem: Economy | LinearProgram, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_plan(path, problem)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("ending", ["npz", "csv"])
def test_a_plan_comes_back_bit_for_bit(economy: Economy, tmp_path: Path, ending: str) -> None:
    plan = _plan(economy)
    write_plan(plan, tmp_path / f"plan.{ending}", economy)
    back = read_plan(tmp_path / f"plan.{ending}", economy)
    for field in ("x", "z", "p", "w", "v"):
        np.testing.assert_array_equal(getattr(back, field), getattr(plan, field))
    bare = replace(plan, p=None, w=None, v=None)
    write_plan(bare, tmp_path / f"plan.{ending}", economy)
    back = read_plan(tmp_path / f"plan.{ending}", economy)
    assert (back.p, back.w, back.v) == (None, None, None)


@pytest.mark.parametrize("ending", ["npz", "csv"])
def test_a_point_of_a_program_comes_back_bit_for_bit(
    program: LinearProgram, tmp_path: Path, ending: str
) -> None:
    point = LpPoint(x=np.linspace(-1, 1, 7) / 3, y=np.arange(5) / 7)
    for problem in (program, replace(program, row_names=None, col_names=None)):
        write_plan(point, tmp_path / f"plan.{ending}", problem)
        back = read_plan(tmp_path / f"plan.{ending}", problem)
        np.testing.assert_array_equal(back.x, point.x)
        np.testing.assert_array_equal(back.y, point.y)


def test_a_plan_made_with_numpy_alone_is_read(economy: Economy, tmp_path: Path) -> None:
    np.savez(tmp_path / "plan.npz", x=np.array([1, 2, 3]), z=np.ones(2, dtype=np.float32))
    plan = read_plan(tmp_path / "plan.npz", economy)
    np.testing.assert_array_equal(plan.x, [1, 2, 3])
    assert plan.p is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_no_plan(economy: Economy, tmp_path: Path, value: float) -> None:
    """In residuals and bounds they would turn into nonsense, or a traceback."""
    plan = _plan(economy)
    x = np.array([value, 1.0, 1.0])
    for name in ("plan.npz", "plan.csv"):
        with pytest.raises(InputError, match="x holds NaN or infinity"):
            write_plan(replace(plan, x=x), tmp_path / name, economy)
        assert not (tmp_path / name).exists()
    np.savez(tmp_path / "plan.npz", x=x, z=plan.z)
    _refused(tmp_path / "plan.npz", economy, "'x'", f"is {value} at activity 'smelt'")
    np.savez(tmp_path / "plan.npz", x=plan.x, z=plan.z, p=np.full(economy.n_goods, value))
    _refused(tmp_path / "plan.npz", economy, "'p'", f"is {value} at good")
    (tmp_path / "plan.csv").write_text("kind,name,value\nactivity,smelt,nan\n")
    _refused(tmp_path / "plan.csv", economy, "plan.csv:2", "'nan'")


def test_a_plan_by_hand_lists_only_what_is_not_zero(economy: Economy, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("kind;name;value\nactivity;smelt;2.5\nTarget;home;1\n")
    plan = read_plan(path, economy)
    np.testing.assert_array_equal(plan.x, [2.5, 0, 0])
    np.testing.assert_array_equal(plan.z, [1, 0])
    assert (plan.p, plan.w, plan.v) == (None, None, None)
    path.write_text('kind,name,value\nactivity,smelt,2.5\ngood,"iron, cast",1\n')
    plan = read_plan(path, economy)
    assert plan.p is not None
    assert plan.w is not None
    np.testing.assert_array_equal(plan.p, [1, 0])
    np.testing.assert_array_equal(plan.w, [0, 0])


def test_names_with_their_kind_in_front_are_read(economy: Economy, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("name,value\nactivity:grow_new,2\nresource:land,0.5\n")
    plan = read_plan(path, economy)
    np.testing.assert_array_equal(plan.x, [0, 0, 2])
    assert plan.w is not None
    np.testing.assert_array_equal(plan.w, [0, 0.5])


def test_columns_of_a_program_need_no_kind(program: LinearProgram, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("name,value\na,2\ng,0.5\n")
    point = read_plan(path, program)
    np.testing.assert_array_equal(point.x, [2, 0, 0, 0, 0, 0, 0.5])
    assert point.y is None
    path.write_text("name,value\nC0000001,2\nc1,3\n")
    point = read_plan(path, replace(program, col_names=None))
    np.testing.assert_array_equal(point.x, [2, 3, 0, 0, 0, 0, 0])


BAD = [
    ("kind,name,value\nactivity,smelter,1\n", ("plan.csv:2", "'smelter'", "nearest 'smelt'")),
    ("kind,name,value\nactivty,smelt,1\n", ("plan.csv:2", "'activty'", "nearest 'activity'")),
    ("name,value\nsmelt,1\n", ("plan.csv:2", "unknown kind 'smelt'")),
    ("kind,name,value\nactivity,smelt,\n", ("plan.csv:2", "'value'", "empty")),
    ("kind,name,value\nactivity,smelt,lots\n", ("plan.csv:2", "'lots'")),
    (
        "kind,name,value\nactivity,smelt,1\ntarget,home,1\nactivity,smelt,1\n",
        ("plan.csv:4", "'smelt' occurs a second time"),
    ),
    ("name\nsmelt\n", ("plan.csv:1", "no column 'value'")),
    ("", ("plan.csv:1", "empty")),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_a_fault_is_named_with_its_line(
    economy: Economy, tmp_path: Path, content: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "plan.csv").write_text(content)
    _refused(tmp_path / "plan.csv", economy, *words)


def test_a_repetition_of_a_zero_is_found(economy: Economy, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("kind,name,value\nactivity,smelt,0\nactivity,smelt,1\n")
    _refused(tmp_path / "plan.csv", economy, "plan.csv:3", "second time")


def test_a_plan_for_another_instance_is_refused(economy: Economy, tmp_path: Path) -> None:
    path = tmp_path / "plan.npz"
    write_plan(_plan(economy), path, economy)
    other = replace(economy, endowment=economy.endowment + 1)
    _refused(path, other, "another instance")
    np.savez(path, x=np.zeros(9), z=np.zeros(2))
    _refused(path, economy, "'x'", "9 entries", "needs 3")
    np.savez(path, x=np.zeros(3))
    _refused(path, economy, "'z'", "missing")
    np.savez(path, x=np.zeros(3), z=np.zeros(2), q=np.zeros(1))
    _refused(path, economy, "'q'")
    np.savez(path, x=np.array(["a", "b", "c"]), z=np.zeros(2))
    _refused(path, economy, "'x'")


def test_a_plan_file_needs_a_known_ending(economy: Economy, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.npz or \.csv"):
        write_plan(_plan(economy), tmp_path / "plan.xlsx", economy)
    _refused(tmp_path / "none.npz", economy, "no such file")
    _refused(tmp_path, economy, "folder")
