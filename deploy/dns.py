"""Reads the texts of a name from DNS.

Role: called by `examination`. The standard library has no such query.
Invariant: a failed query is None, and a name without texts is an empty list.
Source: RFC 1035, sections 4.1 and 4.2.1.
"""

import secrets
import socket
import struct
from pathlib import Path

RESOLVERS = Path("/etc/resolv.conf")
PATIENCE_SECS = 3
TYPE_TXT, CLASS_IN = 16, 1
NO_ERROR, NO_SUCH_NAME = 0, 3
TRUNCATED = 0x0200


def resolver():
    """The address of the machine's first resolver."""
    try:
        words = [line.split() for line in RESOLVERS.read_text().splitlines()]
    except OSError:
        return None
    return next((line[1] for line in words if len(line) > 1 and line[0] == "nameserver"), None)


def texts(name, server=None, port=53):
    """The texts of a name; None if no answer came."""
    server = server or resolver()
    if server is None:
        return None
    number = secrets.randbelow(1 << 16)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.settimeout(PATIENCE_SECS)
        try:
            # Only datagrams of this server are received.
            asked.connect((server, port))
            asked.send(question(number, name))
            return answers(number, asked.recv(4096))
        except (OSError, ValueError, struct.error, IndexError):
            return None


def question(number, name):
    """The query for the texts of a name, with recursion."""
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + encoded + struct.pack("!2H", TYPE_TXT, CLASS_IN)


def answers(number, message):
    """The texts in a response."""
    found, flags, questions, records, _, _ = struct.unpack_from("!6H", message)
    code = flags & 0xF
    if found != number or flags & TRUNCATED or code not in (NO_ERROR, NO_SUCH_NAME):
        raise ValueError("no usable response")
    at = 12
    for _ in range(questions):
        at = behind_name(message, at) + 4
    texts_found = []
    for _ in range(records):
        at = behind_name(message, at)
        kind, _, _, length = struct.unpack_from("!2HIH", message, at)
        at += 10
        if kind == TYPE_TXT:
            texts_found.append(joined(message[at : at + length]))
        at += length
    return texts_found


def behind_name(message, at):
    """The place behind a name, which may end with a pointer."""
    while True:
        length = message[at]
        if length >= 0xC0:
            return at + 2
        at += 1 + length
        if length == 0:
            return at


def joined(strings):
    """The character strings of a record as one text."""
    parts, at = [], 0
    while at < len(strings):
        parts.append(strings[at + 1 : at + 1 + strings[at]])
        at += 1 + strings[at]
    return b"".join(parts).decode(errors="replace")
