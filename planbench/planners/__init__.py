"""Planners that know they plan an economy; each is an adapter like the general solvers'."""
