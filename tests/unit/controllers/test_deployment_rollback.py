"""A rollout that fails returns to what worked, where the Deployment asks for it."""

from __future__ import annotations

import asyncio

import msgspec

from knarr.controllers.deployment import CONTROLLER as DEPLOYMENT
from knarr.controllers.deployment.rollback import ON_FAILURE, PROVED, ROLLED_BACK, WISH
from knarr.controllers.replicaset import CONTROLLER as REPLICASET
from tests.unit.controllers.making import template
from tests.unit.controllers.test_deployment import deployment
from tests.unit.stage import events, play

ASKED = {"annotations": {WISH: ON_FAILURE}}


def made(image="good", **more):
    """Return a Deployment of two with a deadline of 30 s."""
    body = msgspec.to_builtins(deployment(2, progressDeadlineSeconds=30, **more))
    body["spec"]["template"] = {**template(), "spec": {"containers": [{"name": "c", "image": image}]}}
    return body


def roll_out(api, image):
    """Change the template as a user does."""
    body = api.all("deployments")[0]
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image
    body["metadata"]["generation"] = body["metadata"].get("generation", 1) + 1
    api.put(body)


def image_of(api):
    return api.all("deployments")[0]["spec"]["template"]["spec"]["containers"][0]["image"]


def conditions(api):
    return {one["type"]: one for one in api.all("deployments")[0]["status"]["conditions"]}


def test_a_failed_rollout_returns_to_the_last_good_revision():
    """The new image is nowhere: after the deadline the old template is back, and condition and event say so."""
    async def story(api):
        api.put(made(metadata=ASKED))
        await asyncio.sleep(10)
        roll_out(api, "absent:2")
        await asyncio.sleep(60)

    api = play([DEPLOYMENT, REPLICASET], story)
    told = conditions(api)[ROLLED_BACK]
    running = [one for one in api.all("replicasets") if one["spec"]["replicas"]]

    assert "good" == image_of(api)
    assert ("True", "ProgressDeadlineExceeded") == (told["status"], told["reason"])
    assert "(revision 2) has timed out progressing; returned to" in told["message"]
    assert [2] == [one["spec"]["replicas"] for one in running]
    assert "true" == running[0]["metadata"]["annotations"][PROVED]
    assert f"DeploymentRollback: {told['message']}" in events(api)


def test_the_next_attempt_starts_clean():
    """It was rolled back, then a third template is tried, and works: nothing tells of a rollback any more."""
    async def story(api):
        api.put(made(metadata=ASKED))
        await asyncio.sleep(10)
        roll_out(api, "absent:2")
        await asyncio.sleep(60)
        roll_out(api, "good:3")
        await asyncio.sleep(20)

    api = play([DEPLOYMENT, REPLICASET], story)

    assert "good:3" == image_of(api)
    assert ROLLED_BACK not in conditions(api)
    assert "NewReplicaSetAvailable" == conditions(api)["Progressing"]["reason"]


def test_nothing_to_return_to_is_told_once():
    """The very first rollout fails: there is nothing that ever worked, and nothing is changed in a loop."""
    async def story(api):
        api.put(made("absent:1", metadata=ASKED))
        await asyncio.sleep(200)

    api = play([DEPLOYMENT, REPLICASET], story)

    assert "absent:1" == image_of(api)
    assert 1 == sum(told.startswith("DeploymentRollbackRevisionNotFound") for told in events(api))


def test_without_the_wish_it_stays():
    """As in Kubernetes: the Deployment says that its deadline has passed, and waits for a person."""
    async def story(api):
        api.put(made())
        await asyncio.sleep(10)
        roll_out(api, "absent:2")
        await asyncio.sleep(60)

    api = play([DEPLOYMENT, REPLICASET], story)

    assert "absent:2" == image_of(api)
    assert "ProgressDeadlineExceeded" == conditions(api)["Progressing"]["reason"]
    assert not any(PROVED in one["metadata"]["annotations"] for one in api.all("replicasets"))
