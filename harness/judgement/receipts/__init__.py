"""Proofs that load, fault, watch and restore really were as planned (rule 6)."""
