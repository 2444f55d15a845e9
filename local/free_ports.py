"""Finds free ports of this machine. As a program it prints them, for a separate stack: free_ports.py 4."""

import socket
import sys


def free_ports(count):
    """This many different free ports."""
    # All are held until the last is found, so that no port is found twice.
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [port.getsockname()[1] for port in held]
    for port in held:
        port.close()
    return ports


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])))
