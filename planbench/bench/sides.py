"""What one side of a comparison is: package versions, a commit of planbench, options of a solver.

A side is written as parts with commas between them:

=================== ==========================================================
``highspy==1.13.1`` that version of a package, in an environment of its own
``git:REF``         planbench as of a commit, tag or branch of this checkout
``presolve=off``    an option: tolerance, threads, seed, or a native one
``solver=NAME``     another solver than the other side's
``here``            the environment planbench runs in, as it is
=================== ==========================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from planbench.errors import InputError
from planbench.solvers.base import NativeValue, SolveOptions

HERE = "here"
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9._!+-]*)")
_EXAMPLE = "write PACKAGE==VERSION, git:REF, OPTION=VALUE or here"


@dataclass(frozen=True)
class Side:
    """One side of a comparison, as it was asked for.

    Attributes
    ----------
    text : str
        As typed, without spaces; the name it goes by.
    packages : tuple of (str, str)
        Packages and their versions, by normalised name, sorted.
    ref : str or None
        Git revision of planbench.
    solver : str or None
        Solver instead of the comparison's.
    tolerance, threads, seed
        Options instead of the comparison's; None leaves them.
    native : tuple of (str, value)
        Native options on top of the comparison's.
    """

    text: str
    packages: tuple[tuple[str, str], ...] = ()
    ref: str | None = None
    solver: str | None = None
    tolerance: float | None = None
    threads: int | None = None
    seed: int | None = None
    native: tuple[tuple[str, NativeValue], ...] = field(default=())

    @property
    def is_elsewhere(self) -> bool:
        """Whether it needs an environment other than this one."""
        return bool(self.packages) or self.ref is not None

    def options(self, common: SolveOptions) -> SolveOptions:
        """Options of this side, from those both sides have in common."""
        return replace(
            common,
            tolerance=common.tolerance if self.tolerance is None else self.tolerance,
            threads=common.threads if self.threads is None else self.threads,
            seed=common.seed if self.seed is None else self.seed,
            native={**common.native, **dict(self.native)},
        )


def normalised(package: str) -> str:
    """Name of a package as package indexes compare it: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", package).lower()


def parse_side(text: str, where: str = "side") -> Side:
    """Read a side.

    Parameters
    ----------
    text : str
        E.g. ``highspy==1.13.1``, ``git:HEAD~3``, ``presolve=off,threads=2``, ``here``.
    where : str
        Option it was given with, for the message.

    Raises
    ------
    InputError
        Names the part that cannot be read, or stands twice.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"{text!r} has an empty part; {_EXAMPLE}", where=where)
    side = Side(",".join(parts))
    for part in parts:
        side = _with_part(side, part, where)
    if HERE in parts and side.is_elsewhere:
        raise InputError(
            f"{text!r}: {HERE} is this environment as it is; leave it out", where=where
        )
    return replace(side, packages=tuple(sorted(side.packages)))


def _with_part(side: Side, part: str, where: str) -> Side:
    if part == HERE:
        return side
    if part.startswith("git:"):
        ref = part.removeprefix("git:")
        if side.ref is not None or not re.fullmatch(r"[A-Za-z0-9_./@^~{}-]+", ref):
            raise InputError(f"{part!r}: give one commit, tag or branch, git:REF", where=where)
        if ref.startswith("-"):
            raise InputError(f"{part!r}: no revision begins with a hyphen", where=where)
        return replace(side, ref=ref)
    if "==" in part:
        match = _PACKAGE.fullmatch(part.replace(" ", ""))
        if match is None:
            raise InputError(f"{part!r} is not PACKAGE==VERSION", where=where)
        name = normalised(match[1])
        if name == "planbench":
            raise InputError(
                f"{part!r}: another planbench is asked for by its commit, git:REF", where=where
            )
        if name in dict(side.packages):
            raise InputError(f"{name} stands twice; give one version", where=where)
        return replace(side, packages=(*side.packages, (name, match[2])))
    key, sign, value = (piece.strip() for piece in part.partition("="))
    if not key or not sign or not value or re.search(r"[<>!~]", part):
        raise InputError(f"{part!r} cannot be read; {_EXAMPLE}", where=where)
    return _with_option(side, key, value, where)


def _with_option(side: Side, key: str, value: str, where: str) -> Side:
    if key in dict(side.native) or (
        key in ("solver", "tolerance", "threads", "seed") and getattr(side, key) is not None
    ):
        raise InputError(f"{key} stands twice; give it once", where=where)
    try:
        if key == "solver":
            return replace(side, solver=value)
        if key == "tolerance":
            return replace(side, tolerance=float(value))
        if key == "threads":
            return replace(side, threads=int(value))
        if key == "seed":
            return replace(side, seed=int(value))
    except ValueError:
        raise InputError(f"{key}={value} is not a number", where=where) from None
    return replace(side, native=(*side.native, (key, value)))
