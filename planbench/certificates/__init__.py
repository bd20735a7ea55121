"""Certificates: what an answer is worth, computed from the problem alone, trusting nobody."""

from planbench.certificates.certificate import Certificate, Residuals, relative_gap
from planbench.certificates.consensus import Consensus, Opinion, consensus
from planbench.certificates.judge import Answer, certify, certify_plan, prepare

__all__ = [
    "Answer",
    "Certificate",
    "Consensus",
    "Opinion",
    "Residuals",
    "certify",
    "certify_plan",
    "consensus",
    "prepare",
    "relative_gap",
]
