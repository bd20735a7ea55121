"""Labels of the lines of a table: their levels, what options name, and misprints."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.tables.options import ReadOptions

#: Labels that are alike to this degree are one label with a misprint.
_ALIKE = 0.85
#: Pairs of labels that are compared letter by letter at most.
_PAIRS = 250_000
#: Shorter labels are codes, which differ in few letters by design.
_SHORTEST = 5


_BOTH, _COLUMNS, _ROWS = ("column", "row"), ("column",), ("row",)
#: Option, the role that it gives, and the axes on which it names lines.
LINE_OPTIONS = (
    ("final", "final use", _BOTH),
    ("exports", "exports", _COLUMNS),
    ("imports", "imports", _BOTH),
    ("value_added", "value added", _ROWS),
    ("compensation", "compensation", _ROWS),
    ("resource", "resource", _ROWS),
    ("total", "total", _BOTH),
    ("industry", "industry", _BOTH),
    ("drop", "left out", _BOTH),
)
#: Lines of one axis by position: what they are, and why.
Lines = dict[int, tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of one axis of a sheet.

    Attributes
    ----------
    labels : list of str
        One for each line; ``region sector`` in a multi-region table.
    levels : tuple of tuple of str
        All labels of each line, as options may name any.
    regions : list of str or None
    """

    labels: list[str]
    levels: tuple[tuple[str, ...], ...]
    regions: list[str] | None = None


def match_labels(
    one: Sequence[tuple[str, ...]], other: Sequence[tuple[str, ...]], where: str
) -> tuple[Labels, Labels]:
    """Of codes and names on two axes take the level that most labels share.

    Parameters
    ----------
    one, other : sequence of tuple of str
        Labels by line.
    where : str
        File, for messages.

    Raises
    ------
    InputError
        When there are more than two levels that tell lines apart.
    """
    pairs = [(a, b) for a in _levels(one, where) for b in _levels(other, where)]
    # The first of equals: max keeps it.
    return max(pairs, key=lambda pair: len(_filled(pair[0].labels) & _filled(pair[1].labels)))


def _levels(levels: Sequence[tuple[str, ...]], where: str) -> list[Labels]:
    """Ways to label the lines of an axis: each level that tells them apart, or two together."""
    kept = tuple(levels)
    table = [list(column) for column in zip(*levels, strict=True)]
    # A level that says the same everywhere is a unit.
    distinct = [column for column in table if len(_filled(column)) > 1] or table[-1:]
    filled = [sum(map(bool, column)) for column in distinct]
    single = [
        column
        for column, count in zip(distinct, filled, strict=True)
        if len(_filled(column)) >= 0.9 * count and 2 * count > len(column)
    ]
    if single or len(distinct) == 1:
        others = [next(filter(None, line), "") for line in zip(*distinct, strict=True)]
        return [
            Labels([label or other for label, other in zip(column, others, strict=True)], kept)
            for column in single or distinct
        ]
    if len(distinct) > 2:
        raise InputError(
            f"has {len(distinct)} levels of labels; keep two, region and sector", where=where
        )
    for column in table[:-1]:
        # Merged cells hold their text once.
        for i in range(1, len(column)):
            column[i] = column[i] or column[i - 1]
    region, sector = sorted(distinct, key=lambda column: len(set(column)))
    labels = [f"{r} {s}".strip() for r, s in zip(region, sector, strict=True)]
    return [Labels(labels, kept, region)]


def _filled(labels: Iterable[str]) -> set[str]:
    return {label for label in labels if label}


def stated_roles(
    options: ReadOptions, columns: Sequence[Labels], rows: Sequence[Labels], where: str
) -> tuple[list[Lines], list[Lines]]:
    """Roles of columns and of rows that the caller states, for each sheet.

    Raises
    ------
    InputError
        When an option names what is not there.
    """
    found: dict[str, list[Lines]] = {"column": [{} for _ in columns], "row": [{} for _ in rows]}
    for option, role, axes in LINE_OPTIONS:
        lines = [
            (of, i, text)
            for axis, sheets in (("column", columns), ("row", rows))
            if axis in axes
            for of, labels in zip(found[axis], sheets, strict=True)
            for i, (label, levels) in enumerate(zip(labels.labels, labels.levels, strict=True))
            for text in _filled((label, *levels))
        ]
        flag = f"--{option.replace('_', '-')}"
        for k in names.chosen(getattr(options, option), [text for *_, text in lines], flag, where):
            of, i, _ = lines[k]
            of[i] = (role, f"as {flag} says")
    return found["column"], found["row"]


def refuse_near_pair(rows: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Refuse a row and a column whose labels differ by a misprint.

    Raises
    ------
    InputError
        Naming both.
    """
    pair = near_pair(rows, columns)
    if pair is not None:
        raise InputError(
            f"row {pair[0]!r} and column {pair[1]!r} differ a little; spell them alike "
            "where they are the same, else say what they are (--final, --value-added, --drop)",
            where=where,
        )


def near_pair(rows: Sequence[str], columns: Sequence[str]) -> tuple[str, str] | None:
    """Find a row and a column whose labels differ by a misprint: letters, case, blanks, points."""
    by_letters = {_bare(label): label for label in columns}
    few = len(rows) * len(columns) <= _PAIRS
    long = [text for text in by_letters if len(text) >= _SHORTEST]
    for label in rows:
        text = _bare(label)
        if text and by_letters.get(text, label) != label:
            return label, by_letters[text]
        if few and len(text) >= _SHORTEST and text not in by_letters:
            for near in difflib.get_close_matches(text, long, cutoff=_ALIKE):
                # Two codes or years of one series differ in digits only.
                if _letters(text) != _letters(near) or _letters(text) == text:
                    return label, by_letters[near]
    return None


def _bare(label: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", label).casefold()))


def _letters(text: str) -> str:
    return "".join(character for character in text if not character.isdigit())
