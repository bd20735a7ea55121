"""Pure functions on measurements: fits, intervals, aggregates."""
