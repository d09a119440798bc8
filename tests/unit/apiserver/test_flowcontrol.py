"""Who gets a seat, who waits and who is sent away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from knarr.api.http import Answer, Call, User
from knarr.apiserver.flowcontrol import conditions, defaults
from knarr.apiserver.flowcontrol.config import FlowControl, condition
from knarr.apiserver.flowcontrol.levels import Busy, Level, Turns, hand_of
from knarr.apiserver.flowcontrol.rules import Asked, parse
from knarr.apiserver.security import Attributes, Decision
from knarr.apiserver.server import ApiServer, Security
from knarr.apiserver.settings import Settings
from knarr.store.face import Draft
from knarr.store.memory import open_memory
from tests.unit.apiserver.asking import Asker

RECORDED = Path(__file__).parents[4] / "shared/wire/bootstrap/objects.json"
ANYBODY = ("system:authenticated",)
ROBOT = User("system:serviceaccount:a:robot", groups=("system:serviceaccounts", *ANYBODY))
NODE = User("system:node:n", groups=("system:nodes", *ANYBODY))


@pytest.mark.skipif(not RECORDED.exists(), reason="the recordings are not on this machine")
@pytest.mark.parametrize(("path", "ours"), [("flowschemas", defaults.schemas()), ("prioritylevelconfigurations", defaults.levels())])
def test_a_cluster_starts_with_what_kubernetes_starts_with(path, ours):
    """Somebody compares a fresh cluster's flow control with Kubernetes': no difference."""
    recorded = json.loads(RECORDED.read_text())[f"/apis/flowcontrol.apiserver.k8s.io/v1/{path}"]
    expected = {obj["metadata"]["name"]: obj["spec"] for obj in recorded}

    assert expected == {obj["metadata"]["name"]: obj["spec"] for obj in ours}


@pytest.mark.parametrize(("asked", "schema", "flow"), [
    pytest.param(Asked(User("root", groups=("system:masters",)), "delete", "", "pods"), "exempt", "", id="masters"),
    pytest.param(Asked(User("eve", groups=("system:unauthenticated",)), "get", path="/livez"), "probes", "", id="probe"),
    pytest.param(Asked(NODE, "update", "", "nodes/status"), "system-node-high", "system:node:n", id="heartbeat"),
    pytest.param(Asked(NODE, "update", "coordination.k8s.io", "leases", "kube-node-lease"), "system-node-high", "system:node:n", id="lease"),
    pytest.param(Asked(NODE, "list", "", "pods"), "system-nodes", "system:node:n", id="agent"),
    pytest.param(Asked(User("system:kube-scheduler", groups=ANYBODY), "update", "coordination.k8s.io", "leases", "kube-system"),
                 "system-leader-election", "system:kube-scheduler", id="election"),
    pytest.param(Asked(User("system:kube-scheduler", groups=ANYBODY), "patch", "", "pods", "shop"), "kube-scheduler", "shop", id="by namespace"),
    pytest.param(Asked(User("system:serviceaccount:kube-system:x", groups=ROBOT.groups), "get", "", "pods", "a"),
                 "kube-system-service-accounts", "a", id="system account"),
    pytest.param(Asked(ROBOT, "get", "", "pods", "a"), "service-accounts", ROBOT.name, id="account"),
    pytest.param(Asked(User("jane", groups=ANYBODY), "get", "", "pods", "a"), "global-default", "jane", id="human"),
])  # fmt: skip
def test_every_request_belongs_to_a_flow(asked, schema, flow):
    """By the rules of the default schemas, the lowest precedence first."""
    schemas = sorted(map(parse, defaults.schemas()), key=lambda one: (one.precedence, one.name))
    found = next(one for one in schemas if one.matches(asked))

    assert (schema, flow) == (found.name, found.flow_of(asked))


@pytest.mark.parametrize(("rule", "matches"), [
    pytest.param({"namespaces": ["a"]}, True, id="namespace"),
    pytest.param({"namespaces": ["b"]}, False, id="other namespace"),
    pytest.param({"clusterScope": True}, False, id="cluster only"),
    pytest.param({"namespaces": ["*"], "verbs": ["list"]}, False, id="other verb"),
    pytest.param({"namespaces": ["*"], "resources": ["pods/status"]}, False, id="subresource"),
    pytest.param({"namespaces": ["*"], "apiGroups": ["apps"]}, False, id="other group"),
])  # fmt: skip
def test_a_rule_names_what_it_means(rule, matches):
    """A request to get pods in namespace a meets one rule."""
    whole = {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], **rule}
    obj = {"metadata": {"name": "s"}, "spec": {"priorityLevelConfiguration": {"name": "l"}, "rules": [
        {"subjects": [{"kind": "User", "user": {"name": "*"}}], "resourceRules": [whole]}]}}  # fmt: skip

    assert matches == parse(obj).matches(Asked(User("jane"), "get", "", "pods", "a"))


def level(seats: int, queues: int = 64, hand: int = 6, length: int = 50) -> Level:
    """A level that has all the server's seats."""
    turns = Turns()
    made = turns.levels["l"] = Level("l", turns)
    response: dict[str, Any] = {"type": "Reject"}
    if queues:
        response = {"type": "Queue", "queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": length}}
    limited = {"nominalConcurrencyShares": 10, "limitResponse": response}
    made.configure({"metadata": {"name": "l"}, "spec": {"type": "Limited", "limited": limited}}, 10, seats)
    return made


class Kitchen:
    """Requests on one level, each of which keeps the server's only thread busy for some time."""

    def __init__(self, one: Level) -> None:
        self.level, self.now_s, self.done = one, 0.0, []

    async def serve(self, flow: str, busy_s: float, seats: int = 1, lasts: asyncio.Event | None = None) -> None:
        """Run one request of a flow; lasts: it waits for something else before it ends."""
        queue = None
        if not self.level.take(seats, self.now_s):
            queue = await self.level.wait("schema", flow, seats)
        self.now_s += busy_s
        if lasts is not None:
            await lasts.wait()
        self.done.append(flow)
        self.level.leave(seats, queue, busy_s)


async def test_a_noisy_client_does_not_starve_others():
    """A hundred large lists of one client are under way when another asks for a pod: it is answered after a few."""
    kitchen = Kitchen(level(49))
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(kitchen.serve("noisy", 0.04, seats=7))
        await asyncio.sleep(0)
        group.create_task(kitchen.serve("quiet", 0.0001))

    assert 101 == len(kitchen.done)
    assert kitchen.done.index("quiet") <= 2 + 2 * 3, "two at once, then two turns of three"
    assert (0, 0, 0) == (kitchen.level.requests, kitchen.level.waiting, kitchen.level.executing)


async def test_time_is_shared_and_not_the_number_of_requests():
    """One client's requests take ten times as long as another's: that one gets ten of its own in for each."""
    kitchen = Kitchen(level(1))
    blocked = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(kitchen.serve("first", 0, lasts=blocked))
        await asyncio.sleep(0)
        for flow, busy_s in (("slow", 0.1), ("quick", 0.01)):
            for _ in range(40):
                group.create_task(kitchen.serve(flow, busy_s))
        await asyncio.sleep(0)
        blocked.set()
    early = kitchen.done[1:45]

    assert early.count("quick") >= 36, early


async def test_seats_are_held_until_the_turn_is_over():
    """What never waits counts too: with two seats, the third request of one turn must queue."""
    one = level(2)

    assert [True, True, False] == [one.take(1, 0.0) for _ in range(3)]
    one.leave(1)
    assert not one.take(1, 0.0)
    await asyncio.sleep(0.001)
    assert one.take(1, 0.0)


@pytest.mark.parametrize(("shape", "reason"), [
    pytest.param({"queues": 0}, "concurrency-limit", id="no queues"),
    pytest.param({"queues": 1, "hand": 1, "length": 2}, "queue-full", id="full"),
])  # fmt: skip
async def test_who_finds_no_place_is_sent_away(shape, reason):
    """One seat is taken for good, and the queue holds two at most: the next is refused at once."""
    one = level(1, **shape)
    assert one.take(1, 0.0)
    waiting = [asyncio.ensure_future(one.wait("s", "f", 1)) for _ in range(one.length_max)]
    await asyncio.sleep(0)

    with pytest.raises(Busy, match=reason):
        await one.wait("s", "f", 1)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (1, 0) == (one.rejected["s", reason], one.waiting)


async def test_who_waits_too_long_is_sent_away(monkeypatch):
    """The seat never comes free: after the wait's limit the client is told to come again."""
    monkeypatch.setattr("knarr.apiserver.flowcontrol.levels.WAIT_S_MAX", 0.001)
    one = level(1)
    assert one.take(1, 0.0)

    with pytest.raises(Busy, match="time-out"):
        await one.wait("s", "f", 1)
    assert 0 == one.waiting


async def test_a_client_that_goes_gives_its_place_back():
    """A request is let in at the moment in which its client hangs up: the seat is not lost."""
    one = level(1)
    assert one.take(1, 0.0)
    task = asyncio.ensure_future(one.wait("s", "f", 1))
    await asyncio.sleep(0)
    one.leave(1)
    one.settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.001)

    assert (0, 0, 0) == (one.executing, one.requests, one.waiting)


async def test_idle_seats_are_lent():
    """A level has used its own seats, and others lend half of theirs: it goes on, and they keep the other half."""
    flows = FlowControl(open_memory(), 600)
    busy = flows.turns.levels["global-default"]
    taken = 0
    while busy.take(1, 0.0):
        taken += 1
    own = {name: one.limit for name, one in flows.turns.levels.items()}

    assert {"catch-all": 13, "exempt": 0, "global-default": 49, "leader-election": 25, "node-high": 98, "system": 74,
            "workload-high": 98, "workload-low": 245} == own  # fmt: skip
    assert taken == 49 + sum(one.lends for one in flows.turns.levels.values() if one is not busy)
    assert flows.turns.levels["node-high"].take(1, 0.0), "what is not lent stays"


def test_hands_are_distinct_queues_and_the_same_each_time():
    """Two flows of one level: each is dealt its own queues."""
    hands = {flow: hand_of(flow, 128, 6) for flow in ("a", "b", "c")}

    assert all(len(set(hand)) == 6 and max(hand) < 128 for hand in hands.values())
    assert hands["a"] == hand_of("a", 128, 6)
    assert hands["a"] != hands["b"]


def stored(plural: str, obj: dict[str, Any]) -> tuple[str, Draft]:
    """What lies in the store of an object."""
    meta = obj["metadata"]
    data = orjson.dumps({**obj, "metadata": {**meta, "uid": f"uid-{meta['name']}", "resourceVersion": ""}})
    before, _, after = data.partition(b'"resourceVersion":"')
    return f"/flowcontrol.apiserver.k8s.io/{plural}/-/{meta['name']}", Draft(before + b'"resourceVersion":"', after)


async def test_what_is_written_counts_at_once():
    """A schema for one robot leads to a level of its own; the level goes, and the next schema counts."""
    store = open_memory()
    for obj in defaults.levels():
        await store.insert(*stored("prioritylevelconfigurations", obj))
    for obj in defaults.schemas():
        await store.insert(*stored("flowschemas", obj))
    flows, marked = FlowControl(store, 600), {}

    class Keeper:
        async def restore(self) -> None:
            """Nothing that must be there goes in this story."""

        async def mark(self, name: str, wanted: dict[str, Any]) -> None:
            marked[name] = wanted["status"]

    flows.load()
    subjects = [{"kind": "User", "user": {"name": "jane"}}]
    robots = {**defaults.levels()[2], "metadata": {"name": "robots"}}
    schema = defaults._schema("robots", "robots", 50, "ByUser", defaults._anything(subjects))
    seen = []
    task = asyncio.ensure_future(flows.run(Keeper()))
    for write in (store.insert(*stored("prioritylevelconfigurations", robots)), store.insert(*stored("flowschemas", schema))):
        entry = await write
        for _ in range(5):
            await asyncio.sleep(0)
        flow = flows.judge(Asked(User("jane", groups=ANYBODY), "get", path="/version"))
        seen.append((flow.schema, flow.level.name, flow.headers.get("X-Kubernetes-PF-PriorityLevel-UID")))
    key = "/flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/-/robots"
    held = store.get(key)
    assert held is not None
    await store.remove(key, expect=held.revision)
    for _ in range(5):
        await asyncio.sleep(0)
    seen.append(flows.judge(Asked(User("jane", groups=ANYBODY), "get", path="/version")).schema)
    task.cancel()

    assert [("global-default", "global-default", "uid-global-default"), ("robots", "robots", "uid-robots"), "global-default"] == seen
    assert entry.revision
    assert ("True", "False") == (marked["robots"], marked["exempt"])


def test_a_condition_is_dated_when_it_turns():
    """A schema whose level comes and goes: the condition's text follows, its date moves with its status only."""
    obj: dict[str, Any] = {}
    conditions.put(obj, condition("l", absent=False), "t1")
    assert not conditions.differs(obj, condition("l", absent=False))
    conditions.put(obj, condition("m", absent=False), "t2")
    assert "t1" == obj["status"]["conditions"][0]["lastTransitionTime"]
    conditions.put(obj, condition("m", absent=True), "t3")

    assert [{"type": "Dangling", "status": "True", "reason": "NotFound", "lastTransitionTime": "t3",
             "message": 'This FlowSchema references the PriorityLevelConfiguration object named "m" but there is no such object'}] == obj["status"]["conditions"]  # fmt: skip


class AllMay:
    """Allows everything."""

    def authorize(self, attributes: Attributes) -> Decision:
        return Decision(True)


class Slow:
    """A store whose inserts wait."""

    def __init__(self) -> None:
        self.inner, self.open = open_memory(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def insert(self, key: str, draft: Draft) -> Any:
        if "/noisy/" in key:
            await self.open.wait()
        return await self.inner.insert(key, draft)


async def test_a_flood_of_writes_fills_its_own_places_only():
    """A client floods a server of six seats while the disk is slow: it is told to wait, others are served meanwhile."""
    slow = Slow()
    asker = Asker(store=slow)
    asker.server = ApiServer(slow, Settings(requests_max=200, changes_max=100), clock=asker.clock, security=Security(authorizer=AllMay()))
    await asker.start("quiet")
    namespace = orjson.dumps({"metadata": {"name": "noisy"}})
    await asker.server.handle(Call("POST", "/api/v1/namespaces", body=namespace, user=User("root", groups=("system:masters",))))

    async def write(namespace: str, user: User) -> Answer:
        body = orjson.dumps({"metadata": {"generateName": "c-"}})
        headers = {"content-type": "application/json"}
        return await asker.server.handle(Call("POST", f"/api/v1/namespaces/{namespace}/configmaps", headers=headers, body=body, user=user))

    flood = [asyncio.ensure_future(write("noisy", User("eve", groups=ANYBODY))) for _ in range(1200)]
    await asyncio.sleep(0.01)
    quiet = await write("quiet", ROBOT)
    refused = [task.result() for task in flood if task.done()]
    slow.open.set()
    answers = await asyncio.gather(*flood)

    assert 201 == quiet.status
    assert refused
    assert {201, 429} == {answer.status for answer in answers}
    assert ("1", b"Too many requests, please try again later.\n") == (refused[0].headers["Retry-After"], refused[0].body)
    assert [0, 0] == asker.server.gate.underway


async def test_a_watch_holds_its_seat_until_it_has_begun(api):
    """Watches last for hours: a seat is theirs until the first state is told, and not lost if nobody reads it."""
    server = ApiServer(open_memory(), Settings(), security=Security(authorizer=AllMay()))
    await server.start()
    user = User("jane", groups=ANYBODY)
    level = server.gate.flows.turns.levels["global-default"]
    call = Call("GET", "/api/v1/namespaces", {"watch": "1", "resourceVersion": "0"}, user=user)
    answer = await server.handle(call)
    assert (1, 200) == (level.executing, answer.status)
    first = await anext(answer.stream)
    waiting = asyncio.ensure_future(anext(answer.stream))
    await asyncio.sleep(0.001)

    assert first.startswith(b'{"type":"ADDED"')
    assert 0 == level.executing
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    call = Call("GET", "/api/v1/namespaces", {"watch": "1"}, user=user)
    answer = await server.handle(call)
    assert 1 == level.executing
    del call, answer
    await asyncio.sleep(0.001)
    assert 0 == level.executing


async def test_metrics_tell_of_requests_watches_and_flows(api):
    """Prometheus scrapes: the families that its rules ask for are there, each line well formed."""
    await api.ask("GET", "/api/v1/namespaces")
    await api.ask("GET", "/api/v1/namespaces/absent")
    text = (await api.call("GET", "/metrics")).body.decode()
    lines = text.splitlines()
    families = {line.split()[2] for line in lines if line.startswith("# TYPE")}

    assert 'apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="namespaces",scope="cluster",subresource="",verb="LIST",version="v1"} 1' in lines
    assert 'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="namespaces",scope="resource",subresource="",verb="GET",version="v1"} 1' in lines
    assert 'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245' in lines
    assert 'apiserver_storage_objects{resource="namespaces"} 5' in lines
    assert {"apiserver_request_duration_seconds", "apiserver_request_sli_duration_seconds", "apiserver_response_sizes",
            "apiserver_current_inflight_requests", "apiserver_current_inqueue_requests", "apiserver_longrunning_requests",
            "apiserver_flowcontrol_current_executing_seats", "apiserver_flowcontrol_dispatched_requests_total",
            "apiserver_watch_events_total", "process_resident_memory_bytes", "process_cpu_seconds_total"} <= families  # fmt: skip
    assert not [line for line in lines if not line.startswith("#") and len(line.rsplit(" ", 1)) != 2]


async def test_schemas_say_whether_they_lead_anywhere(api):
    """A schema's level is not there yet, then it is; somebody deletes what must be there: it is made again."""
    root = "/apis/flowcontrol.apiserver.k8s.io/v1"
    schema = defaults._schema("robots", "robots", 50, "ByUser", defaults._anything([{"kind": "User", "user": {"name": "r"}}]))
    level = {**defaults.levels()[2], "metadata": {"name": "robots"}}
    task = asyncio.ensure_future(api.server.run())
    said = []
    for plural, obj in (("flowschemas", schema), ("prioritylevelconfigurations", level)):
        await api.make(f"{root}/{plural}", obj)
        said.append(await condition_of(api, "robots", unlike=said))
    await api.ask("DELETE", f"{root}/flowschemas/catch-all")
    again = await condition_of(api, "catch-all", unlike=[])
    answer = await api.call("GET", "/api/v1/pods")
    _, exempt = await api.ask("GET", f"{root}/flowschemas/exempt")
    task.cancel()

    assert [("True", "NotFound"), ("False", "Found")] == [(one["status"], one["reason"]) for one in said]
    assert "Found" == again["reason"]
    assert exempt["metadata"]["uid"] == answer.headers["X-Kubernetes-PF-FlowSchema-UID"]


async def condition_of(api: Asker, name: str, *, unlike: list[Any]) -> dict[str, Any]:
    """Return a schema's condition, once it is there and another than before."""
    for _ in range(1000):
        _, schema = await api.ask("GET", f"/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/{name}")
        found = schema["status"].get("conditions") if schema["kind"] == "FlowSchema" else None
        if found and found[0] not in unlike:
            return dict(found[0])
        await asyncio.sleep(0)
    raise AssertionError(f"{name} says nothing new: {schema}")
