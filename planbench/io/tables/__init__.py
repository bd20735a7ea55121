"""Input-output tables as they are published, read into one form: :class:`RawTable`."""

from planbench.io.tables.raw import RawTable
from planbench.io.tables.read import ReadOptions, read_raw_table

__all__ = ["RawTable", "ReadOptions", "read_raw_table"]
