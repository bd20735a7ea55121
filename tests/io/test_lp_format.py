"""LP format: what HiGHS's reader holds is what the file says, or a line says why not."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.io.lp_file import read_lp_format

GOOD = r"""\ a comment
maximize
 profit: 3 x + 2.5 y - z + 7
subject to
 cap: x + y + x <= 4
 floor: - 3 x + 1e-10 z >= -12
 even: y - z = 0.5
bounds
 x <= 3
 -2 <= y <= 1e30
 z free
end
"""


def _write(folder: Path, text: str | bytes) -> Path:
    path = folder / "p.lp"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _refused(path: Path, *words: str, **options: Any) -> None:
    with pytest.raises(InputError) as caught:
        read_lp_format(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    for word in words:
        assert word in message, message


def test_a_program_is_held_as_it_stands(tmp_path: Path) -> None:
    lp = read_lp_format(_write(tmp_path, GOOD))
    np.testing.assert_array_equal(lp.matrix.toarray(), [[2, 1, 0], [-3, 0, 1e-10], [0, 1, -1]])
    np.testing.assert_array_equal(lp.cost, [3, 2.5, -1])
    np.testing.assert_array_equal(lp.row_lower, [-np.inf, -12, 0.5])
    np.testing.assert_array_equal(lp.row_upper, [4, np.inf, 0.5])
    np.testing.assert_array_equal(lp.col_lower, [0, -2, -np.inf])
    np.testing.assert_array_equal(lp.col_upper, [3, np.inf, np.inf])
    assert (lp.maximise, lp.offset, lp.name) == (True, 7, "p")
    assert lp.col_names == ("x", "y", "z")
    assert lp.row_names == ("cap", "floor", "even")


def test_integer_columns_need_relax(tmp_path: Path) -> None:
    path = _write(tmp_path, GOOD.replace("end\n", "general\n x\nend\n"))
    _refused(path, "integer", "--relax")
    assert read_lp_format(path, relax=True).col_upper[0] == 3


# HiGHS would keep only the last term of a variable in the objective, without a word.
BAD = [
    (GOOD.replace("+ 7", "+ 7 + x"), "'x' stands 2 times in the objective"),
    (GOOD.replace("+ 7", "+ [ x^2 ] / 2"), "quadratic"),
    (GOOD.replace("1e-10 z", "1e-13 z"), "would change it"),
    (GOOD.replace("2.5", "0x10"), "p.lp:3: hexadecimal"),
    (GOOD.replace("2.5", "nan"), "cost: entry 1 is nan"),
    (GOOD.replace("1e-10", "inf"), "p.lp"),
    (GOOD.replace("cap: x", "cap: -1 <= x"), "HiGHS cannot read it"),
    (GOOD.replace("end", ""), "HiGHS cannot read it"),
    (GOOD.replace("floor", "cap"), "'cap' stands twice"),
    (GOOD.replace("end\n", "semi-continuous\n x\nend\n"), "semicontinuous"),
    ("", "does not start with"),
    ("hello\n", "does not start with"),
    (GOOD.replace("cap", "cäp").encode("latin-1"), "p.lp:5: is not UTF-8"),
    (GOOD.encode("utf-16"), "NUL"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_would_be_read_wrongly_is_refused(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    _refused(_write(tmp_path, text), words)


def test_a_reader_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    _refused(_write(tmp_path, GOOD), "did not finish in 0.01 s", time_limit=0.01)


def test_a_reader_that_crashes_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, -signal.SIGSEGV, b"", b"")

    monkeypatch.setattr(subprocess, "run", crash)
    _refused(_write(tmp_path, GOOD), "crashed")


def test_missing_files_are_named(tmp_path: Path) -> None:
    _refused(tmp_path / "none.lp", "no such file")
    _refused(tmp_path, "folder")
    os.mkfifo(tmp_path / "pipe.lp")
    _refused(tmp_path / "pipe.lp", "regular file")
