"""CPLEX ``.lp`` files, read by HiGHS in a process of its own.

A hostile file may crash or stall the reader, so it never runs in this process; what it hands
back is checked against what is known to go wrong: HiGHS keeps only the last of several terms
of one variable in the objective, drops tiny coefficients, and takes quadratic terms.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.io.files import MEMORY_SHARE, available_bytes
from planbench.io.npz import load_lp, save_lp
from planbench.io.text import read_bytes, shown
from planbench.measure.scratch import scratch_folder
from planbench.model.linear_program import LinearProgram, make_linear_program

_WHAT = "an .lp file"
#: Bytes of memory for a byte of text: the reader keeps every term as an object.
_GROWTH = 30.0
_MEND = (
    "correct it (no ranges such as -1 <= x + y <= 3 and no variables on the right: "
    "write two rows) or convert it to MPS"
)
_QUADRATIC = "the objective is quadratic, and planbench solves linear programs; drop the terms"
_COMMENT = re.compile(r"\\\*.*?\*\\|\\[^\n]*", re.DOTALL)
_OBJECTIVE = re.compile(
    r"\s*(?:max|maximum|maximi[sz]e|min|minimum|minimi[sz]e)\b(.*?)"
    r"(?:\bsubject\s+to\b|\bsuch\s+that\b|\bst\b|\bs\.\s*t\.|\bbounds?\b|\bend\b|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TERM = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|(?P<name>[^\s\d.+\-*^<>=:\[\]/][^\s+\-*^<>=:\[\]]*)",
    re.IGNORECASE,
)
_HEX = re.compile(r"(?<![\w.])0x[0-9a-f]", re.IGNORECASE)


def read_lp_format(
    path: str | os.PathLike[str], relax: bool = False, *, time_limit: float = 300.0
) -> LinearProgram:
    """Read a linear program in CPLEX LP format (``.lp``, plain or gzipped).

    The default lower bound 0 stays in force beside a negative upper bound, as the format has
    it. Repeated terms of one variable in a row are added up.

    Parameters
    ----------
    path : path-like
    relax : bool
        Drop integrality instead of refusing integer columns.
    time_limit : float
        Seconds the reader may take.

    Raises
    ------
    InputError
        When the file is not a linear program that HiGHS reads without changing it, or the
        reader crashes or takes too long.
    """
    path = Path(path)
    data = read_bytes(path, _WHAT, growth=_GROWTH)
    _check_text(path, data)
    with scratch_folder() as folder:
        model, out = Path(folder, "model.lp"), Path(folder, "model.npz")
        model.write_bytes(data)
        command = [sys.executable, "-m", __name__, str(model), str(out)]
        try:
            done = subprocess.run(
                [*command, "relax"] if relax else command,
                capture_output=True,
                timeout=time_limit,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"the reader did not finish in {time_limit:g} s; convert the file to MPS",
                where=str(path),
            ) from None
        if done.returncode == 2:
            raise InputError(done.stderr.decode("utf-8", "replace"), where=str(path))
        if done.returncode != 0:
            raise InputError(
                f"the reader crashed (exit status {done.returncode}); convert the file to MPS",
                where=str(path),
            )
        name = path.name.removesuffix(".gz").removesuffix(".lp")
        return dataclasses.replace(load_lp(out), name=name)


def _check_text(path: Path, data: bytes) -> None:
    """Refuse what HiGHS's reader would take for something else without a word."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8 text; save it in UTF-8", where=f"{path}:{line}") from None
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    if found := _HEX.search(text):
        raise InputError(
            "hexadecimal number; write it in decimals",
            where=f"{path}:{text.count(chr(10), 0, found.start()) + 1}",
        )
    objective = _OBJECTIVE.match(text)
    if objective is None:
        raise InputError("does not start with 'maximize' or 'minimize'; add it", where=str(path))
    terms = objective[1].rpartition(":")[2]
    if "[" in terms:
        raise InputError(_QUADRATIC, where=str(path))
    names = collections.Counter(
        match["name"] for match in _TERM.finditer(terms) if match["name"] is not None
    )
    for name, count in names.most_common(1):
        if count > 1:
            raise InputError(
                f"{shown(name)} stands {count} times in the objective, and HiGHS's reader would "
                "keep one of the terms; add them up",
                where=str(path),
            )


def _read_with_highs(model: Path, relax: bool) -> LinearProgram:
    """Read `model` in this process; run in a child only."""
    import highspy

    _limit_memory()
    log = model.with_suffix(".log")
    log.touch()
    highs = highspy.Highs()
    for option, value in (
        ("log_to_console", False),
        ("log_file", str(log)),
        # The least that HiGHS allows; it drops smaller coefficients.
        ("small_matrix_value", 1e-12),
        ("large_matrix_value", np.inf),
    ):
        if highs.setOptionValue(option, value) != highspy.HighsStatus.kOk:
            raise InputError(f"this highspy does not take the option {option}; update highspy")
    status = highs.readModel(str(model))
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    if status == highspy.HighsStatus.kError:
        said = [line.replace(str(model), "").strip() for line in lines if "ERROR" in line]
        raise InputError(f"HiGHS cannot read it ({'; '.join(said)[:200]}); {_MEND}")
    for line in lines:
        harmless = "inconsistent bounds" in line or "summed to" in line or "repeated var" in line
        if line.startswith("WARNING") and not harmless:
            raise InputError(f"HiGHS would change it ({line[:200]}); {_MEND}")
    whole = highs.getModel()
    if whole.hessian_.dim_:
        raise InputError(_QUADRATIC)
    return _from_highs(whole.lp_, relax)


def _from_highs(held: Any, relax: bool) -> LinearProgram:
    import highspy
    import scipy.sparse as sp

    kinds = set(held.integrality_)
    types = highspy.HighsVarType
    if kinds & {types.kSemiContinuous, types.kSemiInteger}:
        raise InputError("semicontinuous columns are not linear; give them bounds instead")
    if not relax and types.kInteger in kinds:
        raise InputError(
            "integer columns; planbench solves linear programs; relax it (--relax) to drop the "
            "integrality"
        )
    matrix = held.a_matrix_
    if matrix.format_ != highspy.MatrixFormat.kColwise:
        raise InputError("HiGHS holds the matrix by rows, which it should not; convert to MPS")
    built = sp.csc_array(
        (np.array(matrix.value_), np.array(matrix.index_), np.array(matrix.start_)),
        shape=(held.num_row_, held.num_col_),
    )
    return make_linear_program(
        matrix=built,
        cost=np.array(held.col_cost_),
        row_lower=np.array(held.row_lower_),
        row_upper=np.array(held.row_upper_),
        col_lower=np.array(held.col_lower_),
        col_upper=np.array(held.col_upper_),
        maximise=held.sense_ == highspy.ObjSense.kMaximize,
        offset=held.offset_,
        row_names=list(held.row_names_) or None,
        col_names=list(held.col_names_) or None,
    )


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    import psutil

    used = int(psutil.Process().memory_info().vms)
    limit = used + int(MEMORY_SHARE * available_bytes())
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _main(arguments: list[str]) -> int:
    try:
        lp = _read_with_highs(Path(arguments[0]), relax="relax" in arguments[2:])
        save_lp(lp, arguments[1])
    except InputError as error:
        print(error, file=sys.stderr, end="")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
