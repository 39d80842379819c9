"""Ports that are free."""

import socket


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that no program uses."""
    for first in range(20_000, 30_000, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
            return first
        except OSError:
            continue
    raise AssertionError("no free ports")
