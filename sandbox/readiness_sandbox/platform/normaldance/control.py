"""control: does nothing but answer, on each node, with the server of the services. What it suffers is the machine's and not a release's."""

from __future__ import annotations

from .kit.app import build, serve
from .kit.settings import PodSettings


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("control")
    serve(build(settings, ()), settings)


if __name__ == "__main__":
    main()
