"""What /metrics tells of admission: its steps, webhooks, match conditions, policies."""

from __future__ import annotations

from typing import Any

import pytest

from knarr.apiserver.outbound import CallFailed, Place
from tests.unit.apiserver.asking import Asker
from tests.unit.apiserver.test_policies import change, refuse
from tests.unit.apiserver.test_webhooks import MAPS, Hooks, config_map, yes

NO = {"allowed": False, "status": {"code": 418, "message": "no tea"}}


@pytest.fixture
def hooks(api) -> Hooks:
    return Hooks(api)


async def told(api: Asker, *words: str) -> set[str]:
    """Return the lines that begin with `apiserver_` and the first word and hold the others; without buckets and sums."""
    text = (await api.call("GET", "/metrics")).body.decode()
    return {line.removeprefix("apiserver_") for line in text.splitlines() if line.startswith(f"apiserver_{words[0]}")
            and all(word in line for word in words) and "_bucket{" not in line and "_sum{" not in line}


async def test_steps(api):
    """One write passes, one is refused before it is whole."""
    await api.make(MAPS, config_map())
    await api.ask("POST", MAPS.replace("web", "nowhere"), config_map())
    name = "admission_step_admission_duration_seconds_count"

    assert {f'{name}{{operation="CREATE",rejected="true",type="admit"}} 1'} == await told(api, name, "true")
    assert any('rejected="false",type="validate"' in line for line in await told(api, name))


async def test_nothing_is_told_of_what_nobody_configured(api):
    """A cluster without webhooks and policies has no such rows."""
    await api.make(MAPS, config_map())
    assert not await told(api, "admission_webhook")
    assert not await told(api, "validating_admission")


@pytest.mark.parametrize(("sort", "step"), [("validating", "validating"), ("mutating", "admit")])
@pytest.mark.parametrize(("say", "policy", "asked", "rejection"), [
    pytest.param(yes, "Fail", ("200", "false"), None, id="yes"),
    pytest.param(lambda _: NO, "Fail", ("418", "true"), ("no_error", "418"), id="no"),
    pytest.param(None, "Fail", ("503", "true"), ("calling_webhook_error", "503"), id="down"),
    pytest.param(None, "Ignore", ("503", "false"), None, id="down, and passed over"),
    pytest.param(lambda _: {"allowed": "maybe"}, "Fail", ("503", "true"), ("calling_webhook_error", "503"), id="lying"),
])
async def test_webhooks(api, hooks, sort, step, say, policy, asked, rejection):  # noqa: PLR0913
    """One webhook, asked once."""
    await hooks.add("h", say, sort=sort, failurePolicy=policy)
    await api.ask("POST", MAPS, config_map())
    who, (code, rejected) = 'name="h.example.com",operation="CREATE"', asked

    assert {f'admission_webhook_request_total{{code="{code}",{who},rejected="{rejected}",type="{step}"}} 1'} == await told(
        api, "admission_webhook_request_total")
    assert {f'admission_webhook_admission_duration_seconds_count{{{who},rejected="{rejected}",type="{step}"}} 1'} == await told(
        api, "admission_webhook_admission_duration_seconds")
    assert ({f'admission_webhook_rejection_count{{error_type="{rejection[0]}",{who},rejection_code="{rejection[1]}",'
             f'type="{step}"}} 1'} if rejection else set()) == await told(api, "admission_webhook_rejection_count")
    assert (policy == "Ignore") == bool(await told(api, "admission_webhook_fail_open_count"))


async def test_a_webhooks_own_code(api, hooks):
    """A server behind the webhook's address answers 500."""
    async def post(place: Place, body: bytes, **_: Any) -> bytes:
        raise CallFailed("an error on the server", 500)

    await hooks.add("h")
    api.server.core.outbound.post = post
    await api.ask("POST", MAPS, config_map())
    assert all('code="500"' in line for line in await told(api, "admission_webhook_request_total"))


@pytest.mark.parametrize(("expression", "family"), [
    pytest.param("object.metadata.name == 'other'", "exclusions", id="does not hold"),
    pytest.param("object.nope == 1", "evaluation_errors", id="fails"),
])
async def test_match_conditions(api, hooks, expression, family):
    """A webhook's and a policy's conditions, of one write."""
    conditions = [{"name": "one", "expression": expression}]
    await hooks.add("h", yes, sort="mutating", matchConditions=conditions, failurePolicy="Ignore")
    await refuse(api, "true", matchConditions=conditions, failurePolicy="Ignore")
    await api.ask("POST", MAPS, config_map())
    name = f"admission_match_condition_{family}_total"

    assert {f'{name}{{kind="webhook",name="h.example.com",operation="CREATE",type="admit"}} 1',
            f'{name}{{kind="policy",name="p",operation="CREATE",type="validate"}} 1'} == await told(api, name)
    assert 2 == len(await told(api, "admission_match_condition_evaluation_seconds_count"))


@pytest.mark.parametrize(("expression", "actions", "policy", "rows"), [
    pytest.param("true", ["Deny"], "Fail", set(), id="holds"),
    pytest.param("false", ["Deny"], "Fail", {("deny", "no_error")}, id="denied"),
    pytest.param("false", ["Warn", "Audit"], "Fail", {("warn", "no_error"), ("audit", "no_error")}, id="told"),
    pytest.param("object.nope == 1", ["Deny"], "Fail", {("deny", "invalid_error")}, id="a fault"),
    pytest.param("object.nope == 1", ["Deny"], "Ignore", {("allow", "invalid_error")}, id="a fault, and passed over"),
])
async def test_validating_policies(api, expression, actions, policy, rows):
    """One policy, bound once."""
    await refuse(api, expression, binding={"validationActions": actions}, failurePolicy=policy)
    await api.ask("POST", MAPS, config_map())
    name = "validating_admission_policy_check_total"

    assert {f'{name}{{enforcement_action="{action}",error_type="{error}",policy="p",policy_binding="b"}} 1'
            for action, error in rows} == await told(api, name)


async def test_mutating_policies(api):
    """One that works and one that fails."""
    await change(api, "Object{data: {'a': 'b'}}")
    await change(api, "Object{data: {'a': object.nope}}", name="q", failurePolicy="Ignore")
    await api.ask("POST", MAPS, config_map())
    name = "mutating_admission_policy_check_total"

    assert {f'{name}{{error_type="no_error",policy="p",policy_binding="p"}} 1',
            f'{name}{{error_type="invalid_error",policy="q",policy_binding="q"}} 1'} == await told(api, name)
