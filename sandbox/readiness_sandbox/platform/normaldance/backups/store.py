"""object-store: SeaweedFS with its S3 API.

Writes who may do what, and runs `weed server`: master, volumes, files and S3 in one process, on this pod's address alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from ..kit.settings import PodSettings  # noqa: TID252 - of the platform

GO_RUNTIME = {"GOMAXPROCS": "1", "GOMEMLIMIT": "384MiB"}
"""One processor, and less memory than the container may have."""
_VOLUME_MB = 128
_VOLUMES = 16
_FIRST_PORT, _PORTS = 20_000, 20
"""The server's inner ports name sockets in the directory of temporary files, which other sandboxes may share: each has ports of its own."""
_INNER = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)
_SOCKETS = Path("/tmp")  # noqa: S108 - where the server makes them, whatever its arguments say
_GRACE_S = 3.0


def identities(access_key: str, secret_key: str) -> str:
    """Who may do what: the platform's backups, and no client without a key."""
    credentials = [{"accessKey": access_key, "secretKey": secret_key}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return json.dumps({"identities": [{"name": "backups", "credentials": credentials, "actions": actions}]})


def inner_ports(address: str) -> dict[str, int]:
    """The server's other ports, by the option that sets each."""
    first = _FIRST_PORT + _PORTS * int(address.split(".")[1])
    return {name: first + number for number, name in enumerate(_INNER)}


def command(weed: str, settings: PodSettings, home: Path) -> list[str]:
    """The command line of the server, which sends nothing outside."""
    return [
        weed,
        "-logtostderr=true",
        "server",
        *(f"-{name}={port}" for name, port in inner_ports(settings.address).items()),
        f"-dir={home}",
        f"-ip={settings.address}",
        f"-ip.bind={settings.address}",
        f"-master.volumeSizeLimitMB={_VOLUME_MB}",
        "-master.telemetry=false",
        f"-volume.max={_VOLUMES}",
        f"-filer.localSocket={home}/filer.sock",
        "-s3",
        f"-s3.port={settings.port}",
        f"-s3.config={home}/s3.json",
        f"-s3.localSocket={home}/s3.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]


def remove_sockets(address: str) -> None:
    """Remove the sockets that a server at this address has left."""
    for port in inner_ports(address).values():
        for left in _SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
            left.unlink(missing_ok=True)


def main() -> None:
    """Run the server until told to end, with all its files under STORE_HOME."""
    settings, home = PodSettings.from_env("object-store"), Path(os.environ["STORE_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    file = home / "s3.json"
    file.touch(mode=0o600)
    file.write_text(identities(os.environ["BACKUP_ACCESS_KEY"], os.environ["BACKUP_SECRET_KEY"]))
    remove_sockets(settings.address)
    weed = os.environ.get("WEED_BIN") or f"{sysconfig.get_path('scripts')}/weed"
    sys.stderr.write(f"object-store {settings.release}: {settings.address}:{settings.port}\n")
    sys.stderr.flush()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    child = subprocess.Popen(command(weed, settings, home), env={**os.environ, "HOME": str(home), **GO_RUNTIME})
    try:
        sys.exit(child.wait())
    finally:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
        child.kill()
        child.wait()
        remove_sockets(settings.address)


if __name__ == "__main__":
    main()
