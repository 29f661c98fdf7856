"""Founds the audit log: a hash chain, in as many lanes as connections may write at once, and what verifies it.

An entry has the hash of the one before it in its lane; `audit_heads` has the newest of each lane, so that the end of a lane cannot be cut off either. A lane belongs to
a connection, so writers do not wait for each other. The services' roles may add entries and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

TABLES: Final = """
    CREATE TABLE audit (
        lane int NOT NULL, number bigint NOT NULL, who text, what text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
        whence text, request text, previous bytea NOT NULL, hash bytea NOT NULL, PRIMARY KEY (lane, number));
    COMMENT ON TABLE audit IS 'state changes and refusals, each with the hash of the entry before it in its lane';
    CREATE INDEX ON audit (at);
    CREATE TABLE audit_heads (lane int PRIMARY KEY, number bigint NOT NULL, hash bytea NOT NULL);
    INSERT INTO audit_heads SELECT lane, 0, ''::bytea FROM generate_series(0, 255) lane;
    CREATE FUNCTION audit_hash(entry audit) RETURNS bytea LANGUAGE sql STABLE AS $$
        SELECT sha256(entry.previous || convert_to(jsonb_build_array(entry.lane, entry.number, entry.who, entry.what,
            extract(epoch FROM entry.at), entry.whence, entry.request)::text, 'UTF8')) $$;
    CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
        BEGIN
            NEW.lane := pg_backend_pid() % 256;
            SELECT h.number + 1, h.hash INTO NEW.number, NEW.previous FROM audit_heads h WHERE h.lane = NEW.lane FOR UPDATE;
            NEW.at := clock_timestamp();
            NEW.hash := audit_hash(NEW);
            UPDATE audit_heads SET number = NEW.number, hash = NEW.hash WHERE lane = NEW.lane;
            RETURN NEW;
        END $$;
    CREATE TRIGGER chained BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_chain();
    CREATE FUNCTION audit_intact() RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT NOT EXISTS (
            SELECT FROM (
                SELECT a.number, a.previous, a.hash, audit_hash(a) AS own, lag(a.hash) OVER lane AS before, lag(a.number) OVER lane AS last
                FROM audit a WINDOW lane AS (PARTITION BY a.lane ORDER BY a.number)) e
            WHERE e.hash <> e.own OR e.previous <> coalesce(e.before, ''::bytea) OR e.number <> coalesce(e.last, 0) + 1)
        AND NOT EXISTS (
            SELECT FROM audit_heads h LEFT JOIN audit a ON a.lane = h.lane AND a.number = h.number
            WHERE h.number > 0 AND a.hash IS DISTINCT FROM h.hash)
        AND NOT EXISTS (SELECT FROM audit a LEFT JOIN audit_heads h ON h.lane = a.lane WHERE h.lane IS NULL OR a.number > h.number) $$;
"""
EXPORT: Final = """
    CREATE FUNCTION export_person(person text, left_out text[]) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
        SELECT jsonb_build_object(
            'user', (SELECT jsonb_build_object('name', name, 'joined', joined) FROM users WHERE name = person),
            'tracks', (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM tracks t WHERE person IN (added_by, artist)),
            'activity', (SELECT to_jsonb(a) FROM activity a WHERE name = person),
            'requests', (SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM requests r WHERE position(to_jsonb(person)::text IN answer::text) > 0),
            'profile', (SELECT to_jsonb(p) FROM profiles p WHERE name = person),
            'account', (SELECT to_jsonb(a) FROM accounts a WHERE name = person),
            'tokens', (SELECT coalesce(jsonb_agg(to_jsonb(t) - 'token'), '[]') FROM refresh_tokens t WHERE t.name = person),
            'sessions', (SELECT coalesce(jsonb_agg(to_jsonb(s) - 'cookie' - 'csrf'), '[]') FROM browser_sessions s WHERE s.name = person),
            'audit', (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM audit a WHERE who = person)
        ) - left_out $$;
    REVOKE EXECUTE ON FUNCTION export_person FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION export_person TO normaldance;
"""
GRANTS: Final = """
    GRANT INSERT (who, what, whence, request), SELECT (what) ON audit TO normaldance, identity;
    REVOKE ALL ON audit_heads FROM normaldance;
    GRANT SELECT ON audit, audit_heads TO readiness;
    REVOKE EXECUTE ON FUNCTION audit_chain FROM PUBLIC;
"""


def found_audit(connection: psycopg.Connection[Any]) -> None:
    """Create the audit log and the export beside the platform's tables, whose roles are there."""
    connection.execute(TABLES.encode())
    connection.execute(EXPORT)
    connection.execute(GRANTS)
