"""Official sources of published tables, and downloads from them into a cache folder.

Files are written to a temporary folder and moved to their place when all is complete, so that a
download that broke off is never taken for a table. ``source.json`` in the same folder says where
they came from, when, under which terms, and their SHA-256.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import io
import json
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.io.files import cache_folder, instances_folder, os_error_as_input, write_text
from planbench.io.text import nearest, read_toml
from planbench.tables.arrays import require_pymrio

#: Seconds to wait for a source to answer, and for each further piece.
TIMEOUT_S = 20.0
PROVENANCE = "source.json"


@dataclass(frozen=True)
class Fetched:
    """Tables on this machine.

    Attributes
    ----------
    source : Source
    folder : Path
    files : tuple of Path
    already_there : bool
        Nothing was downloaded.
    """

    source: Source
    folder: Path
    files: tuple[Path, ...]
    already_there: bool


def fetch_table(
    name: str, *, year: int | None = None, folder: Path | None = None, fresh: bool = False
) -> Fetched:
    """Download a source's tables, unless they are there already.

    Parameters
    ----------
    name : str
        See :data:`SOURCES`.
    year : int, optional
        Asked for by sources with a download for each year.
    folder : Path, optional
        Where to; a folder of its own under :func:`cache_folder` if missing.
    fresh : bool
        Download again.

    Raises
    ------
    InputError
        When the name or year is unknown, the source wants a person, or cannot be reached: one
        line that says where to get it by hand.
    """
    source = find_source(name)
    if source.how == "by hand":
        raise InputError(
            f"cannot be downloaded by a program, as {source.reason}: get it from "
            f"{source.homepage}, then {source.command('FOLDER')}",
            where=name,
        )
    year = _checked_year(source, year)
    place = folder or cache_folder() / "tables" / (f"{name}-{year}" if year is not None else name)
    if not fresh and _noted(place):
        return Fetched(source, place, _noted(place), True)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise os_error_as_input(error, place, "create this folder") from None
    try:
        _download(source, year, partial)
        _write_provenance(source, year, partial)
        _move(partial, place)
    except OSError as error:
        raise os_error_as_input(error, place, "write to this folder") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Fetched(source, place, _noted(place), False)


def _checked_year(source: Source, year: int | None) -> int | None:
    if source.years is None:
        if year is not None:
            raise InputError("has all years in one download; leave --year out", where=source.name)
        return None
    first, last = source.years
    if year is None or not first <= year <= last:
        said = "has one download for each year" if year is None else f"has no year {year}"
        raise InputError(f"{said}; give --year {first} to {last}", where=source.name)
    return year


def _download(source: Source, year: int | None, folder: Path) -> None:
    """Download into `folder`; whatever goes wrong on the way is one line."""
    try:
        if source.how == "files":
            _download_files(source, folder)
        else:
            _download_by_pymrio(source, year, folder)
    except InputError:
        raise
    # Between here and the publisher everything can fail, each part with errors of its own.
    except Exception as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _by_hand(source, f"the download failed ({line[:200]})") from None
    if not _files(folder):
        raise _by_hand(source, "the source answered, but offers no such table")


def _by_hand(source: Source, what: str) -> InputError:
    return InputError(
        f"{what}; get it by hand from {source.homepage}, then {source.command('FOLDER')}",
        where=source.name,
    )


def _download_files(source: Source, folder: Path) -> None:
    """Download files, and unpack archives. Publishers revise files under the same address."""
    for address in source.files:
        target = folder / Path(urllib.parse.unquote(urllib.parse.urlsplit(address).path)).name
        request = urllib.request.Request(address, headers={"User-Agent": "planbench"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            # Reading it whole raises where the connection breaks off.
            target.write_bytes(response.read())
        if target.suffix == ".zip":
            shutil.unpack_archive(target, folder)


def _download_by_pymrio(source: Source, year: int | None, folder: Path) -> None:
    pymrio = require_pymrio()
    calls: dict[str, Any] = {
        "wiod-2013": lambda: pymrio.download_wiod2013(folder, years=[year], satellite_urls=[]),
        "exiobase3": lambda: pymrio.download_exiobase3(folder, years=[year], system="ixi"),
        "oecd-icio": lambda: pymrio.download_oecd(folder, version="v2023", years=[year]),
    }
    quiet = contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), quiet, _limited_requests():
        warnings.simplefilter("ignore")
        calls[source.name]()


@contextlib.contextmanager
def _limited_requests() -> Iterator[None]:
    """Let requests stop waiting: pymrio sets it no time limit, and it heeds none of sockets."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def limited(self: Any, request: Any, **more: Any) -> Any:
        return send(self, request, **{**more, "timeout": more.get("timeout") or TIMEOUT_S})

    HTTPAdapter.send = limited  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]


def _files(folder: Path) -> tuple[Path, ...]:
    """Tables in a folder: what is neither our note nor pymrio's log."""
    notes = (PROVENANCE, "download_log.json")
    return tuple(sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in notes))


def _move(partial: Path, place: Path) -> None:
    """Move what was downloaded to its place, the note last; other files there stay."""
    moving = [p for p in partial.rglob("*") if p.is_file() and p.name != PROVENANCE]
    for path in [*moving, partial / PROVENANCE]:
        target = place / path.relative_to(partial)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def _noted(folder: Path) -> tuple[Path, ...]:
    """Files that the note in a folder lists, if all of them are there; else none."""
    try:
        noted = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))["sha256"]
        files = tuple(folder / name for name in noted)
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return files if all(path.is_file() for path in files) else ()


def _write_provenance(source: Source, year: int | None, folder: Path) -> None:
    def sha256(path: Path) -> str:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    document = {
        "source": source.name,
        "title": source.title,
        "homepage": source.homepage,
        "licence": source.licence,
        "year": year,
        "files": list(source.files),
        "fetched": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sha256": {str(p.relative_to(folder)): sha256(p) for p in _files(folder)},
    }
    write_text(folder / PROVENANCE, json.dumps(document, indent=2) + "\n")


@dataclass(frozen=True)
class Source:
    """An official source of tables.

    Attributes
    ----------
    name : str
    title : str
    homepage : str
        Where a person finds it, and what is tried first.
    licence : str
    how : {"pymrio", "files", "by hand"}
        Downloaded by pymrio, from `files`, or by a person only.
    size : str
        Of one download, roughly.
    import_with : str
        What ``planbench import`` is given, with ``{folder}`` for the folder of the download.
    years : tuple of int or None
        First and last year of a source with one download for each year.
    files : tuple of str
        Addresses of the downloads; archives are unpacked.
    reason : str
        Why only by hand.
    """

    name: str
    title: str
    homepage: str
    licence: str
    how: str
    size: str
    import_with: str
    years: tuple[int, int] | None = None
    files: tuple[str, ...] = ()
    reason: str = ""

    def command(self, folder: str) -> str:
        """Command line that imports a download in `folder`."""
        return f"planbench import {self.import_with.format(folder=folder)} -o economy.npz"


def _shipped_sources() -> tuple[Source, ...]:
    listed = read_toml(instances_folder() / "tables" / "sources.toml", "a list of sources")
    sources: list[dict[str, Any]] = listed["source"]
    for source in sources:
        source |= {key: tuple(v) for key, v in source.items() if isinstance(v, list)}
    return tuple(Source(**source) for source in sources)


SOURCES = _shipped_sources()


def find_source(name: str) -> Source:
    """Return the source of that name.

    Raises
    ------
    InputError
        With the nearest name.
    """
    known = {source.name: source for source in SOURCES}
    if name not in known:
        raise InputError(
            f"no source {name!r}{nearest(name, known)}; choose from {', '.join(known)}",
            where="fetch",
        )
    return known[name]
