"""Prints free ports of this machine for a separate stack: free_ports.py 4."""

import socket
import sys

# All are held until the last is found, so that no port is printed twice.
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(port.getsockname()[1] for port in held))
