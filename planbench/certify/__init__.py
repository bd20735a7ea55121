"""Certificates: what an answer is worth, computed from the problem alone, trusting nobody."""
