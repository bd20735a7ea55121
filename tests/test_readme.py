"""The README's tour must work as printed: its commands run, its outputs are real."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
#: Numbers that change from run to run: times, memory, passes, versions and tiny gaps.
NUMBER = re.compile(r"\d[\d,]*(\.\d+)?(e[+-]?\d+)?\*?( ?(ms|s|µs|B|kB|MB|GB))?\b")


def _sessions() -> list[tuple[str, list[str]]]:
    """Commands of the console blocks, each with the lines shown as its output."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", README.read_text(), flags=re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip() and line.strip() != "…":
                found[-1][1].append(line)
    return found


def _shape(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).replace("*", "").split())


@pytest.mark.slow
def test_the_tour_runs_and_prints_what_the_readme_shows(tmp_path):
    """A newcomer's first five minutes are these commands."""
    sessions = _sessions()
    assert len(sessions) >= 6
    for command, shown in sessions:
        words = shlex.split(command)
        assert words[0] == "planbench"
        done = subprocess.run(
            [sys.executable, "-m", "planbench", *words[1:]],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "88", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        printed = {_shape(line) for line in done.stdout.splitlines()}
        for line in shown:
            assert _shape(line) in printed, (command, line, done.stdout)


@pytest.mark.slow
def test_the_python_examples_print_what_the_readme_shows(monkeypatch):
    """The front door's first lines are copied from here."""
    monkeypatch.chdir(README.parent)
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", README.read_text(), flags=re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "README.md", str(README), 0)
    assert len(test.examples) >= 10
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert said == []


def test_links_and_commands_of_the_readme_exist():
    """A dead link or a make target that is gone makes the first impression."""
    text = README.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (README.parent / target).exists(), target
    makefile = (README.parent / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
