"""Reproducibility: the committed hashes hold, and nothing rests on numpy's distributions."""

import json
from pathlib import Path

import numpy as np
import pytest
from generator_manifest import find_differences, main, manifest_path, read_manifest

from planbench.errors import InputError
from planbench.generators import GeneratorRecipe, generate, parse_inline
from planbench.generators.draws import (
    Purpose,
    choose,
    exponential,
    lognormal,
    normal,
    raw,
    round24,
    round_bits,
    stream,
)
from planbench.model.products import backward, forward


@pytest.mark.parametrize("recipe", list(read_manifest()))
def test_economy_has_the_committed_hash(recipe: str) -> None:
    assert generate(parse_inline(recipe)).sha256 == read_manifest()[recipe]


def test_manifest_covers_every_knob_in_canonical_text() -> None:
    recipes = [parse_inline(text) for text in read_manifest()]
    assert len(recipes) >= 12
    assert [recipe.canonical() for recipe in recipes] == list(read_manifest())
    for knob in GeneratorRecipe.model_fields:
        assert len({getattr(recipe, knob) for recipe in recipes}) > 1, knob


def test_difference_from_the_manifest_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"recipes": {"goods=10,seed=0": "0" * 64}}))
    assert len(find_differences(path)) == 1
    monkeypatch.setattr("generator_manifest.manifest_path", lambda: path)
    assert main([]) == 1
    assert "the manifest has 000" in capsys.readouterr().out
    assert main(["--write"]) == 0
    assert (
        read_manifest(path)["goods=10,seed=0"] == read_manifest(manifest_path())["goods=10,seed=0"]
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"recipes": {"goods=10": 3}}'])
def test_bad_manifest_is_an_input_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(InputError, match=r"m\.json"):
        read_manifest(tmp_path / "m.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "none.json")


def test_raw_integers_are_those_of_pcg64() -> None:
    """Numpy keeps these; if it ever did not, this says why every hash changed."""
    found = raw(stream(1, Purpose.INPUTS, 2), 3)
    assert found.tolist() == PCG64_DRAWS
    assert raw(stream(1, Purpose.INPUTS, 3), 1)[0] not in found
    assert raw(stream(1, Purpose.DEGREES, 2), 1)[0] not in found


PCG64_DRAWS = [14209277758590105216, 11946870311477615266, 5383270180966957369]


def test_tables_follow_their_distributions() -> None:
    bits = raw(stream(3, Purpose.DEMAND), 200_000)
    z = normal(bits, 3.0)
    assert abs(z.mean()) < 0.01
    assert z.std() == pytest.approx(0.986, abs=0.01)
    assert abs(z).max() <= 3.0
    waits = exponential(bits)
    assert waits.mean() == pytest.approx(1.0, abs=0.01)
    assert np.median(waits) == pytest.approx(np.log(2), abs=0.01)
    assert (waits >= 0).all()
    assert np.log(lognormal(bits, 0.2, 2.0)).std() == pytest.approx(0.2 * 0.88, rel=0.02)


def test_choosing_takes_exactly_the_count_asked_for() -> None:
    bits = raw(stream(5, Purpose.DEMAND), 1000)
    for count in (0, 1, 500, 999, 1000):
        assert choose(bits, count).sum() == count


def test_rounding_keeps_the_bits_asked_for() -> None:
    values = np.array([1.0 + 2**-30, 3.3, 1e-7 / 3, 0.0])
    assert (round24(values) == values.astype(np.float32)).all()
    rounded = round_bits(values, 12)
    assert abs(rounded - values).max() <= 2**-12 * 3.3
    assert (round_bits(rounded * (1 + 1e-15), 12) == rounded).all()


def test_fixed_order_products_are_products() -> None:
    economy = generate(parse_inline("goods=300,structure=powerlaw"))
    x, y = np.linspace(0, 1, 600), np.linspace(1, 2, 300)
    np.testing.assert_allclose(forward(economy.inputs, x), economy.inputs @ x, rtol=1e-13)
    np.testing.assert_allclose(backward(economy.inputs, y), economy.inputs.T @ y, rtol=1e-13)


@pytest.mark.slow
def test_a_million_goods_keep_their_hash_and_canonical_arrays() -> None:
    economy = generate(parse_inline("goods=1e6,inputs=4,techniques=1,resources=2,seed=1"))
    assert economy.inputs.indices.dtype == np.int32
    assert economy.inputs.has_sorted_indices
    assert economy.sha256 == MILLION


MILLION = "c6341c8daa9e59bd17b700ad325ef33103a6d055ca01c5296c4404eda662b0f7"
