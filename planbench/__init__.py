"""Measure how hard it is to compute an optimal economic plan.

The package is layered; imports only go up this list:

``model`` → ``io`` → ``generate`` → ``catalogue`` → ``certify`` → ``solvers`` →
``records`` → ``measure`` → ``stats`` → ``bench`` → ``report`` → ``cli``.
"""

__version__ = "0.1.0"
