"""NORMALDANCE in miniature.

A music platform of small services, the sandbox's default target.

    balancer   Caddy: three regions weighted 60/30/10, health checks
    gateway    the one door of a region: forwards, retries, mints idempotency keys
    user       sign-in and profiles
    track      tracks, plays, the write ledger, and the pipeline (events.py): outbox, relay, visible events
    database   PostgreSQL under Patroni; schema.py founds roles, tables and the first rows

`kit/` is what they share. Pods run `python -m normaldance.<service>`; nothing here knows the harness.
"""
