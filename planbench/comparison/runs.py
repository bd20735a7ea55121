"""Reading a side of a comparison: results files of bench, or benchmarks of planbench itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from planbench.errors import InputError
from planbench.io.files import replacing
from planbench.records.schema import Record
from planbench.records.self_results import looks_like_benchmarks, read_benchmarks
from planbench.records.store import read_records, to_line


def read_side(path: Path) -> list[Record]:
    """Read all measurements of a results file, or of every ``.jsonl`` file in a folder.

    A ``.json`` file is one of pytest-benchmark or pyperf, as ``make bench-self`` writes them.

    Raises
    ------
    InputError
        When there is nothing to read, a row is not a record of this planbench or an older one,
        or the last line was torn; names file and line.
    """
    if looks_like_benchmarks(path) and not path.is_dir():
        return read_benchmarks(path)
    files = results_files(path)
    records = [record for file in files for record in _read_whole(file)]
    if not records:
        raise InputError("holds no measurements; run `planbench bench` first", where=str(path))
    return records


def results_files(path: Path, *, deep: bool = False) -> list[Path]:
    """List the results files that `path` stands for.

    Parameters
    ----------
    path : Path
    deep : bool
        Also of the folders within.

    Raises
    ------
    InputError
        When a folder has none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.jsonl") if deep else path.glob("*.jsonl"))
    if not files:
        raise InputError("has no results files (*.jsonl)", where=str(path))
    return files


def check_two_sides(baseline: Path, candidate: Path) -> None:
    """Refuse to compare a file with itself.

    Raises
    ------
    InputError
    """
    shared = {_identity(p) for p in _existing(baseline)} & {
        _identity(p) for p in _existing(candidate)
    }
    if shared:
        raise InputError(
            "is on both sides; give the results of another run as CANDIDATE", where=str(candidate)
        )


def write_baseline(records: Iterable[Record], path: Path) -> None:
    """Replace the file `path` by `records`, whole or not at all.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    with replacing(path, make_folder=True) as file:
        file.writelines(map(to_line, records))


def _existing(path: Path) -> list[Path]:
    return results_files(path) if path.exists() else []


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _read_whole(path: Path) -> list[Record]:
    records = read_records(path)
    if _is_torn(path, len(records)):
        raise InputError(
            "the last line is torn: the run that wrote it was cut off; run `planbench bench` on it "
            "again, which carries on",
            where=str(path),
        )
    return records


def _is_torn(path: Path, whole: int) -> bool:
    """Whether more lines stand in the file than could be read."""
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip()) > whole
