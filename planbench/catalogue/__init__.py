"""Instances by built-in name, file or recipe: what INSTANCE on the command line means."""
