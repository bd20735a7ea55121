"""The data that ships with the package: golden cases, tables, suites."""

from __future__ import annotations

from pathlib import Path

from planbench.errors import InputError


def instances_folder() -> Path:
    """Folder of the shipped instances.

    A wheel holds it as ``planbench/instances``; a checkout has it next to the package.

    Raises
    ------
    InputError
        When neither is there, i.e. the installation is incomplete.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "instances", package.parent / "instances"):
        if (folder / "golden").is_dir():
            return folder
    raise InputError(
        "the folder of shipped instances is missing; install planbench again",
        where=str(package / "instances"),
    )
