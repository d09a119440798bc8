"""Notice when somebody else takes our table away (a firewall restarts). Costs nothing until then."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from knarr.proxy import netlink

GROUP_NFTABLES = 7  # NFNLGRP_NFTABLES
SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
NEW_TABLE, DELETE_TABLE = netlink.SUBSYSTEM_NFTABLES << 8 | 0, netlink.SUBSYSTEM_NFTABLES << 8 | 2
TABLE_NAME = 1
SETTLE_S = 0.2  # our own reload deletes the table and makes it anew; both are told, one after the other
READ_BYTES = 1 << 16
READS_MAX = 64  # per turn of the loop


class Guard:
    """Listens to the kernel's ruleset changes. `lost` is called when the table has been gone for SETTLE_S."""

    def __init__(self, table: str, lost: Callable[[], None]) -> None:
        self._table = table.encode() + b"\0"
        self._lost = lost
        self._gone = False
        self._timer: asyncio.TimerHandle | None = None
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, netlink.NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, GROUP_NFTABLES)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        for _ in range(READS_MAX):
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                break
            except OSError:
                # ENOBUFS: a large change overran the socket. Only large loads do, ours mostly: the table is there.
                self._gone = False
                continue
            for message in netlink.messages(data):
                self._note(message)
        if self._gone and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLE_S, self._settled)

    def _note(self, message: netlink.Message) -> None:
        if message.kind not in (NEW_TABLE, DELETE_TABLE):
            return
        if netlink.attributes(message.body).get(TABLE_NAME) == self._table:
            self._gone = message.kind == DELETE_TABLE

    def _settled(self) -> None:
        self._timer = None
        if self._gone:
            self._gone = False
            self._lost()
