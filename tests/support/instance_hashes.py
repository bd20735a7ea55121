"""Hashes of instances of every kind, as JSON; run by path, in a process of its own settings."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from planbench.catalogue.builtin import builtin_names
from planbench.catalogue.resolve import load_instance
from planbench.catalogue.table_folder import table_names
from planbench.debate.studies import noisy_economy
from planbench.io.files import instances_folder
from planbench.io.npz import save_npz
from planbench.model.economy import Economy
from planbench.tables import ImportSettings, RawTable, import_raw
from planbench.tables.raw import make_raw_table

#: Larger recipes of the manifest take long and add no other arithmetic.
LARGEST = 6000
SPLITS = (
    "goods=800,seed=1",
    "goods=750,techniques=2,inputs=8,seed=2",
    "goods=700,techniques=2,alternatives=tradeoffs,scarcity=0.1,seed=3",
)
YEARS = ("years=3,seed=1", "years=2,regions=2,capital=1.5,storable=0.2,growth=-0.01,seed=2")
REGIONS = ("regions=3,cross_share=0.1,tradable=0.3,loss=0.05,seed=1",)
TECHNOLOGIES = ("joint", "industry", "commodity")


def recipes(tables: tuple[str, ...] = ()) -> Iterator[str]:
    """Built-in names, and recipes of every kind."""
    yield from builtin_names()
    for recipe in json.loads((instances_folder() / "manifest.json").read_text())["recipes"]:
        if int(recipe.split(",")[0].removeprefix("goods=")) <= LARGEST:
            yield f"gen:{recipe}"
    for table in (*table_names(), *tables):
        for rest in SPLITS:
            yield f"split:{table},{rest}"
        for rest in YEARS:
            yield f"years:{table},{rest}"
        for rest in REGIONS:
            yield f"regions:{table},{rest}"


def table_of_margins(size: int = 40) -> RawTable:
    """Table of as many products as industries, with by-products, trade and margins."""
    draws = np.random.PCG64(7).random_raw(4 * size * size).astype(np.float64) * 2.0**-64
    use, other, coin, rest = np.floor(1000 * draws.reshape(4, size, size))
    use[coin > 500] = 0.0
    make = np.where(other > 930, other, 0.0) + np.diag(40_000 + 10 * rest[0])
    imports, exports = rest[1], 3 * rest[2]
    bought = use.sum(axis=1) + exports
    # Two products deliver margins: they are bought for less than is supplied, others for more.
    share = np.where(np.arange(size) < 2, 0.3, 1.1)
    wanted = np.maximum(np.floor(share * (make.sum(axis=1) + imports)) - bought, 100.0)
    return make_raw_table(
        "drawn",
        [f"product {i}" for i in range(size)],
        [f"industry {i}" for i in range(size)],
        use,
        make=make,
        final_use=wanted[:, None] * np.array([[0.75, 0.25]]),
        exports=exports,
        imports=imports,
        compensation=5 * rest[3],
    )


def bits(economy: Economy | None) -> str:
    """Hash of an economy, and the bits of the prices and the plan that it carries."""
    assert economy is not None
    interior = economy.interior
    parts: tuple[Any, ...] = ()
    if interior is not None:
        parts = interior.goods_prices, interior.resource_prices, interior.activities
    found = hashlib.sha256()
    for part in parts:
        if part is not None:
            found.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return f"{economy.sha256} {found.hexdigest()[:16]}"


def hashes(tables: tuple[str, ...] = ()) -> dict[str, str]:
    """Bits of every instance."""
    found = {}
    for spec in recipes(tables):
        instance = load_instance(spec)
        found[spec] = f"{bits(instance.economy)} {instance.optimum!r}"
    with tempfile.TemporaryDirectory() as folder:
        for technology in TECHNOLOGIES:
            economy, _ = import_raw(table_of_margins(), ImportSettings(technology=technology))
            file = Path(folder) / f"{technology}.npz"
            save_npz(economy, file)
            found[f"imported, {technology} technology"] = bits(economy)
            split = load_instance(f"split:{file},goods=300,seed=1")
            found[f"split, {technology} technology"] = bits(split.economy)
    found["noisy"] = bits(noisy_economy(economy, 0.1, seed=1))
    return found


def kernels() -> str:
    """Hash of a product by BLAS, whose kernels for other processors add in another order."""
    x = np.sqrt(np.arange(1.0, 5042.0)) % 1.0
    product = x[:71] @ x.reshape(71, 71)
    return hashlib.sha256(product.tobytes()).hexdigest()


if __name__ == "__main__":
    json.dump({"hashes": hashes(tuple(sys.argv[1:])), "kernels": kernels()}, sys.stdout)
