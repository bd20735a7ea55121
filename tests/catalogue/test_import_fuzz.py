"""Whatever stands in the cells: an economy whose observed plan was checked, or one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tables import MAKE, SYMMETRIC, USE

from planbench.errors import InputError
from planbench.tables import import_table

TOKENS = (
    *("", "0", "-1", "-300", "1e99", "1e100", "1e308", "1e-320", "nan", "inf", "farm", "corn"),
    *("total", "imports", '"', '""', "\n", ",", ";", "\t", "9" * 400, "(5)", "1,5", "é", "\x00"),
    *("wages", "value added", "-0", "+7", ".", "x", "0x10", "１２"),
)
CHOICES = (
    {},
    {"trade": "net"},
    {"targets": "columns"},
    {"technology": "industry"},
    {"technology": "commodity"},
    {"prices": "purchasers"},
    {"resources": "regions"},
    {"make_rows": "industries"},
    {"gross_outputs": "stated"},
    {"entries": "money"},
    {"entries": "quantities"},
    {"total": ("total*",)},
    {"industry": ("mill",)},
    {"resource": ("wages",)},
    {"drop": ("farm",)},
    {"final": ("households",)},
)


def mutated(text: str, random: np.random.Generator) -> str:
    """`text` with one to four cells, rows or columns changed."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(int(random.integers(1, 5))):
        i = int(random.integers(len(rows)))
        j = int(random.integers(max(1, len(rows[i]))))
        kind = int(random.integers(10))
        if kind == 0 and len(rows) > 1:
            del rows[i]
        elif kind == 1:
            rows.insert(i, list(rows[i]))
        elif kind == 2:
            rows[i] = rows[i][:j]
        elif kind == 3:
            rows = [row[:j] + row[j + 1 :] for row in rows]
        elif rows[i]:
            rows[i][min(j, len(rows[i]) - 1)] = TOKENS[int(random.integers(len(TOKENS)))]
    return "\n".join(",".join(row) for row in rows)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_but_one_line_escapes(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    made = 0
    refused: list[str] = []
    for _ in range(60):
        options = CHOICES[int(random.integers(len(CHOICES)))]
        if random.random() < 0.5:
            # Changed figures do not add up, which is refused unless the caller decides.
            options = {"gross_outputs": "uses", **options}
        if random.random() < 0.5:
            files = ["table.csv"]
            texts = [mutated(SYMMETRIC, random)]
        else:
            files = ["use.csv", "make.csv"]
            texts = [mutated(USE, random), mutated(MAKE, random)]
        for name, text in zip(files, texts, strict=True):
            (tmp_path / name).write_text(text, encoding="utf-8")
        try:
            economy, report = import_table([tmp_path / name for name in files], **options)
        except InputError as error:
            refused.append(str(error))
            continue
        made += 1
        assert economy.n_activities >= 1
        assert report.observed.shortfall >= 0
        for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
            assert (matrix.data > 0).all()
    assert made > 0
    assert refused
    assert not any("\n" in line for line in refused)
