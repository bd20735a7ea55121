"""Names that no file can have, wherever a command takes one: one line, never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from planbench.cli.main import run

ROWS = Path(__file__).parents[1] / "records" / "data" / "version-1.jsonl"
NAMES = {
    "empty": "",
    "root": "/",
    "too long": "x" * 300,
    "loop": "loop",
    "in a loop": "loop/x",
    "too long a folder": "x" * 300 + "/x",
}
#: ``@`` is the name; with an ending where the command asks for one.
COMMANDS = (
    "report {rows} -o @",
    "report @",
    "report {rows} --figures @/x",
    "history @",
    "history . -o @",
    "export {rows} -o @.csv",
    "export leontief-3 -o @",
    "export leontief-3 -o @.npz",
    "export @.jsonl -o x.csv",
    "solve leontief-3 -o @.csv",
    "solve leontief-3 --log @",
    "verify leontief-3 @",
    "info @",
    "info @.mps",
    "bench @",
    "bench @.toml",
    "bench smoke --out @.jsonl",
    "study replan gen:goods=10 --out @",
    "scaling @",
    "regress @ {rows}",
    "regress {rows} @",
    "generate --goods 10 -o @",
    "generate @.toml --goods 10 -o x.npz",
    "import @ -o x.npz",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_no_file_can_have_is_one_line(
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    (tmp_path / "r.jsonl").write_bytes(ROWS.read_bytes())
    before = sorted(tmp_path.iterdir())
    for kind, name in NAMES.items():
        if name in ("", "/") and re.search(r"@[./]|(info|history|regress.*) @$", command):
            continue  # ".csv" and "/x" are names; "" is this folder, which history reads
        if kind == "loop" and "@." in command:
            continue  # another file
        words = [w.replace("@", name).format(rows="r.jsonl") for w in command.split()]
        code = run(words)
        said = capsys.readouterr()
        assert code == 2, (kind, command, said)
        assert said.err.startswith("error: "), (kind, command)
        assert said.err.count("\n") == 1, (kind, command)
        assert "Traceback" not in said.err
        left = {path.name for path in tmp_path.iterdir()} - {path.name for path in before}
        # The report itself was written before its figures failed.
        assert left <= ({"r.html"} if "--figures" in command else set()), (kind, command)
