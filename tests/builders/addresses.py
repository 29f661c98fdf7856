"""Loopback addresses of this process alone: two runs of the tests at once do not disturb each other."""

from __future__ import annotations

import atexit
import os
import socket
from typing import Final

_NETS: Final = 250
_CLAIM: Final = 7999
"""The port whose holder has the addresses of a net."""


def _claimed() -> tuple[str, socket.socket]:
    for number in range(_NETS):
        net = f"127.70.{(os.getpid() + number) % _NETS}."
        claim = socket.socket()
        try:
            claim.bind((f"{net}254", _CLAIM))
        except OSError:
            claim.close()
        else:
            return net, claim
    raise AssertionError("every net of loopback addresses is claimed by another run")


NET, _HELD = _claimed()
"""`127.70.7.`: an address of this process is this and a number from 1 to 253. The claim ends with the process."""
atexit.register(_HELD.close)
