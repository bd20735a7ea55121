"""An instance made ready for measurements: on disk for the workers, named in the records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.io.npz import save_npz
from planbench.records.schema import InstanceFacts
from planbench.records.values import json_safe, recipe_parts
from planbench.solvers.base import SolveOptions

#: Instances up to so many bytes together are kept in memory.
KEEP_BYTES = 256 << 20

Load = Callable[[str], Instance]


def bytes_of(instance: Instance) -> int:
    """Bytes of the arrays of `instance`."""
    return instance.economy.nbytes if instance.economy is not None else instance.lp.nbytes


def instance_facts(instance: Instance) -> InstanceFacts:
    """Return what a record says of its instance."""
    economy, lp = instance.economy, instance.lp
    sizes: dict[str, int] = {}
    if economy is not None:
        sizes = {
            "goods": economy.n_goods,
            "activities": economy.n_activities,
            "resources": economy.n_resources,
            "targets": economy.n_targets,
        }
    return InstanceFacts(
        name=instance.name,
        sha256=instance.sha256,
        recipe=json_safe(dict(instance.recipe)),
        asked=recipe_parts(instance.name),
        rows=lp.n_rows,
        columns=lp.n_cols,
        nonzeros=int(lp.matrix.nnz),
        **sizes,
    )


@dataclass
class InstanceCache:
    """Instances for measurements: the last ones in memory, each once as ``.npz`` for the workers.

    Attributes
    ----------
    folder : Path
        Of the files.
    load : callable
        Turns a name into the instance.
    """

    folder: Path
    load: Load = load_instance
    _kept: dict[str, Instance] = field(default_factory=dict)
    _files: dict[str, Path] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def instance(self, name: str) -> Instance:
        """Return the instance called `name`, made or loaded unless it is in memory."""
        found = self._kept.pop(name, None) or self.load(name)
        self._kept[name] = found
        while sum(bytes_of(i) for i in self._kept.values()) > KEEP_BYTES and len(self._kept) > 1:
            self.drop(self._kept.pop(next(iter(self._kept))))
        return found

    def path(self, instance: Instance) -> Path:
        """File of `instance`; written at the first call."""
        sha = instance.sha256
        path = self._files.get(sha)
        if path is None or not path.exists():
            path = self.folder / f"{sha}.npz"
            self.folder.mkdir(parents=True, exist_ok=True)  # a solver may have removed it
            save_npz(instance.economy or instance.lp, path)
            self._files[sha] = path
        return path

    def drop(self, instance: Instance) -> None:
        """Delete the file of `instance`, if there is one."""
        path = self._files.pop(instance.sha256, None)
        if path is not None:
            path.unlink(missing_ok=True)


def measurement_key(sha256: str, solver: str, options: SolveOptions) -> str:
    """Identity of what is measured: instance, solver and options, 16 hexadecimal digits.

    Limits do not count: raising one does not make another measurement of a run that ended.
    """
    canonical = json.dumps([sha256, solver, asked_options(options)], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def asked_options(options: SolveOptions) -> dict[str, Any]:
    """Options that were asked for, in JSON values; those left alone are not listed."""
    named = {
        "tolerance": options.tolerance,
        "threads": options.threads,
        "time_limit": options.time_limit,
        "seed": options.seed,
        "native": {k: json_safe(v) for k, v in sorted(options.native.items())} or None,
    }
    return {name: value for name, value in named.items() if value is not None}
