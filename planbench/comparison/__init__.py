"""Comparing two runs layer by layer, and histories of many runs."""
