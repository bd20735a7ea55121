"""What was left out is on file, and values are fit for JSON."""

import json

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.records.not_run import NotRun, not_run_path, read_not_run, write_not_run
from planbench.records.values import json_safe, short_commit


def test_the_list_says_what_is_missing_now(tmp_path):
    """A stale list would go on claiming that something was not measured."""
    results = tmp_path / "r.jsonl"
    assert read_not_run(results) == []
    entry = NotRun("quick", "ladder", "gen:goods=10", "cbc", 1, "budget of 5 s spent")
    write_not_run(results, [entry])
    assert read_not_run(results) == [entry]
    write_not_run(results, [])
    assert read_not_run(results) == []
    assert not not_run_path(results).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "not_run": [{"a": 1}]}'])
def test_a_broken_list_is_refused(tmp_path, text):
    results = tmp_path / "r.jsonl"
    not_run_path(results).write_text(text)
    with pytest.raises(InputError, match=r"r\.not-run\.json: not a list of what was not run"):
        read_not_run(results)


def test_a_newer_list_is_refused(tmp_path):
    results = tmp_path / "r.jsonl"
    not_run_path(results).write_text('{"version": 2}')
    with pytest.raises(InputError, match="version 2, this planbench reads 1"):
        read_not_run(results)


def test_values_become_json():
    value = {
        1: (np.float64(0.5), np.int32(3), np.bool_(True), float("nan")),
        "deep": {"a": [float("-inf"), None, "text", b"raw"]},
    }
    safe = json_safe(value)
    assert json.loads(json.dumps(safe, allow_nan=False)) == {
        "1": [0.5, 3, True, "nan"],
        "deep": {"a": ["-inf", None, "text", "b'raw'"]},
    }


def test_short_commits_still_say_that_they_were_changed():
    """Twelve digits that hide "-dirty" would name a commit that was not measured."""
    assert short_commit("0123456789abcdef") == "0123456789ab"
    assert short_commit("0123456789abcdef-dirty") == "0123456789ab-dirty"
    assert short_commit(None) == "unknown commit"
