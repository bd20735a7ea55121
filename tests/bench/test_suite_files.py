"""Suite files: the shipped ones are sound, bad ones are refused by field, with what is allowed."""

import re
from pathlib import Path

import pytest

from planbench.bench.suite import (
    LadderTable,
    Suite,
    list_suites,
    load_suite,
    make_suite,
    parse_memory,
)
from planbench.errors import InputError

GOOD = """
name = "mine"
budget_s = 10
time_limit_s = 1.5
instances = ["us-bea-15"]

[[ladders]]
name = "uniform"
recipe = "gen:goods={n},seed=1"
sizes = [10, 20]
"""


@pytest.fixture
def load(tmp_path):
    def read(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return load_suite(path)

    return read


def test_a_suite_is_read_with_its_defaults(load):
    suite = load(GOOD)
    assert (suite.name, suite.repeats, suite.solvers) == ("mine", 3, "available")
    assert suite.ladders[0].instance(20) == "gen:goods=20,seed=1"
    assert suite.options.to_solve_options().tolerance is None


@pytest.mark.parametrize("name", list_suites())
def test_every_shipped_suite_is_sound(name):
    """A suite that names an unknown solver or recipe would fail at the user's first command."""
    from planbench.catalogue.resolve import load_instance
    from planbench.solvers.registry import find_solver

    suite = load_suite(name)
    assert suite.name == name
    assert suite.description
    for instance in suite.instances:
        load_instance(instance)
    for ladder in suite.ladders:
        for value in ladder.steps:
            check_recipe(ladder.instance(value, *ladder.seeds[:1]))
        for solver in ladder.solvers if isinstance(ladder.solvers, list) else []:
            find_solver(solver)
    for solver in suite.solvers if isinstance(suite.solvers, list) else []:
        find_solver(solver)


def check_recipe(name):
    """Read what an instance is made from, without making it: some are large."""
    from planbench.catalogue.resolve import load_instance
    from planbench.generators.recipe import parse_inline, parse_split

    if name.startswith("gen:"):
        parse_inline(name)
    elif name.startswith("split:"):
        parse_split(name)
    else:
        load_instance(name)


def test_the_suites_that_were_promised_are_shipped_within_their_time():
    budgets = {name: load_suite(name).budget_s for name in list_suites()}
    most = {
        "smoke": 60, "quick": 300, "golden": 1800, "density": 3600, "structure": 3600,
        "resources": 3600, "accuracy": 3600, "units": 3600, "threads": 3600,
        "standard": 3600, "full": 9 * 3600, "real": 3600,
        "us-million": 3600,
    }  # fmt: skip
    assert set(budgets) >= set(most)
    assert all(budgets[name] <= most[name] for name in most)


def test_suites_are_described_where_people_look_for_them():
    """docs/suites.md must name every suite, every field and no other."""
    text = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`\[*([\w-]+)\]*`", row)}
    fields = set(Suite.model_fields) | set(LadderTable.model_fields)
    assert named == set(list_suites()) | fields


def test_the_resource_suite_goes_from_one_to_a_thousand():
    (three, _) = load_suite("resources").ladders
    assert (three.steps[0], three.steps[-1]) == (1, 1000)


def test_ladders_over_any_variable_name_their_instances(load):
    ladder = load(GOOD.replace("{n}", "9,inputs={v}").replace(
        "sizes = [10, 20]", 'values = [3, 5.5]\nvariable = "inputs"'
    )).ladders[0]  # fmt: skip
    assert [ladder.instance(v) for v in ladder.steps] == [
        "gen:goods=9,inputs=3,seed=1", "gen:goods=9,inputs=5.5,seed=1"
    ]  # fmt: skip
    assert (ladder.climbs, ladder.varies_option) == (True, False)
    words = load(GOOD.replace("{n}", "9,structure={v}").replace(
        "sizes = [10, 20]", 'values = ["uniform", "sectors"]\nvariable = "structure"'
    )).ladders[0]  # fmt: skip
    assert not words.climbs


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("budget_s = 10", "budget = 10"), "unknown field budget; did you mean budget_s?"),
        (("budget_s = 10", ""), "field budget_s is missing: seconds after which"),
        (("budget_s = 10", "budget_s = -1"), "field budget_s: .*greater than 0, got -1"),
        (("budget_s = 10", "budget_s = nan"), "field budget_s: .*finite number, got nan"),
        (("budget_s = 10", "budget_s = true"), "field budget_s: .*valid number, got True"),
        (("budget_s = 10", 'budget_s = "10"'), "field budget_s: .*valid number, got '10'"),
        (("time_limit_s = 1.5", "time_limit_s = 1\nrepeats = 0"), "field repeats: .*got 0; it is"),
        (("time_limit_s = 1.5", "time_limit_s = 1\nrepeats = 1.5"), "field repeats: .*got 1.5"),
        (('name = "mine"', 'name = ""'), "field name: "),
        (("sizes = [10, 20]", "sizes = [20, 10]"), r"field ladders\[1\]\.sizes: .*grow"),
        (("sizes = [10, 20]", "sizes = []"), r"field ladders\[1\]\.sizes: "),
        (("sizes = [10, 20]", 'sizes = ["a"]'), r"field ladders\[1\]\.sizes\[1\]: .*integer"),
        (("sizes = [10, 20]", "size = [10]"), r"unknown field ladders\[1\]\.size; did you mean"),
        (
            ("sizes = [10, 20]", "values = [1, 2]"),
            r"field ladders\[1\]\.recipe: must hold \{v\} for the value of goods",
        ),
        (
            ("sizes = [10, 20]", "sizes = [10]\nvalues = [1, 2]"),
            r"field ladders\[1\]\.sizes: give either",
        ),
        (("sizes = [10, 20]", ""), r"field ladders\[1\]\.sizes: give either sizes or values"),
        (
            ("sizes = [10, 20]", 'sizes = [10]\nvariable = "inputs"'),
            r"field ladders\[1\]\.sizes: are goods; give values for the variable inputs",
        ),
        (
            ('{n},seed=1"\nsizes = [10, 20]', '{v}"\nvariable = "inputs"\nvalues = [1]'),
            r"field ladders\[1\]\.variable: \{v\} is not at inputs= in the recipe",
        ),
        (
            ("sizes = [10, 20]", 'variable = "threads"\nvalues = [1]'),
            r"field ladders\[1\]\.recipe: must hold no braces",
        ),
        (
            ('{n},seed=1"\nsizes = [10, 20]', '9"\nvariable = "threads"\nvalues = [0.5]'),
            r"field ladders\[1\]\.values: threads are whole numbers",
        ),
        (
            (
                '{n},seed=1"\nsizes = [10, 20]',
                '9,structure={v}"\nvariable = "structure"\nvalues = ["uniform"]\nclimb = true',
            ),
            r"field ladders\[1\]\.climb: only growing numbers",
        ),
        (
            ("sizes = [10, 20]", "sizes = [10]\nseeds = [1]"),
            r"recipe: must hold \{n\} for .* and \{seed",
        ),
        (
            ('seed=1"\n', 'seed={seed}"\nseeds = [1, 1]\n'),
            r"field ladders\[1\]\.seeds: holds a value twice",
        ),
        (
            ('seed=1"\n', 'seed={seed}"\nseeds = [-1]\n'),
            r"field ladders\[1\]\.seeds\[1\]: .*greater than or equal to 0",
        ),
        (
            ("time_limit_s = 1.5", "time_limit_s = 1\ntarget_gaps = [1e-4, 1e-2]"),
            "field target_gaps: must go from loose to tight",
        ),
        (
            ("time_limit_s = 1.5", "time_limit_s = 1\ntarget_gaps = [1]"),
            r"field target_gaps\[1\]: .*valid number|field target_gaps\[1\]: .*less than 1",
        ),
        (
            (
                "time_limit_s = 1.5",
                "time_limit_s = 1\ntarget_gaps = [0.1]\noptions.tolerance = 0.1",
            ),
            "has both target_gaps and options.tolerance",
        ),
        (
            ("time_limit_s = 1.5", "time_limit_s = 1\ntarget_gap = [0.1]"),
            "unknown field target_gap; did you mean target_gaps",
        ),
        (("{n}", "100"), r"field ladders\[1\]\.recipe: must hold \{n\}"),
        (("{n}", "{n},seed={m}"), r"field ladders\[1\]\.recipe: .*no other braces"),
        (('name = "uniform"', ""), r"field ladders\[1\]\.name is missing: name of the ladder"),
        (("time_limit_s = 1.5", "time_limit_s = 1\nmemory_limit = 7"), "field memory_limit: must"),
        (
            ("time_limit_s = 1.5", 'time_limit_s = 1\nmemory_limit = "4 gigs"'),
            "field memory_limit: must be a share .* got '4 gigs'",
        ),
        (
            ("time_limit_s = 1.5", 'time_limit_s = 1\nsolvers = "al"'),
            "field solvers: .*available', got 'al'; it is available, or a list of solvers",
        ),
        (
            ("time_limit_s = 1.5", 'time_limit_s = 1\nsolvers = ["null", "null"]'),
            "field solvers: holds a value twice",
        ),
        (("time_limit_s = 1.5", "time_limit_s = 1\nsolvers = []"), "field solvers: "),
        (
            ("time_limit_s = 1.5", "time_limit_s = 1\noptions.tolerance = 2"),
            r"field options\.tolerance: .*less than 1, got 2",
        ),
        (
            ("time_limit_s = 1.5", "time_limit_s = 1\noptions.toleranz = 1"),
            r"unknown field options\.toleranz; did you mean tolerance\?",
        ),
        (("[[ladders]]", "[ladders]"), "field ladders: .*list"),
        (("budget_s = 10", "budget_s ="), r"not TOML: .*line 3"),
    ],
)
def test_errors_name_file_field_and_mend(load, change, words):
    assert change[0] in GOOD
    with pytest.raises(InputError, match=words) as caught:
        load(GOOD.replace(*change))
    assert "mine.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_suite_without_work_is_refused():
    with pytest.raises(InputError, match="x: has neither instances nor ladders"):
        make_suite({"name": "a", "budget_s": 1.0, "time_limit_s": 1.0}, "x")


def test_an_instance_is_not_both_required_and_optional(load):
    change = 'instances = ["us-bea-15"]\noptional_instances = ["us-bea-15"]'
    with pytest.raises(InputError, match="optional_instances: us-bea-15 is one of the instances"):
        load(GOOD.replace('instances = ["us-bea-15"]', change))


def test_ladders_of_one_name_are_refused(load):
    again = GOOD[GOOD.index("[[ladders]]") :]
    with pytest.raises(InputError, match="two ladders of one name"):
        load(GOOD + again)


def test_unknown_suites_and_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"unknown suite 'quik'; did you mean quick\?"):
        load_suite("quik")
    with pytest.raises(InputError, match=r"unknown suite 'zzzzzz'; known are .*quick"):
        load_suite("zzzzzz")
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        load_suite(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe4"')
    with pytest.raises(InputError, match=r"latin\.toml: is not UTF-8"):
        load_suite(tmp_path / "latin.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 90_000)
    with pytest.raises(InputError, match=r"deep\.toml: is not TOML"):
        load_suite(tmp_path / "deep.toml")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 500 << 20),
        (1, 1000 << 20),
        ("4 GiB", 4 << 30),
        ("1.5GB", 1_500_000_000),
        (2**21, 2**21),
    ],
)
def test_memory_limits_are_shares_bytes_or_text(value, expected):
    assert parse_memory(value, 1000 << 20) == expected


@pytest.mark.parametrize("value", [0, -1, 1.5, "4", "GiB", "-4 GiB", "1 KB", 2.0**70])
def test_senseless_memory_limits_are_refused(value):
    with pytest.raises(ValueError, match="must be a share"):
        parse_memory(value, 1 << 30)
