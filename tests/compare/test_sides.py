"""What a side of a comparison means."""

from __future__ import annotations

import pytest

from planbench.comparison.sides import Package, check_use, default_solvers, parse_side
from planbench.errors import InputError
from planbench.solvers.base import SolveOptions


def test_packages_options_and_commits_are_told_apart():
    side = parse_side("HighsPy==1.13.1, git:HEAD~2, presolve=off, tolerance=1e-8, threads=2")
    assert side.packages == (Package("highspy", "highspy==1.13.1"),)
    assert side.ref == "HEAD~2"
    assert side.changes == {"presolve": "off", "tolerance": 1e-8, "threads": 2}
    assert side.is_elsewhere
    assert not parse_side("presolve=off").is_elsewhere
    assert not parse_side("here").is_elsewhere


def test_a_side_changes_only_the_options_it_names():
    common = SolveOptions(tolerance=1e-6, seed=3, native={"presolve": "on", "simplex_scale": "1"})
    own = parse_side("presolve=off,tolerance=1e-9").options(common)
    assert (own.tolerance, own.seed) == (1e-9, 3)
    assert own.native == {"presolve": "off", "simplex_scale": "1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty part"),
        ("highspy==1.1,", "empty part"),
        ("highspy==", "cannot be read"),
        ("highspy==1.13.1; rm -rf", "cannot be read"),
        ("--index-url==x", "cannot be read"),
        ("-r requirements.txt", "cannot be read"),
        ("./no-such.whl", "no file or folder"),
        ("git+https://example.org/x", "cannot be read"),
        ("https://example.org/highspy-1.16.0-py3-none-any.whl", "cannot be read"),
        ("--pre", "needs a package"),
        ("presolve=", "has no value"),
        ("highspy=1.13", "write highspy==1.13"),
        ("highspy=>1.13", "cannot be read"),
        ("highspy==1.1,highspy==1.2", "is given twice"),
        ("threads=two", "not a number"),
        ("threads=1,threads=2", "is given twice"),
        ("presolve=on,presolve=off", "is given twice"),
        ("git:", "git:REF"),
        ("git:--upload-pack=x", "git:REF"),
        ("git:--all", "git:REF"),
        ("planbench==0.1", "by its commit"),
        ("here,highspy==1.13.1", "as it is"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line_naming_the_option(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_side(text, "--a")
    assert str(caught.value).startswith("--a: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("highspy", "highspy"),
        ("highspy>=1.14,<2", "highspy<2,>=1.14"),
        ("highspy >= 1.14 , < 2", "highspy<2,>=1.14"),
        ("highspy==1.*,threads=2", "highspy==1.*"),
        ("highspy[a,b]~=1.14", "highspy[a,b]~=1.14"),
        ("highspy>=1.14; python_version > '3'", 'highspy>=1.14; python_version > "3"'),
        ("highspy @ git+https://example.org/h@v1", "highspy @ git+https://example.org/h@v1"),
    ],
)
def test_a_side_is_whatever_pip_takes(text, requirement):
    """Nightlies, forks and ranges are what people want compared, not releases alone."""
    (package,) = parse_side(text).packages
    assert package == Package("highspy", requirement)


def test_pre_releases_are_asked_for_as_with_pip():
    for text in ("highspy --pre", "--pre highspy", "highspy,--pre"):
        side = parse_side(text)
        assert side.pre
        assert side.names == {"highspy"}
    assert not parse_side("highspy").pre


def test_a_wheel_and_a_folder_are_sides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wheel = tmp_path / "Highspy-1.16.0.dev1-py3-none-any.whl"
    wheel.write_bytes(b"")
    (package,) = parse_side("./Highspy-1.16.0.dev1-py3-none-any.whl,threads=2").packages
    assert package == Package("highspy", f"highspy @ {wheel.as_uri()}")
    folder = tmp_path / "fork"
    folder.mkdir()
    with pytest.raises(InputError, match=r"write 'NAME @ ./fork'"):
        parse_side("./fork")
    (package,) = parse_side("highspy @ ./fork").packages
    assert package == Package("highspy", f"highspy @ {folder.as_uri()}")
    (folder / "pyproject.toml").write_text('[project]\nname = "HighsPy"\n')
    (package,) = parse_side("./fork").packages
    assert (package.name, package.is_direct, package.is_fixed) == ("highspy", True, False)


def test_only_one_release_of_an_index_always_means_the_same():
    """Anything else may give other files tomorrow, and must be installed anew."""
    fixed = {"highspy==1.14.0": True, "highspy==1.*": False, "highspy>=1.14": False}
    for text, expected in fixed.items():
        assert parse_side(text).packages[0].is_fixed is expected


def test_a_command_may_hold_commas():
    for text in ("cmd:./old {mps} {sol},quiet", "solver=cmd:./old {mps} {sol},quiet"):
        assert parse_side(text).solver == "cmd:./old {mps} {sol},quiet"


# -- which solvers they put to the test ------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "solvers"),
    [
        ("scipy==1.15.0", "scipy==1.16.0", ["scipy-highs-ds"]),
        ("highspy==1.14.0", "here", ["highs-ds"]),
        ("here", "PuLP>=3", ["cbc"]),
        ("ortools==9.14", "ortools==9.15", ["glop"]),
        ("highspy==1.15.1", "highspy==1.16,highspy-extras==1.16", ["highs-ds", "highs-hipo"]),
        ("presolve=on", "presolve=off", ["highs-ds"]),
        ("scipy==1.14.1,numpy==2.2.6", "scipy==1.15.3,numpy==2.2.6", ["scipy-highs-ds"]),
        ("scipy==1.15.3,presolve=on", "scipy==1.15.3,presolve=off", ["scipy-highs-ds"]),
    ],
)
def test_the_solver_follows_from_the_package_under_test(a, b, solvers):
    """highs-ds on two versions of scipy ran the same program twice and called it the same."""
    sides = parse_side(a), parse_side(b)
    assert default_solvers(sides) == solvers
    check_use(sides, solvers)


def test_a_package_that_both_sides_ask_for_alike_is_not_under_test():
    """highs-ds needs numpy, which is the same on both sides, and no scipy."""
    sides = parse_side("scipy==1.14.1,numpy==2.2.6"), parse_side("scipy==1.15.3,numpy==2.2.6")
    with pytest.raises(InputError, match="highs-ds does not use scipy"):
        check_use(sides, ["highs-ds"])


@pytest.mark.parametrize(
    ("side", "words"),
    [
        ("numpy==2.1", "highs-ds.*two-level.*; name some"),
        ("git:HEAD", "planbench itself"),
        ("higspy==1.14", "no solver uses higspy"),
    ],
)
def test_where_no_solver_follows_the_choice_is_listed(side, words):
    with pytest.raises(InputError, match=words):
        default_solvers([parse_side("here"), parse_side(side)])


@pytest.mark.parametrize(
    ("side", "solver", "could"),
    [
        ("scipy==1.15.0", "highs-ds", "scipy-highs-ds"),
        ("highspy==1.14.0", "cmd:prog {mps} {sol}", "highs-ds"),
        ("highspy==1.14.0", "scipy-highs-ds", "highs-ds"),
        ("psutil==7.0.0", "highs-ds", "no solver does"),
        ("highspy==1.14.0,solver=glop", "highs-ds", "highs-ds"),
    ],
)
def test_a_solver_that_does_not_use_the_package_is_refused(side, solver, could):
    with pytest.raises(InputError, match=r"does not use .* would run the same") as caught:
        check_use([parse_side("here"), parse_side(side)], [solver])
    assert could in str(caught.value).partition(";")[2]


def test_what_a_package_needs_counts_as_used():
    check_use([parse_side("numpy==2.1"), parse_side("here")], ["highs-ds", "glop"])
