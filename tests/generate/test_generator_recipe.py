"""Recipes: what people type is understood, and what is wrong is named."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planbench.errors import InputError
from planbench.generators import (
    GeneratorRecipe,
    estimate_bytes,
    generate,
    make_recipe,
    parse_inline,
    read_toml_recipe,
)
from planbench.generators.recipe import finished_bytes, parse_law


@pytest.mark.parametrize(
    ("text", "goods", "mean"),
    [
        ("10", 1000, 10.0),
        ("log", 1000, math.log(1000)),
        ("2*log", 1000, 2 * math.log(1000)),
        ("2·log n", 1000, 2 * math.log(1000)),
        ("1.5*n^0.3", 1000, 1.5 * 1000**0.3),
        ("n^0.5", 400, 20.0),
        ("density:0.01", 1000, 10.0),
        ("1e2", 1000, 100.0),
        ("10", 5, 4.0),
    ],
)
def test_law_gives_its_mean_number_of_inputs(text: str, goods: int, mean: float) -> None:
    law = parse_law(text)
    assert law.mean(goods) == pytest.approx(mean, abs=1e-3)
    assert parse_law(law.text) == law


@pytest.mark.parametrize(
    "text", ["", "ten", "-3", "0", "log log", "n^2", "density:1.5", "2*", "1e999", "n^", "3*n"]
)
def test_law_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^recipe: inputs: "):
        make_recipe({"goods": 100, "inputs": text})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("inputs=3", "goods: is missing"),
        ("goods", "name=value"),
        ("goods=", "name=value"),
        ("goods=10,goods=20", "twice"),
        ("goods=1", "goods:"),
        ("goods=1e12", "goods:"),
        ("goods=ten", "goods:"),
        ("goods=10.5", "goods:"),
        ("goods=10,goodz=1", "did you mean goods"),
        ("goods=10,zzz=1", "known are goods, inputs"),
        ("goods=10,structure=powerlow", "uniform, powerlaw, sectors, layered"),
        ("goods=10,structure=powerlow", "did you mean 'powerlaw'"),
        ("goods=10,band=5", "structure=layered"),
        ("goods=10,structure=layered,within=.5", "structure=sectors"),
        ("goods=100,structure=sectors,sectors=50", "use at most 5"),
        ("goods=100,structure=layered,band=3", "use at least 21"),
        ("goods=10,resources_per_activity=most", "all, half or a number"),
        ("goods=10,resources_per_activity=0", "all, half or a number"),
        ("goods=10,tightness=0", "tightness:"),
        ("goods=10,tightness=nan", "tightness:"),
        ("goods=10,byproducts=1.5", "byproducts:"),
        ("goods=10,column_sum=1", "column_sum:"),
        ("goods=10,targets=11", "at most one per good"),
        ("goods=10,planted=perhaps", "planted:"),
        ("goods=10,seed=-1", "seed:"),
    ],
)
def test_bad_recipe_is_one_line_naming_field_and_mend(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_inline(text)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message


@given(st.text(alphabet="goodsinputlaye=,0123456789.e-+^*:_ \n\x00é", max_size=60))
def test_no_text_escapes_as_another_error(text: str) -> None:
    try:
        outcome = str(parse_inline(text).canonical())
    except InputError as error:
        outcome = str(error)
    assert outcome
    assert "\n" not in outcome


def test_whole_numbers_may_be_written_short() -> None:
    for text in ("goods=1e6", "goods=1000000", "goods=1_000_000", "gen:goods=1E+6"):
        assert parse_inline(text).goods == 10**6


def test_left_out_knobs_of_the_structure_do_not_change_the_text() -> None:
    short = parse_inline("goods=1000,structure=layered")
    spelt = parse_inline("backflow=.08,goods=1e3,structure=layered,band=40,inputs=10.0")
    assert short == spelt
    assert short.canonical() == spelt.canonical()


RECIPES = (
    "goods=40,inputs=2*log,structure=powerlaw,exponent=1.7,seed=3",
    "goods=40,inputs=3,structure=sectors,sectors=4,within=.75,targets=2,final_share=.5",
    "goods=40,inputs=3,resources_per_activity=3,planted=true,unit_spread=2,byproducts=.25",
)


@pytest.mark.parametrize("text", RECIPES)
def test_recipe_survives_text_dict_and_economy(text: str, tmp_path: Path) -> None:
    recipe = parse_inline(text)
    assert parse_inline(recipe.canonical()) == recipe
    assert make_recipe(recipe.to_dict()) == recipe
    assert generate(recipe).recipe.items() >= recipe.to_dict().items()
    lines = [f"{k} = {_toml(v)}" for k, v in recipe.to_dict().items()]
    (tmp_path / "economy.toml").write_text("\n".join(lines))
    assert read_toml_recipe(tmp_path / "economy.toml") == recipe


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"goods = ", "is not "),
        (b"\xff\xfe", "is not "),
        (b"goods = 10\ninput = 3", "did you mean inputs"),
        (b"goods = [1]", "goods:"),
        (b"goods = 10\ninputs = true", "inputs:"),
        (b"[goods]\na = 1", "goods:"),
        (b"goods = 10\nseed = 1979-05-27", "seed:"),
    ],
)
def test_bad_recipe_file_names_file_and_field(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_toml_recipe(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_missing_recipe_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_toml_recipe(tmp_path / "none.toml")


def test_economy_that_cannot_fit_is_refused_before_allocating() -> None:
    with pytest.raises(InputError, match=r"needs about .* of memory and .* are available"):
        generate(parse_inline("goods=2e9,inputs=1000"))
    with pytest.raises(InputError, match="use fewer goods or inputs"):
        generate(parse_inline("goods=2e9,inputs=1000,planted=true"))


@pytest.mark.parametrize("text", [*RECIPES, "goods=3000", "goods=300,inputs=density:0.5"])
def test_finished_bytes_are_those_of_the_arrays(text: str) -> None:
    recipe = parse_inline(text)
    economy = generate(recipe)
    assert finished_bytes(recipe) == pytest.approx(economy.nbytes, rel=0.1)
    assert estimate_bytes(recipe) > economy.nbytes


def test_recipe_cannot_be_changed() -> None:
    recipe = GeneratorRecipe(goods=10)
    with pytest.raises(ValueError, match="frozen"):
        recipe.goods = 11  # type: ignore[misc]
