"""Planners that know they plan an economy; each is an adapter beside the general solvers."""
