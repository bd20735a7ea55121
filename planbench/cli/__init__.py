"""The command line: thin, a file per group of commands."""
