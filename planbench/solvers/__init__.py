"""One file per solver adapter behind one small interface."""
