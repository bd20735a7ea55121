"""The lines of an MPS file: sections, and tokens of data lines in free or fixed form.

Tokens are found with NumPy a few megabytes at a time; no line is looked at by itself unless
it is at fault (fixed form, which needs the column of every character, goes line by line).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.text import reads_as_zero, shown

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Tokens = npt.NDArray[np.object_]

#: Bounds and right-hand sides of at least this size are infinite, as in most solvers.
INFINITY = 1e20

_BLOCK = 1 << 22
_SPACE = np.zeros(256, dtype=np.bool_)
_SPACE[list(b" \t\n\r\v\f")] = True
_NUMERIC = b"0123456789eE.+-"
_INFINITE = frozenset(
    sign + word for sign in (b"", b"+", b"-") for word in (b"inf", b"infinity", b"1.#inf")
)
_KNOWN = frozenset(
    (b"NAME", b"OBJSENSE", b"ROWS", b"COLUMNS", b"RHS", b"RANGES", b"BOUNDS", b"ENDATA")
)
_SENSES = frozenset((b"MAX", b"MAXIMIZE", b"MAXIMISE", b"MIN", b"MINIMIZE", b"MINIMISE"))


@dataclass(frozen=True)
class Section:
    """A section: its header line (numbered from 1) and where its data lines lie."""

    name: str
    argument: str
    line: int
    begin: int
    end: int


@dataclass(frozen=True)
class Block:
    """Tokens of consecutive data lines; blank lines are left out.

    Attributes
    ----------
    tokens : ndarray of bytes objects
        All tokens, flat.
    first, counts : ndarray of int
        Position of each line's first token, and how many it has.
    lines : ndarray of int
        Line numbers in the file, from 1.
    """

    tokens: Tokens
    first: Ints
    counts: Ints
    lines: Ints

    def texts(self, positions: Ints) -> list[bytes]:
        """Tokens at `positions`."""
        out: list[bytes] = self.tokens[positions].tolist()
        return out


Layout = Callable[[bytes, Section], Iterator[Block]]


def at(path: Path, line: int) -> str:
    """``file:line``, to start a message with."""
    return f"{path}:{line}"


def find_sections(path: Path, data: bytes) -> dict[str, Section]:
    """Find the sections of `data` up to ENDATA.

    Raises
    ------
    InputError
        On an unknown or repeated section, data before the first one, or a missing ENDATA.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(raw == 10)
    if not data.endswith(b"\n"):
        ends = np.append(ends, raw.size)
    starts = np.concatenate([[0], ends[:-1] + 1])
    filled = np.flatnonzero(ends > starts)
    first = raw[starts[filled]]
    headers = filled[~_SPACE[first] & (first != ord("*"))]
    out: dict[str, Section] = {}
    previous: Section | None = None
    for header in headers.tolist():
        words = data[starts[header] : ends[header]].split(None, 1)
        name = words[0].upper()
        begin = int(ends[header]) + 1
        if previous is not None and previous.name == "OBJSENSE" and name in _SENSES:
            # Some writers put the sense at the very start of its own line.
            begin = int(starts[header])
            previous = _close(path, data, out, previous, end=begin)
            out["OBJSENSE"] = Section("OBJSENSE", name.decode(), previous.line, begin, begin)
            previous = None
            continue
        if previous is not None:
            _close(path, data, out, previous, end=int(starts[header]))
        if name not in _KNOWN:
            raise InputError(
                f"unknown section {shown(words[0])}; a linear program has "
                "NAME, OBJSENSE, ROWS, COLUMNS, RHS, RANGES, BOUNDS and ENDATA "
                "(data lines start with a blank)",
                where=at(path, header + 1),
            )
        if name.decode() in out:
            raise InputError(
                f"a second {name.decode()} section; join the two", where=at(path, header + 1)
            )
        argument = words[1].strip().decode("utf-8", "replace") if len(words) > 1 else ""
        previous = Section(name.decode(), argument, header + 1, begin, begin)
        out[previous.name] = previous
        if name == b"ENDATA":
            return out
    raise InputError(
        "there is no ENDATA line: the file is cut short, or not an MPS file; get it again",
        where=at(path, max(1, int(ends.size))),
    )


def _close(
    path: Path, data: bytes, out: dict[str, Section], section: Section, *, end: int
) -> Section:
    done = Section(section.name, section.argument, section.line, section.begin, end)
    if done.name == "NAME" and data[done.begin : done.end].strip():
        body = next(free_form(data, done))
        raise InputError("data before any section; delete it", where=at(path, int(body.lines[0])))
    out[done.name] = done
    return done


def free_form(data: bytes, section: Section) -> Iterator[Block]:
    """Yield the tokens of `section`, separated by blanks."""
    begin, line = section.begin, section.line + 1
    while begin < section.end:
        stop = min(section.end, begin + _BLOCK)
        if stop < section.end:
            stop = data.find(b"\n", stop - 1, section.end) + 1 or section.end
        chunk = data[begin:stop]
        raw = np.frombuffer(chunk, dtype=np.uint8)
        breaks = np.flatnonzero(raw == 10)
        space = _SPACE[raw]
        starts = ~space
        starts[1:] &= space[:-1]
        per_line = np.bincount(
            np.searchsorted(breaks, np.flatnonzero(starts)), minlength=breaks.size + 1
        )
        if raw[0] == ord("*") or b"\n*" in chunk:
            heads = np.concatenate([[0], breaks + 1])
            heads = heads[heads < raw.size]
            comment = np.flatnonzero(raw[heads] == ord("*"))
            keep = np.repeat(_without(per_line.size, comment), per_line)
            tokens = _objects(chunk.split())[keep]
            per_line[comment] = 0
        else:
            tokens = _objects(chunk.split())
        filled = np.flatnonzero(per_line)
        if filled.size:
            counts = per_line[filled]
            yield Block(tokens, np.cumsum(counts) - counts, counts, filled + line)
        begin, line = stop, line + int(breaks.size)


def fixed_form(data: bytes, section: Section) -> Iterator[Block]:
    """Yield the fields of `section` by their columns; names may hold blanks.

    Fields stand in columns 2-3, 5-12, 15-22, 25-36, 40-47 and 50-61. A line that has
    anything between them is not in fixed form and yields a line of no tokens.
    """
    fields = ((1, 3), (4, 12), (14, 22), (24, 36), (39, 47), (49, 61))
    gaps = ((0, 1), (3, 4), (12, 14), (22, 24), (36, 39), (47, 49), (61, None))
    tokens: list[bytes] = []
    counts: list[int] = []
    lines: list[int] = []
    for number, text in enumerate(data[section.begin : section.end].split(b"\n")):
        if not text.strip() or text.startswith(b"*"):
            continue
        found = [text[a:b].strip() for a, b in fields]
        if b"\t" in text or any(text[a:b].strip() for a, b in gaps):
            found = []
        found = [field for field in found if field]
        tokens += found
        counts.append(len(found))
        lines.append(section.line + 1 + number)
    if lines:
        count = np.array(counts, dtype=np.int64)
        yield Block(_objects(tokens), np.cumsum(count) - count, count, np.array(lines))


def _without(size: int, left_out: Ints) -> npt.NDArray[np.bool_]:
    out = np.ones(size, dtype=np.bool_)
    out[left_out] = False
    return out


def _objects(tokens: list[bytes]) -> Tokens:
    out = np.empty(len(tokens), dtype=object)
    out[:] = tokens
    return out


def require_counts(path: Path, block: Block, allowed: tuple[int, ...], shape: str) -> None:
    """Refuse a block in which a line has another number of tokens than `allowed`.

    Raises
    ------
    InputError
        Naming the line; `shape` says what it should look like.
    """
    bad = ~np.isin(block.counts, allowed)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{block.counts[i]} fields, expected {shape}; separate the fields by blanks "
            "(names with blanks need fixed form)",
            where=at(path, int(block.lines[i])),
        )


def look_up(
    path: Path, index: dict[bytes, int], names: list[bytes], lines: Ints, kind: str
) -> Ints:
    """Numbers of `names`; `lines` are where they stand.

    Raises
    ------
    InputError
        Naming the line of the first unknown one.
    """
    try:
        return np.fromiter(map(index.__getitem__, names), dtype=np.int64, count=len(names))
    except KeyError:
        i = next(i for i, name in enumerate(names) if name not in index)
        raise InputError(
            f"unknown {kind} {shown(names[i])}; declare it or correct the name",
            where=at(path, int(lines[i])),
        ) from None


def numbers(path: Path, texts: list[bytes], lines: Ints, *, infinite: bool = False) -> Floats:
    """Convert decimal numbers exactly; `lines` are where they stand.

    Parameters
    ----------
    infinite : bool
        Accept the words inf and infinity, and turn values of at least 1e20 into infinities.

    Raises
    ------
    InputError
        Naming the line of the first that is no number, is too large, or so small that it
        would be read as zero.
    """
    clean = not b"".join(texts).translate(None, _NUMERIC)
    try:
        if not clean:
            raise ValueError
        out = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        out = np.array([_number(path, t, int(lines[i]), infinite) for i, t in enumerate(texts)])
    if infinite:
        out[out >= INFINITY] = np.inf
        out[out <= -INFINITY] = -np.inf
    elif not np.isfinite(out).all():
        i = int(np.flatnonzero(~np.isfinite(out))[0])
        raise InputError(
            f"{shown(texts[i])} is not a finite number; correct it", where=at(path, int(lines[i]))
        )
    for i in np.flatnonzero(out == 0).tolist():
        if reads_as_zero(texts[i].decode("latin-1")):
            raise InputError(
                f"{shown(texts[i])} is too small for double precision; rescale the row or column",
                where=at(path, int(lines[i])),
            )
    return out


def _number(path: Path, text: bytes, line: int, infinite: bool) -> float:
    try:
        if infinite and text.lower() in _INFINITE:
            return float("-inf") if text.startswith(b"-") else float("inf")
        if text.translate(None, _NUMERIC):
            raise ValueError
        return float(text)
    except ValueError:
        raise InputError(
            f"{shown(text)} is not a decimal number; write one such as 12.5 or 1e-3",
            where=at(path, line),
        ) from None


def decode_names(path: Path, names: list[bytes], section: Section, kind: str) -> tuple[str, ...]:
    """Names as text.

    Raises
    ------
    InputError
        When one is not printable UTF-8.
    """
    if not names:
        return ()
    try:
        text = b"\n".join(names).decode()
        if text.replace("\n", "").isprintable():
            return tuple(text.split("\n"))
    except UnicodeDecodeError:
        pass

    def fine(name: bytes) -> bool:
        try:
            return name.decode().isprintable()
        except UnicodeDecodeError:
            return False

    bad: Any = next(name for name in names if not fine(name))
    raise InputError(
        f"{kind} name {bad.decode('latin-1')!a} is not printable UTF-8; rename it or save the "
        "file in UTF-8",
        where=at(path, section.line),
    )
