"""Work off certificate requests, one step at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

import structlog
from msgspec.structs import replace

from knarr.api import csr as pem
from knarr.api.errors import ApiError, Conflict, NotFound
from knarr.api.types.authorization_v1 import ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec
from knarr.api.types.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from knarr.base.backoff import Backoff
from knarr.base.times import rfc3339
from knarr.base.workqueue import WorkQueue
from knarr.controllers.certificates.plan import Approve, Fail, Forget, Issue, Step, View, Wait, plan
from knarr.reconcile.runner import Setup

if TYPE_CHECKING:
    from knarr.controllers.certificates.sign import Authority

RETRY = Backoff(first_s=0.2, factor=2, cap_s=1000)  # Source: kube certificate_controller.go
GROUP, PLURAL = "certificates.k8s.io", "certificatesigningrequests"
WORKERS = 4  # signing is quick, and done on the loop
WAIT_MAX_S = 3600.0  # then it is looked at again: clocks jump

log = structlog.get_logger()


async def run(setup: Setup) -> NoReturn:
    """Work for ever, or until a bug."""
    await Worker(setup).run()
    raise AssertionError("unreachable: workers end only by an exception")


class Worker:
    """The controller at work."""

    def __init__(self, setup: Setup) -> None:
        self._client, self._clock = setup.informers.client, setup.clock
        self._settings = setup.settings
        self._requests = setup.informers.of(CertificateSigningRequest)
        self._queue: WorkQueue[str] = WorkQueue()
        self._tries: dict[str, int] = {}

    async def run(self) -> None:
        """Follow requests and work."""
        stop = self._requests.on_change(self._changed)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(WORKERS):
                    group.create_task(self._work(), name=f"certificates {number}")
        finally:
            stop()
            self._queue.close()

    def _changed(self, old: CertificateSigningRequest | None, new: CertificateSigningRequest | None) -> None:
        if new is not None:
            self._queue.add(new.metadata.name or "")

    async def _work(self) -> NoReturn:
        while True:
            name = await self._queue.get()
            try:
                delay_s = await self._pass(name)
                if delay_s is not None:
                    self._queue.add_after(name, delay_s=delay_s)
            finally:
                self._queue.done(name)

    async def _pass(self, name: str) -> float | None:
        """Take one step; return in how many seconds to look again, None for never."""
        try:
            found = self._requests.get("", name)
            if found is None:
                self._tries.pop(name, None)
                return None
            step = plan(View(found, asked_by(found), self._clock.now_s()))
            if isinstance(step, Wait):
                return min(max(step.until_s - self._clock.now_s(), 1.0), WAIT_MAX_S)
            await self._take(found, step)
        except (NotFound, Conflict):
            return None  # the newer state comes through the watch
        except (ApiError, OSError) as error:
            tries = self._tries[name] = self._tries.get(name, 0) + 1
            log.warning("certificates.retry", request=name, error=str(error))
            return RETRY.delay_s(tries - 1)
        self._tries.pop(name, None)
        return WAIT_MAX_S

    async def _take(self, found: CertificateSigningRequest, step: Step) -> None:
        meta, spec = found.metadata, found.spec
        if isinstance(step, Forget):
            await self._client.delete(CertificateSigningRequest, "", meta.name or "", uid=meta.uid)
        elif isinstance(step, Approve):
            await self._approve(found, step)
        elif isinstance(step, Fail):
            await self._fail(found, step.why)
        elif isinstance(step, Issue):
            authority = self._authority()
            try:
                certificate = authority.sign(
                    spec.request, spec.usages, spec.expirationSeconds, now_s=self._clock.now_s()
                )
            except ValueError as fault:
                await self._fail(found, str(fault))
                return
            await self._client.update_status(replace(found, status=replace(found.status, certificate=certificate)))
            log.info("certificate.issued", request=meta.name, signer=spec.signerName, user=spec.username)

    async def _approve(self, found: CertificateSigningRequest, step: Approve) -> None:
        for subresource, words in step.ways:
            if await self._may(found, subresource):
                said = self._condition("Approved", "AutoApproved", words)
                decided = replace(found, status=replace(found.status, conditions=(*found.status.conditions, said)))
                await self._client.update(decided, subresource="approval")
                log.info("certificate.approved", request=found.metadata.name, as_=subresource)
                return

    async def _may(self, found: CertificateSigningRequest, subresource: str) -> bool:
        spec = found.spec
        wanted = ResourceAttributes(group=GROUP, resource=PLURAL, subresource=subresource, verb="create", version="*")
        review = SubjectAccessReviewSpec(
            user=spec.username, uid=spec.uid, groups=spec.groups, extra=spec.extra, resourceAttributes=wanted
        )
        return (await self._client.create(SubjectAccessReview(spec=review))).status.allowed

    async def _fail(self, found: CertificateSigningRequest, why: str) -> None:
        said = self._condition("Failed", "SignerValidationFailure", why)
        status = replace(found.status, conditions=(*found.status.conditions, said))
        await self._client.update_status(replace(found, status=status))
        log.info("certificate.failed", request=found.metadata.name, why=why)

    def _condition(self, kind: str, reason: str, message: str) -> CertificateSigningRequestCondition:
        now = rfc3339(self._clock.now_s())
        return CertificateSigningRequestCondition(
            type=kind, status="True", reason=reason, message=message, lastUpdateTime=now, lastTransitionTime=now
        )

    def _authority(self) -> Authority:
        """Return the CA; read with the first request, because most clusters sign none."""
        from knarr.controllers.certificates.sign import Authority

        return Authority(self._settings.ca_pem, self._settings.ca_key_pem)


def asked_by(found: CertificateSigningRequest) -> pem.Asked | None:
    """Return what a request asks for, None if that cannot be read."""
    try:
        return pem.read(found.spec.request)
    except pem.BadRequestPem:
        return None
