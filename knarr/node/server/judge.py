"""Ask the API who a token stands for and what a caller may do to this node.

Source: kube apiserver plugin/pkg/{authenticator/token,authorizer}/webhook, which kubelet uses so.
"""

from __future__ import annotations

from knarr.api.errors import ApiError
from knarr.api.types.authentication_v1 import TokenReview, TokenReviewSpec
from knarr.api.types.authorization_v1 import ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec
from knarr.client.client import Client
from knarr.node.server.access import Caller
from knarr.node.server.refusal import Refusal


class ApiJudge:
    """The API as this node's judge."""

    def __init__(self, client: Client, node_name: str) -> None:
        self._client, self._node_name = client, node_name

    async def caller(self, token: str) -> Caller | None:
        """Return whom a token stands for; None for nobody. Raises Refusal."""
        try:
            review = await self._client.create(TokenReview(spec=TokenReviewSpec(token=token)))
        except (ApiError, OSError) as fault:
            raise Refusal(401, "Unauthorized") from fault  # as kubelet does: who cannot be known is not let in
        user = review.status.user
        if not review.status.authenticated or user is None or not user.username:
            return None
        return Caller(user.username, user.uid or "", user.groups, tuple(user.extra.items()))

    async def may(self, caller: Caller, verb: str, subresource: str) -> bool:
        """Say whether a caller may do something to this node. Raises Refusal."""
        wanted = ResourceAttributes(
            verb=verb, version="v1", resource="nodes", subresource=subresource, name=self._node_name)
        spec = SubjectAccessReviewSpec(
            user=caller.name, uid=caller.uid, groups=caller.groups, extra=dict(caller.extra), resourceAttributes=wanted)
        try:
            review = await self._client.create(SubjectAccessReview(spec=spec))
        except (ApiError, OSError) as fault:
            words = f"user={caller.name}, verb={verb}, resource=nodes, subresource(s)=[{subresource}]"
            raise Refusal(500, f"Authorization error ({words})") from fault
        return review.status.allowed
