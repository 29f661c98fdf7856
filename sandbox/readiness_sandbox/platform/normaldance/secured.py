"""What makes an entry of the platform a secure one: HTTPS for the names of its certificate, plain HTTP that leads there, mutual TLS for machines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from .kit.settings import PodSettings
from .kit.transport import PORT, directory

REDIRECT = """\
http://:{port} {{
    bind {address}
    respond /balancer-health 200
{answer}
}}
"""
SITE = """\
https://:{port} {{
    bind {address}
    tls {files}/tls.crt {files}/tls.key {{
        protocols {versions}
{handshake}    }}
{before}{proxy}
}}
"""
ELSEWHERE = """\
    @elsewhere not host {hosts}
    respond @elsewhere 404
"""
CLIENTS = """\
        client_auth {{
            mode {mode}
            trust_pool file {files}/machines.crt
        }}
"""
UPSTREAM = """\
            tls
            tls_trust_pool file {files}/ca.crt
            tls_server_name api-gateway
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecuredEntry:
    """An entry with TLS.

    Attributes:
        files: directory of its certificate and the authorities.
        machines_port: where machines come in, with a certificate of theirs; 0: nowhere.
        versions: least and newest version of TLS.
        curves: key exchanges; empty: Caddy's own, with the hybrid one.
        clients: what is asked of a machine, in Caddy's words.
        every_host: whether every host is answered, not those alone that the certificate names (a planted defect).
        redirects: whether plain HTTP leads to HTTPS; False: it is answered (a planted defect).
    """

    files: Path
    machines_port: int = 0
    versions: str = "tls1.3 tls1.3"
    curves: str = ""
    clients: str = "require_and_verify"
    every_host: bool = False
    redirects: bool = True

    @classmethod
    def from_env(cls) -> SecuredEntry | None:
        """That of this pod; None: it has no TLS."""
        files, env = directory(), os.environ
        if files is None:
            return None
        return cls(
            files=files,
            machines_port=int(env.get("MACHINES_PORT", "0")),
            versions=env.get("DEFECT_TLS_VERSIONS", "tls1.3 tls1.3"),
            curves=env.get("DEFECT_CURVES", ""),
            clients=env.get("DEFECT_CLIENT_CERTIFICATES", "require_and_verify"),
            every_host=env.get("DEFECT_EVERY_HOST", "") == "yes",
            redirects=env.get("DEFECT_PLAIN_ENTRY", "") != "yes",
        )

    def options(self) -> str:
        """Caddy's options: who asks for an address, which TLS does not name, gets the certificate as well."""
        return f"    default_sni {self._names()[0]}\n"

    def upstream(self) -> str:
        """How Caddy calls the gateways."""
        return UPSTREAM.format(files=self.files)

    def sites(self, settings: PodSettings, proxy: str) -> str:
        """What Caddy serves."""
        leads = f"    redir https://{{host}}:{PORT}{{uri}} permanent"
        plain = REDIRECT.format(address=settings.address, port=settings.port, answer=leads if self.redirects else proxy)
        curves = f"        curves {self.curves}\n" if self.curves else ""
        elsewhere = "" if self.every_host else ELSEWHERE.format(hosts=" ".join(self._names()))
        common = {"address": settings.address, "files": self.files, "versions": self.versions, "proxy": proxy}
        found = plain + SITE.format(port=PORT, handshake=curves, before=elsewhere, **common)
        if self.machines_port:
            clients = CLIENTS.format(mode=self.clients, files=self.files)
            found += SITE.format(port=self.machines_port, handshake=curves + clients, before="", **common)
        return found

    def _names(self) -> list[str]:
        """Names and addresses of the certificate, the public name first."""
        certificate = x509.load_pem_x509_certificate((self.files / "tls.crt").read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = found.get_values_for_type(x509.DNSName)
        return [*names, *map(str, found.get_values_for_type(x509.IPAddress))]
