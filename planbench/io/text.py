"""Text files, plain or compressed, read line by line: memory follows what is kept, not the file.

TOML (recipes, suites, the description of a table) is read whole, up to a size.
"""

from __future__ import annotations

import bz2
import difflib
import gzip
import importlib
import io
import lzma
import re
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import planbench.formatting as fmt
from planbench.errors import InputError
from planbench.io.files import (
    MEMORY_SHARE,
    available_bytes,
    os_error_as_input,
    regular_file_size,
    require_memory,
    require_plausible,
)

#: Bounds and right-hand sides of at least this size are infinite, as in most solvers.
INFINITY = 1e20
#: What a message about integer columns ends with.
RELAX_HINT = "planbench solves linear programs; relax it (--relax) to drop the integrality"
#: Endings of compressed files that are read.
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")

_DECIMAL = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eEdD][+-]?\d++)?", re.ASCII)
_INFINITE = re.compile(r"([+-]?)(?:inf(?:inity)?|1\.#inf)", re.ASCII | re.IGNORECASE)
_D_TO_E = str.maketrans("dD", "ee")
_UNDECODED = re.compile("[\ud800-\udfff]")
#: First bytes of compressed files: name, opener, and what damage raises.
_PACKED: dict[bytes, tuple[str, Any, type[Exception]]] = {
    b"\x1f\x8b": ("gzip", gzip.open, zlib.error),
    b"BZh": ("bzip2", bz2.open, OSError),
    b"\xfd7zXZ\0": ("xz", lzma.open, lzma.LZMAError),
}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


def read_bytes(path: Path, what: str, *, growth: float) -> bytes:
    r"""Return the content of a text file, lines ended by ``\n``, without a byte-order mark.

    Parameters
    ----------
    path : Path
    what : str
        What is expected, e.g. ``"an MPS file"``; for messages.
    growth : float
        Bytes of memory that parsing needs for each byte of text.

    Raises
    ------
    InputError
        When it cannot be read, is not text, is damaged, unpacks to far more than it is, or
        could not be parsed in the memory available.
    """
    with _opened(path, what, growth) as stream:
        data = stream.read().removeprefix(b"\xef\xbb\xbf")
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def read_lines(path: Path, what: str, *, growth: float, longest: int = -1) -> Iterator[str]:
    r"""Yield the lines of a text file in UTF-8, ended by ``\n`` (but perhaps the last).

    Parameters
    ----------
    path, what, growth
        As in :func:`read_bytes`.
    longest : int
        Characters that a line may have; −1 for any number.

    Raises
    ------
    InputError
        As :func:`read_bytes`; and when a line is too long or is not UTF-8.
    """
    with _opened(path, what, growth) as stream:
        # What is not UTF-8 becomes surrogates, so that its line is known.
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape")
        for number, line in enumerate(iter(partial(text.readline, longest), ""), 1):
            if len(line) == longest:
                raise InputError(
                    f"a line has more than {fmt.size_bytes(longest)}; this is not {what}",
                    where=f"{path}:{number}",
                )
            if not line.isascii() and _UNDECODED.search(line):
                raise InputError("is not UTF-8 text; save it in UTF-8", where=f"{path}:{number}")
            yield line


@contextmanager
def _opened(path: Path, what: str, growth: float) -> Iterator[BinaryIO]:
    """Open a file, unpacked; errors of the system and of damaged files become one line."""
    size = regular_file_size(path, what)
    require_memory(growth * size, str(path), f"reading {what} of {fmt.large_bytes(size)}")
    packed, damage = "", cast(type[Exception], OSError)
    try:
        with path.open("rb") as file:
            packed, source, damage = _unpacked(path, file)
            yield cast(BinaryIO, _Watched(path, what, file, source, growth))
    except (OSError, EOFError, damage) as error:
        if packed and getattr(error, "errno", None) is None:
            raise InputError(
                f"is a damaged {packed} file ({error}); compress or download it again",
                where=str(path),
            ) from None
        raise os_error_as_input(error, path, f"read {what}") from None


def _unpacked(path: Path, file: BinaryIO) -> tuple[str, IO[bytes], type[Exception]]:
    """Recognise compression by its first bytes: its name, the content, what damage raises."""
    head = file.read(6)
    file.seek(0)
    for first, (name, opener, damage) in _PACKED.items():
        if head.startswith(first):
            return name, opener(file), damage
    if not head.startswith(_ZSTANDARD):
        return "", file, OSError
    # In the standard library from Python 3.14 on.
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return "zstd", module.ZstdFile(file), module.ZstdError
    raise InputError(
        "is compressed by Zstandard, which needs Python 3.14 or pip install 'planbench[zstd]'; "
        "or unpack it with 'zstd -d'",
        where=str(path),
    )


class _Watched(io.RawIOBase):
    """The unpacked content; stops where it is no text or unpacks to more than it may."""

    def __init__(
        self, path: Path, what: str, file: BinaryIO, source: IO[bytes], growth: float
    ) -> None:
        self.path, self.what, self.file, self.source = path, what, file, source
        self.most = MEMORY_SHARE * available_bytes() / growth
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.source.read(len(buffer))
        if b"\0" in piece:
            raise InputError(
                f"is not {self.what}: it holds NUL bytes; save it as plain text in UTF-8, and "
                "unpack archives",
                where=str(self.path),
            )
        self.done += len(piece)
        require_plausible(self.done, self.file.tell(), str(self.path))
        if self.done > self.most:
            raise InputError(
                f"unpacks to more than {fmt.large_bytes(self.most)} of text, too much for the "
                "memory available; use a smaller instance or a larger machine",
                where=str(self.path),
            )
        buffer[: len(piece)] = piece
        return len(piece)


def decimal(text: str, *, infinite: bool = False) -> float:
    """Convert a decimal number exactly; the exponent may be written with D, as Fortran does.

    Parameters
    ----------
    text : str
    infinite : bool
        Accept the words inf and infinity, and take values of at least 1e20 for infinite.

    Raises
    ------
    InputError
        When it is no number, is too large, or so small that it would be read as zero.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    # Python also reads 1_0 and nan; what is large, zero or odd is checked again.
    if 0 < abs(value) < INFINITY and "_" not in text and text.isascii():
        return value
    word = _INFINITE.fullmatch(text) if infinite else None
    if word:
        return float(f"{word[1]}inf")
    if not _DECIMAL.fullmatch(text):
        comma = " (a point, no comma)" if "," in text else ""
        raise InputError(
            f"{shown(text)} is not a decimal number; write one such as 12.5 or 1e-3{comma}"
        )
    text_e = text.translate(_D_TO_E)
    value = float(text_e)
    if infinite and abs(value) >= INFINITY:
        return float("inf") if value > 0 else float("-inf")
    if abs(value) == float("inf"):
        raise InputError(f"{shown(text)} is not a finite number; correct it")
    if value == 0 and any(digit in "123456789" for digit in text_e.lower().split("e")[0]):
        raise InputError(
            f"{shown(text)} is too small for double precision; rescale the row or column"
        )
    return value


def stem(path: Path) -> str:
    """Name of `path` without the ending of its format and that of its compression."""
    inner = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return inner.stem or path.name


def nearest(name: str, known: Iterable[str]) -> str:
    """``, nearest 'x'`` for the known name closest to `name`, or nothing.

    Looks at no more than 20,000 names of about the same length, as it is quadratic.
    """
    near = [k for k in known if abs(len(k) - len(name)) <= 3][:20_000]
    folded = {k.casefold(): k for k in reversed(near)}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f", nearest {folded[found[0]]!r}" if found else ""


def known_names(name: str, known: Iterable[str]) -> str:
    """``did you mean x?``, or all the names where none is close to `name`."""
    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"


def shown(text: str) -> str:
    """`text` as it may appear in a one-line message: printable, at most 40 characters."""
    text = text if len(text) <= 40 else text[:39] + "…"
    return repr(text) if text.isprintable() else ascii(text)


#: Bytes of the largest file that is read; the largest that we know has 10,000.
LARGEST_TOML = 100_000
#: Dots in a line at most. tomllib's memory grows with the square of a dotted key's parts: a key
#: of 100,000 bytes takes 9 GB.
_MOST_DOTS = 1000


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
    what : str
        What is expected, e.g. ``"a suite"``; for messages.

    Raises
    ------
    InputError
        When it cannot be read, is not TOML, or is larger or deeper than any such file.
    """
    size = regular_file_size(path, what)
    if size > LARGEST_TOML:
        raise InputError(f"has {size} bytes, too many for {what}", where=str(path))
    try:
        text = path.read_bytes().decode()
        dots = max(line.count(".") for line in text.split("\n"))
        if dots > _MOST_DOTS:
            raise InputError(f"has a line of {dots:,} dots, too many for {what}", where=str(path))
        found = tomllib.loads(text)
        if _holds_long_number(found):
            raise ValueError("digits")
    except OSError as error:
        raise os_error_as_input(error, path, f"read {what}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text: {error.reason}", where=str(path)) from None
    except RecursionError:
        raise InputError("is not TOML: nested too deeply", where=str(path)) from None
    except ValueError as error:
        # As int() says of its limit on digits, of which tomllib makes no error of its own.
        said = "a whole number beyond 64 bits" if "digits" in str(error) else error
        raise InputError(f"is not TOML: {said}", where=str(path)) from None
    return found


def _holds_long_number(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_long_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63
