"""What a measurement is, and the append-only store it is kept in."""
