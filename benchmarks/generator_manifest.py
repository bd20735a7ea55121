"""The manifest: recipes and the SHA-256 of the economies they must give, on any numpy.

Run ``python benchmarks/generator_manifest.py`` to check it, with ``--write`` to renew the
hashes after the generator was changed on purpose. Needs only numpy, scipy, pydantic and
psutil, so that a second, bare environment can run it with another numpy version.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy
import scipy

from planbench.errors import InputError
from planbench.generators import generate
from planbench.generators.recipe import parse_inline
from planbench.io.files import instances_folder, write_text


def manifest_path() -> Path:
    """Path of the manifest that ships with the package."""
    return instances_folder() / "manifest.json"


def read_manifest(path: Path | None = None) -> dict[str, str]:
    """Read the manifest: recipe in canonical text → SHA-256.

    Raises
    ------
    InputError
        If the file is missing or is no such table.
    """
    file = path or manifest_path()
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except ValueError as error:
        raise InputError(f"is no JSON: {error}", where=str(file)) from None
    recipes = content.get("recipes") if isinstance(content, dict) else None
    if not isinstance(recipes, dict) or not all(isinstance(v, str) for v in recipes.values()):
        raise InputError('must hold {"recipes": {recipe: sha256}}', where=str(file))
    return recipes


def current_hash(recipe: str) -> str:
    """SHA-256 of the economy that `recipe` gives now."""
    return generate(parse_inline(recipe)).sha256


def find_differences(path: Path | None = None) -> list[str]:
    """One line for each recipe whose economy is not the one in the manifest."""
    lines = []
    for recipe, expected in read_manifest(path).items():
        found = current_hash(recipe)
        if found != expected:
            lines.append(f"gen:{recipe} gives {found}, the manifest has {expected}")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Check or renew the manifest; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python benchmarks/generator_manifest.py")
    parser.add_argument("--check", action="store_true", help="compare (the default)")
    parser.add_argument("--write", action="store_true", help="write the hashes found now")
    chosen = parser.parse_args(arguments)
    path = manifest_path()
    try:
        if chosen.write:
            texts = [parse_inline(recipe).canonical() for recipe in read_manifest(path)]
            recipes = {text: current_hash(text) for text in texts}
            write_text(path, json.dumps({"recipes": recipes}, indent=1) + "\n")
        lines = find_differences(path)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    versions = f"numpy {numpy.__version__}, scipy {scipy.__version__}"
    print("\n".join(lines) or f"all {len(read_manifest(path))} recipes agree ({versions})")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
