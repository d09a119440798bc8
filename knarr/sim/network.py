"""Be the network: requests take time, get lost, lose their answers, come twice; watches lag and break.

Every part has a `Link` of its own, which may be cut. What a sender cannot know (its request was done, but no answer
came) is told to `doubted`, so that the laws do not blame a part for what nobody could have known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Protocol

from knarr.api.http import Answer, Call, User
from knarr.base.rng import Rng
from knarr.client.transport import Unreachable

HOP_S = (0.0001, 0.001)        # one way, within a rack
GIVE_UP_S = (0.05, 3.0)        # until a sender without an answer takes it that none will come
PIPE_CHUNKS = 64               # of a watch on their way; then the server waits


class Server(Protocol):
    """What answers at the other end: one life of the API server."""

    async def handle(self, call: Call) -> Answer:
        """Answer; Unreachable where it dies meanwhile."""
        ...

    def keep(self, pipe: Pipe, source: AsyncIterator[bytes]) -> None:
        """Fill the pipe from a stream for as long as it lives."""
        ...

    def doom(self) -> None:
        """Take nothing more on: it is about to die."""
        ...


class Network:
    """All links. server: who answers now. loss: how many of a thousand requests fare ill. lag_s: of watches."""

    def __init__(self, rng: Rng, doubted: Callable[[Call], None]) -> None:
        self.rng = rng
        self.doubted = doubted
        self.server: Server | None = None
        self.loss = 0
        self.lag_s = 0.0
        self.links: dict[str, Link] = {}

    def link(self, name: str, user: User) -> Link:
        """Join a part to the network, as a user; the same name has the same link."""
        if name not in self.links:
            self.links[name] = Link(self, user)
        return self.links[name]

    def doom_server(self) -> None:
        """The server dies now: nobody reaches it any more."""
        if self.server is not None:
            self.server.doom()
            self.server = None

    def break_watches(self) -> None:
        """Break every watch of every link."""
        for link in self.links.values():
            link.break_watches()


class Link:
    """One part's way to the server: a `client.transport.Transport`."""

    def __init__(self, network: Network, user: User) -> None:
        self._network = network
        self._user = user
        self._open = asyncio.Event()
        self._open.set()
        self._pipes: dict[Pipe, None] = {}

    @property
    def whole(self) -> bool:
        """Tell whether it is not cut."""
        return self._open.is_set()

    def cut(self, *, silently: bool) -> None:
        """Let nothing through. silently: watches hang and go on later; else they break."""
        self._open.clear()
        if not silently:
            self.break_watches()

    def mend(self) -> None:
        """Let everything through again."""
        self._open.set()

    def break_watches(self) -> None:
        """End the watches that pass here."""
        for pipe in list(self._pipes):
            pipe.end()

    async def request(self, call: Call) -> Answer:
        """Carry one call, and what may befall it on its way."""
        dice = self._network.rng
        sent = replace(call, user=self._user, headers={"user-agent": self._user.name, **call.headers})
        await asyncio.sleep(dice.uniform(*HOP_S))
        ill = dice.below(1000) < self._network.loss
        fate = dice.choice(("lost", "unanswered", "twice")) if ill else "fine"
        if fate == "lost" or not self.whole:
            await asyncio.sleep(dice.uniform(*GIVE_UP_S))
            raise Unreachable("the request was lost")
        if fate == "twice" and call.method != "GET":
            self._network.doubted(call)
            await self._answer(sent)
        try:
            answer = await self._answer(sent)
        except (asyncio.CancelledError, Unreachable):
            self._network.doubted(call)
            raise
        if fate == "unanswered" or not self.whole:
            self._network.doubted(call)
            await asyncio.sleep(dice.uniform(*GIVE_UP_S))
            raise Unreachable("the answer was lost")
        return answer

    async def close(self) -> None:
        """Nothing is held."""

    async def passage(self) -> None:
        """Let one piece of a watch through, when it may."""
        await asyncio.sleep(self._network.rng.uniform(*HOP_S) + self._network.lag_s)
        await self._open.wait()

    def forget(self, pipe: Pipe) -> None:
        """A watch has ended."""
        self._pipes.pop(pipe, None)

    async def _answer(self, call: Call) -> Answer:
        server = self._network.server
        if server is None:
            raise Unreachable("connection refused")
        answer = await server.handle(call)
        if answer.stream is None:
            return answer
        pipe = Pipe(self)
        self._pipes[pipe] = None
        server.keep(pipe, answer.stream)
        return replace(answer, stream=pipe.read())


class Pipe:
    """One watch on its way from the server to a client."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(PIPE_CHUNKS)
        self._ended = False
        self.left = asyncio.Event()         # the reader wants no more

    async def fill(self, source: AsyncIterator[bytes]) -> None:
        """Pass on what the server sends, until it sends no more or the pipe breaks."""
        try:
            async for chunk in source:
                await self._link.passage()
                if self._ended:
                    return
                await self._chunks.put(chunk)
            await self._chunks.put(None)
        except asyncio.CancelledError:
            self.end()
            raise

    async def read(self) -> AsyncIterator[bytes]:
        """Yield what arrives."""
        try:
            while (chunk := await self._chunks.get()) is not None:
                yield chunk
        finally:
            self.end()

    def end(self) -> None:
        """Break: what is on its way is lost."""
        if self._ended:
            return
        self._ended = True
        self._link.forget(self)
        while not self._chunks.empty():
            self._chunks.get_nowait()
        self._chunks.put_nowait(None)
        self.left.set()
