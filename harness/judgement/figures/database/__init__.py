"""Figures of the replicated database: replication lag, promotion, equal copies, times of queries."""
