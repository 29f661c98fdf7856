"""Signed verdicts: `verdict.json` of a run as in-toto statements, each in a DSSE envelope, for systems that do not trust the run directory.

The packages that sign and verify are of the extra `attest`.
"""
