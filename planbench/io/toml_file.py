"""Reading TOML: recipes, suites and the description of a table."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.io.files import os_error_as_input, regular_file_size

#: Bytes of the largest file that is read; the largest that we know has 10,000.
LARGEST = 100_000
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
    if size > LARGEST:
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
