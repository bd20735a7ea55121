"""Where the instances that ship with the package lie: golden cases, tables, suites."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import planbench
from planbench.errors import InputError


def instances_folder() -> Path:
    """Folder of the shipped instances.

    A wheel holds it as ``planbench/instances``; a checkout has it beside the package.

    Raises
    ------
    InputError
        When neither is there, i.e. the installation is incomplete.
    """
    package = Path(planbench.__file__).resolve().parent
    for folder in (package / "instances", package.parent / "instances"):
        if (folder / "golden").is_dir():
            return folder
    raise InputError(
        "the folder of shipped instances is missing; install planbench again",
        where=str(package / "instances"),
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        When it cannot be read or is not TOML; the message names file and line.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not TOML: {error}", where=str(path)) from None
