"""The sections of a target file on trust, with every key that a check needs: identity, transport, stored data, audit, layers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DESCRIPTION: Final = """
{"openapi": "3.1.0", "paths": {
  "/health": {"get": {"security": [], "responses": {"200": {"description": ""}}}},
  "/": {"get": {"security": [], "responses": {"200": {"description": ""}}}},
  "/orders": {
    "get": {"security": [{"token": ["READ"]}, {"key": []}], "responses": {"200": {"description": ""}}},
    "post": {"security": [{"token": ["WRITE"]}, {"session": []}], "responses": {"201": {"description": ""}}}},
  "/orders/{id}": {"get": {"security": [{"token": ["READ"]}], "responses": {"200": {"description": ""}},
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]}},
  "/admin": {"get": {"security": [{"token": ["ADMIN"]}], "responses": {"200": {"description": ""}}}}},
 "components": {"securitySchemes": {
  "token": {"type": "http", "scheme": "bearer"},
  "session": {"type": "apiKey", "in": "cookie", "name": "sid"},
  "key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}}}
"""
"""Operations of every class."""


def trust_sections(directory: Path, entry: str, dsn: dict[str, str]) -> dict[str, Any]:
    """The sections; what they name is in the directory.

    Args:
        directory: that of the target file.
        entry: address where nothing answers.
        dsn: place of a secret.
    """
    for name in ("accepted.json", "openapi.json"):
        (directory / name).write_text(DESCRIPTION, encoding="utf-8")
    (directory / "served.txt").write_text("GET /orders\n", encoding="utf-8")
    return {
        "api": {
            "description": {"entry": "openapi.json", "orders": "openapi.json"},
            "core": ["GET /health"],
            "accepted": "accepted.json",
            "served": "served.txt",
            "contracts": [{"caller": "cart", "service": "orders", "address": entry, "operations": ["GET /orders"]}],
        },
        "identity": _identity(entry, dsn),
        "authorisation": {
            "roles": {"viewer": ["READ"], "admin": ["READ", "WRITE", "ADMIN"]},
            "operations": {"read": "READ", "write": "WRITE", "admin": "ADMIN"},
        },
        "limits": {"calls": 20, "path": "/read", "clients": [{"key": dsn}]},
        "tls": {
            "listeners": {
                "entry": {"address": "127.0.0.1:9", "name": "api.example.com", "public": True},
                "partners": {"address": "127.0.0.1:9", "mutual": True},
            },
            "client_certificates": {"right": _certified(directory)},
        },
        "encryption": {
            "writes": [
                {"operation": "POST /users", "body": {"name": "{none}", "mail": "{personal}"}, "read": "GET /users/1"}
            ],
            "stores": {name: {"kind": name, "files": [str(directory)]} for name in ("database", "backup", "log")},
            "columns": {"users": {"mail": "personal"}},
        },
        "secrets": {
            "keys": {"data": {"sql": "SELECT 1, now()"}},
            "rotation": {
                "rotate": {"command": ["false"]},
                "undo": {"command": ["true"]},
                "password": dsn,
                "connects": dsn,
                "used_by": ["users"],
                "sessions": "SELECT 1",
            },
        },
        **_records(dsn),
        "layers": _layers(entry, dsn),
    }


def _identity(entry: str, dsn: dict[str, str]) -> dict[str, Any]:
    return {
        "issuer": entry,
        "audience": "shop",
        "clients": {"web": {"id": "shop"}},
        "users": {name: {"user": f"test-{name}", "password": dsn} for name in ("viewer", "admin")},
        "session": {"cookie": "sid", "sign_in": "POST /login", "sign_out": "POST /logout", "page": "/account"},
        "sign_up": {"call": "POST /users", "user": "test-{new}"},
        "change": {"call": "POST /password"},
        "administration": {
            "by": "admin",
            "of": "viewer",
            "take": {"call": "DELETE /roles/{user}"},
            "give": {"call": "PUT /roles/{user}"},
            "calls": ["/reports"],
        },
        "api_keys": {"header": "x-api-key", "right": dsn},
    }


def _records(dsn: dict[str, str]) -> dict[str, Any]:
    """Audit log, export of a person, and attacks."""
    forged = {"call": "POST /orders", "by": "forged", "body": {"item": "none"}, "what": "order.refused"}
    return {
        "audit": {
            "sql": "SELECT actor, action, at, address, trace FROM audit_log",
            "fields": {"who": "actor", "what": "action", "when": "at", "whence": "address", "request": "trace"},
            "client": ["127.0.0.*"],
            "user": "test-9",
            "changes": [{"call": "POST /orders", "body": {"item": "{fresh}"}, "what": "order.created"}],
            "refusals": [forged],
            "traffic": {"create-order": "order.created"},
            "tampering": {"table": "audit_log", "column": "action", "dsn": dsn},
            "check": {"sql": "SELECT audit_is_intact()"},
        },
        "export": {
            "call": {"call": "GET /people/{person}/export"},
            "person": "test-8",
            "others": ["test-9"],
            "tables": {"users": {"at": "profile"}},
        },
        "attacks": {
            "alerts": {"forged-tokens": "RefusedTokens", "wrong-passwords": "RefusedTokens"},
            "label": "client",
            "protected": {"call": "GET /orders"},
            "clients": ["127.0.0.1", "127.0.0.2"],
            "unblock": {"command": ["true"]},
        },
    }


def _layers(entry: str, dsn: dict[str, str]) -> dict[str, Any]:
    """Every layer, switched off by commands."""
    off = [{"command": {"disable": ["true"], "enable": ["true"]}}]
    outside = {"outside": {"call": "GET /orders", "by": "forged"}}
    shown = {
        "gateway-check": outside,
        "token-check": outside,
        "network-policy": outside,
        "database-role": {"database": {"sql": "SELECT 1", "dsn": dsn}},
    }
    return {
        "foreign": [outside, {**outside, "at": entry}],
        "switches": {name: {"disable": off, "shown": one} for name, one in shown.items()},
        "authentication": {"disable": off, "protected": [{"call": "GET /orders"}]},
    }


def _certified(directory: Path) -> dict[str, str]:
    """A client certificate that signs itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "job")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2096, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    (directory / "client.crt").write_bytes(certificate.public_bytes(pem))
    (directory / "client.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password))
    return {"certificate": "client.crt", "key": "client.key"}
