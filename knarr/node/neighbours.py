"""Have the kernel forget which pod had an address before.

Addresses are used again. The kernel remembers the hardware address of who had one last, and goes on sending there: nine
seconds long the node itself, its probes and its proxy do not reach the new pod. A pod announces itself, but where many
start at once its port on the bridge may not be open yet, and the announcement is lost.

Source: include/uapi/linux/rtnetlink.h, neighbour.h; the states of an entry: RFC 4861, section 7.3.2.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import ip_address

DELETE, REQUEST, ACK = 29, 0x1, 0x4  # RTM_DELNEIGH and its flags
DESTINATION = 1  # NDA_DST
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
ENTRY = struct.Struct("=BxxxiHBB")  # family, interface, state, flags, type
ATTRIBUTE = struct.Struct("=HH")  # length, type
ERROR = struct.Struct("=i")  # what follows the header of an answer: 0, or minus an errno


def forget(interface: str, address: str) -> None:
    """Drop what is remembered of an address behind an interface; neither need be there. Raises OSError."""
    try:
        index = socket.if_nametoindex(interface)
    except OSError:
        return  # pods are on another network than ours
    parsed = ip_address(address)
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    body = ENTRY.pack(family, index, 0, 0, 0)
    body += ATTRIBUTE.pack(ATTRIBUTE.size + len(parsed.packed), DESTINATION) + parsed.packed
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.send(HEADER.pack(HEADER.size + len(body), DELETE, REQUEST | ACK, 1, 0) + body)
        code = -ERROR.unpack_from(kernel.recv(4096), HEADER.size)[0]
    if code not in (0, errno.ENOENT):
        raise OSError(code, f"{os.strerror(code)}: neighbour {address} of {interface}")
