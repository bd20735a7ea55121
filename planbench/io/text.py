"""Reading whole text files, plain or gzipped, with their size weighed first."""

from __future__ import annotations

import difflib
import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

from planbench.errors import InputError
from planbench.io.files import (
    MEMORY_SHARE,
    available_bytes,
    human_bytes,
    os_error_as_input,
    regular_file_size,
    require_memory,
)

_CHUNK = 1 << 22


def read_bytes(path: Path, what: str, *, growth: float) -> bytes:
    r"""Return the content of a text file, lines ended by ``\n``, without a byte-order mark.

    A gzipped file is recognised by its first bytes, whatever its name.

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
        When it cannot be read, is not text, is a damaged gzip file, or could not be parsed in
        the memory available.
    """
    size = regular_file_size(path, what)
    try:
        with path.open("rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            if zipped:
                data = _unzip(path, stream, growth)
            else:
                require_memory(growth * size, str(path), f"reading {what} of {human_bytes(size)}")
                data = stream.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"is a damaged gzip file ({error}); compress or download it again", where=str(path)
        ) from None
    except OSError as error:
        raise os_error_as_input(error, path, f"read {what}") from None
    if b"\0" in data:
        raise InputError(
            f"is not {what}: it holds NUL bytes; save it as plain text in UTF-8", where=str(path)
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def _unzip(path: Path, stream: object, growth: float) -> bytes:
    most = int(MEMORY_SHARE * available_bytes() / growth)
    out = bytearray()
    with gzip.GzipFile(fileobj=stream, mode="rb") as unzipped:  # type: ignore[call-overload]
        while piece := unzipped.read(_CHUNK):
            out += piece
            if len(out) > most:
                raise InputError(
                    f"unpacks to more than {human_bytes(most)} of text, too much for the memory "
                    "available; use a smaller instance or a larger machine",
                    where=str(path),
                )
    return bytes(out)


def nearest(name: str, known: Iterable[str]) -> str:
    """``, nearest 'x'`` for the known name closest to `name`, or nothing.

    Looks at no more than 20,000 names of about the same length, as it is quadratic.
    """
    near = [k for k in known if abs(len(k) - len(name)) <= 3][:20_000]
    folded = {k.casefold(): k for k in reversed(near)}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f", nearest {folded[found[0]]!r}" if found else ""


def shown(token: bytes | str) -> str:
    """`token` as it can stand in a one-line message: printable, at most 40 characters."""
    text = token.decode("utf-8", "replace") if isinstance(token, bytes) else token
    text = text if len(text) <= 40 else text[:39] + "…"
    return repr(text) if text.isprintable() else ascii(text)


def reads_as_zero(text: str) -> bool:
    """Whether the decimal number `text` is not zero, but too small for double precision."""
    return any(digit in "123456789" for digit in text.lower().split("e")[0])
