"""Published input-output tables become economies: read, judged, put in order, checked.

The steps: cells of a file (:mod:`.grid`) → what each row and column is (:mod:`.roles`)
→ the table as published (:class:`RawTable`) → flows, every figure in its place (:mod:`.flows`) →
:class:`planbench.model.Economy` (:mod:`.economy`). docs/importing.md explains the rules.
"""

from planbench.tables.flows import Moved
from planbench.tables.importer import ImportReport, Observed, import_raw, import_table
from planbench.tables.options import ImportSettings, ReadOptions
from planbench.tables.raw import RawTable
from planbench.tables.read import read_raw_table

__all__ = [
    "ImportReport",
    "ImportSettings",
    "Moved",
    "Observed",
    "RawTable",
    "ReadOptions",
    "import_raw",
    "import_table",
    "read_raw_table",
]
