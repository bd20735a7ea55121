"""What a side of a comparison means."""

from __future__ import annotations

import pytest

from planbench.bench.sides import parse_side
from planbench.errors import InputError
from planbench.solvers.base import SolveOptions


def test_packages_options_and_commits_are_told_apart():
    side = parse_side("HighsPy==1.13.1, git:HEAD~2, presolve=off, tolerance=1e-8, threads=2")
    assert side.packages == (("highspy", "1.13.1"),)
    assert side.ref == "HEAD~2"
    assert side.native == (("presolve", "off"),)
    assert (side.tolerance, side.threads) == (1e-8, 2)
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
        ("highspy>=1.13", "cannot be read"),
        ("highspy", "cannot be read"),
        ("highspy==", "not PACKAGE==VERSION"),
        ("highspy==1.13.1; rm -rf", "not PACKAGE==VERSION"),
        ("--index-url==x", "not PACKAGE==VERSION"),
        ("highspy==1.1,highspy==1.2", "stands twice"),
        ("threads=two", "not a number"),
        ("threads=1,threads=2", "stands twice"),
        ("presolve=on,presolve=off", "stands twice"),
        ("git:", "git:REF"),
        ("git:--upload-pack=x", "git:REF"),
        ("git:--all", "hyphen"),
        ("planbench==0.1", "by its commit"),
        ("here,highspy==1.13.1", "as it is"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line_naming_the_option(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_side(text, "--a")
    assert str(caught.value).startswith("--a: ")
    assert "\n" not in str(caught.value)
