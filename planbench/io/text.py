"""Text files, plain or compressed, read in pieces: memory follows what is kept, not the file."""

from __future__ import annotations

import bz2
import difflib
import gzip
import importlib
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from planbench.errors import InputError
from planbench.io.files import (
    MEMORY_SHARE,
    available_bytes,
    human_bytes,
    os_error_as_input,
    regular_file_size,
    require_memory,
)

#: Bounds and right-hand sides of at least this size are infinite, as in most solvers.
INFINITY = 1e20
#: What a message about integer columns ends with.
RELAX_HINT = "planbench solves linear programs; relax it (--relax) to drop the integrality"
#: Endings of compressed files that are read.
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
#: A file that unpacks to more than `_FLOOR` bytes and to more than this many times its size is
#: refused. Linear programs shrink 3- to 70-fold, an identity padded with blanks 163-fold (xz).
MOST_UNPACKED = 300
_FLOOR = 1 << 26

_CHUNK = 1 << 20
_DECIMAL = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eEdD][+-]?\d++)?", re.ASCII)
_INFINITE = re.compile(r"([+-]?)(?:inf(?:inity)?|1\.#inf)", re.ASCII | re.IGNORECASE)
_D_TO_E = str.maketrans("dD", "ee")
#: First bytes of what cannot be read, and what to do about it.
_FOREIGN = {
    b"PK\x03\x04": "is a zip archive; unpack it and give the file inside",
    b"7z\xbc\xaf": "is a 7z archive; unpack it and give the file inside",
    b"\x1f\x9d": "is compressed by 'compress'; unpack it with 'uncompress' or pack it with gzip",
}


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
    return b"".join(_pieces(path, what, growth))


def read_lines(
    path: Path, what: str, *, growth: float, longest: float = float("inf")
) -> Iterator[str]:
    """Yield the lines of a text file in UTF-8, without their ends, and hold one piece at a time.

    Parameters
    ----------
    path, what, growth
        As in :func:`read_bytes`.
    longest : float
        Bytes that a line may have.

    Raises
    ------
    InputError
        As :func:`read_bytes`; and when a line is too long or is not UTF-8.
    """
    done, held = 0, 0
    unfinished: list[bytes] = []

    def decoded(block: bytes) -> str:
        try:
            return block.decode()
        except UnicodeDecodeError as error:
            line = done + block.count(b"\n", 0, error.start) + 1
            raise InputError(
                "is not UTF-8 text; save it in UTF-8", where=f"{path}:{line}"
            ) from None

    for piece in _pieces(path, what, growth):
        cut = piece.rfind(b"\n") + 1
        if cut:
            lines = decoded(b"".join([*unfinished, piece[: cut - 1]])).split("\n")
            yield from lines
            done += len(lines)
            unfinished, held = [], 0
        unfinished.append(piece[cut:])
        held += len(piece) - cut
        if held > longest:
            raise InputError(
                f"a line has more than {human_bytes(longest)}; this is not {what}",
                where=f"{path}:{done + 1}",
            )
    if held:
        yield decoded(b"".join(unfinished))


def _pieces(path: Path, what: str, growth: float) -> Iterator[bytes]:
    """Yield the unpacked content in pieces, line ends made alike, sizes watched."""
    size = regular_file_size(path, what)
    kind = ""
    broken: type[Exception] = OSError
    try:
        with path.open("rb") as stream:
            kind, source, broken = _unpacked(path, stream)
            if not kind:
                require_memory(growth * size, str(path), f"reading {what} of {human_bytes(size)}")
            most = MEMORY_SHARE * available_bytes() / growth if kind else float("inf")
            done, held = 0, b""
            while piece := source.read(_CHUNK):
                done += len(piece)
                if kind:
                    _watch(path, done, stream.tell(), most)
                if b"\0" in piece:
                    raise InputError(
                        f"is not {what}: it holds NUL bytes; save it as plain text in UTF-8",
                        where=str(path),
                    )
                if done == len(piece):
                    piece = piece.removeprefix(b"\xef\xbb\xbf")
                if held or b"\r" in piece:
                    piece = held + piece
                    # A line may end in \r\n, of which the second half is in the next piece.
                    held = b"\r" if piece.endswith(b"\r") else b""
                    piece = piece.removesuffix(b"\r")
                    piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                yield piece
            if held:
                yield b"\n"
    except (OSError, EOFError, broken) as error:
        if kind and getattr(error, "errno", None) is None:
            raise InputError(
                f"is a damaged {kind} file ({error}); compress or download it again",
                where=str(path),
            ) from None
        raise os_error_as_input(error, path, f"read {what}") from None


def _unpacked(path: Path, stream: BinaryIO) -> tuple[str, BinaryIO, type[Exception]]:
    """Recognise compression by its first bytes: its name, the content, what damage raises."""
    head = stream.read(6)
    stream.seek(0)
    for first, advice in _FOREIGN.items():
        if head.startswith(first):
            raise InputError(advice, where=str(path))
    if head.startswith(b"\x1f\x8b"):
        return "gzip", cast(BinaryIO, gzip.GzipFile(fileobj=stream)), zlib.error
    if head.startswith(b"BZh"):
        return "bzip2", cast(BinaryIO, bz2.BZ2File(stream)), OSError
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz", cast(BinaryIO, lzma.LZMAFile(stream)), lzma.LZMAError
    if not head.startswith(b"\x28\xb5\x2f\xfd"):
        return "", stream, OSError
    # In the standard library from Python 3.14 on.
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return "zstd", module.ZstdFile(stream), module.ZstdError
    raise InputError(
        "is compressed by Zstandard, which needs Python 3.14 or pip install 'planbench[zstd]'; "
        "or unpack it with 'zstd -d'",
        where=str(path),
    )


def _watch(path: Path, done: int, packed: int, most: float) -> None:
    """Stop what unpacks to far more than a model would, or to more than memory can hold."""
    if done > _FLOOR and done > MOST_UNPACKED * packed:
        raise InputError(
            f"unpacks to more than {MOST_UNPACKED} times its size ({human_bytes(done)} from "
            f"{human_bytes(packed)} so far), as no model does; if it is one, unpack it first",
            where=str(path),
        )
    if done > most:
        raise InputError(
            f"unpacks to more than {human_bytes(most)} of text, too much for the memory "
            "available; use a smaller instance or a larger machine",
            where=str(path),
        )


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
    word = _INFINITE.fullmatch(text) if infinite else None
    if word:
        return float(f"{word[1]}inf")
    if not _DECIMAL.fullmatch(text):
        comma = " (a point, no comma)" if "," in text else ""
        raise InputError(
            f"{shown(text)} is not a decimal number; write one such as 12.5 or 1e-3{comma}"
        )
    value = float(text.translate(_D_TO_E))
    if infinite and abs(value) >= INFINITY:
        return float("inf") if value > 0 else float("-inf")
    if abs(value) == float("inf"):
        raise InputError(f"{shown(text)} is not a finite number; correct it")
    if value == 0 and reads_as_zero(text.translate(_D_TO_E)):
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


def shown(token: bytes | str) -> str:
    """`token` as it may appear in a one-line message: printable, at most 40 characters."""
    text = token.decode("utf-8", "replace") if isinstance(token, bytes) else token
    text = text if len(text) <= 40 else text[:39] + "…"
    return repr(text) if text.isprintable() else ascii(text)


def reads_as_zero(text: str) -> bool:
    """Whether the decimal number `text` is not zero, but too small for double precision."""
    return any(digit in "123456789" for digit in text.lower().split("e")[0])
