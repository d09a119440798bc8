"""Join the authorizers: masters may everything; agents are decided by the node authorizer; all others by RBAC."""

from __future__ import annotations

import asyncio

from knarr.apiserver.authz.nodes import NodeAuthorizer
from knarr.apiserver.authz.rbac import Rbac
from knarr.apiserver.security import MASTERS, Attributes, Decision
from knarr.store.face import Store


class Access:
    """The authorizer a server is given. `load` before the first request, `run` while there are requests."""

    def __init__(self, store: Store) -> None:
        self.rbac = Rbac(store)
        self.nodes = NodeAuthorizer(store, self.rbac)

    def load(self) -> None:
        """Read roles, bindings and pods."""
        self.rbac.load()
        self.nodes.load()

    async def run(self) -> None:
        """Follow the store for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.rbac.run())
            group.create_task(self.nodes.run())

    def authorize(self, attributes: Attributes) -> Decision:
        """Answer from memory; the first authorizer that has an opinion decides, and RBAC may still grant."""
        if MASTERS in attributes.user.groups:
            return Decision(True)
        node = self.nodes.authorize(attributes)
        if node is not None and node.allowed:
            return node
        granted = self.rbac.authorize(attributes)
        if granted.allowed or node is None:
            return granted
        return Decision(False, ", ".join(reason for reason in (node.reason, granted.reason) if reason))
