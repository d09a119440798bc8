"""Who may act as whom, and for what."""

from __future__ import annotations

import pytest

from knarr.api.errors import Forbidden
from knarr.api.http import User
from knarr.apiserver.authn.impersonation import account_of, become
from knarr.apiserver.security import Attributes, Decision
from tests.unit.apiserver.test_authn import CLIENTS, World, lived

RBAC = "/apis/rbac.authorization.k8s.io/v1"
EVE = CLIENTS.of("eve")
AGENT = User("system:serviceaccount:kube-system:cni", extra={"authentication.kubernetes.io/node-name": ("n1",)})


@pytest.fixture
async def world():
    async with lived(World()) as found:
        yield found


async def grant(world, *rules, name="r"):
    await world.make(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)} for group, resource, *verbs in rules]})
    await world.make(f"{RBAC}/clusterrolebindings", {
        "metadata": {"name": name}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}]})


async def test_a_deputy_acts_for_users_in_one_thing_only(world):
    """Eve may be anybody, but to list pods: she may not list Secrets as a master, nor anything as herself."""
    await grant(world, ("authentication.k8s.io", "users", "impersonate:user-info"), ("", "pods", "impersonate-on:user-info:list"))
    await grant(world, ("", "pods", "list"), name="mias")
    _, bound = await world.ask("GET", f"{RBAC}/clusterrolebindings/mias")
    await world.ask("PUT", f"{RBAC}/clusterrolebindings/mias", {**bound, "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mia"}]})
    as_mia = {"Impersonate-User": "mia"}
    pods, _ = await world.ask("GET", "/api/v1/pods", der=EVE, headers=as_mia)
    secrets, why = await world.ask("GET", "/api/v1/secrets", der=EVE, headers=as_mia)
    herself, _ = await world.ask("GET", "/api/v1/pods", der=EVE)
    grouped, other = await world.ask("GET", "/api/v1/pods", der=EVE, headers={**as_mia, "Impersonate-Group": "devs"})

    assert (200, 403, 403, 403) == (pods, secrets, herself, grouped)
    assert why["message"].startswith('secrets is forbidden: User "eve" cannot impersonate-on:user-info:list resource "secrets"')
    assert other["message"].startswith('groups.authentication.k8s.io "devs" is forbidden: User "eve" cannot impersonate:user-info')


async def test_the_old_right_still_counts_for_everything(world):
    """Eve may `impersonate` user mia with uid and extra: what mia may, she may."""
    await grant(world, ("", "users", "impersonate"), ("authentication.k8s.io", "uids", "impersonate"),
                ("authentication.k8s.io", "userextras/scopes", "impersonate"))
    found = await world.who(der=EVE, headers={"Impersonate-User": "mia", "Impersonate-Uid": "7", "Impersonate-Extra-Scopes": "a"})
    more = await world.who(der=EVE, headers={"Impersonate-User": "mia", "Impersonate-Extra-Other": "a"})

    assert {"username": "mia", "uid": "7", "groups": ["system:authenticated"], "extra": {"scopes": ["a"]}} == found
    assert 403 == more


def allowing(*verbs):
    """Return an authorizer that allows verbs on anything, and notes what it was asked."""
    def decide(attributes):
        decide.asked.append((attributes.verb, attributes.resource, attributes.name))
        return Decision(attributes.verb in verbs)

    decide.asked = []
    return decide


def wish(user):
    return lambda: Attributes(user, "list", "", "", "v1", "pods")


@pytest.mark.parametrize(("user", "wanted", "verbs", "groups"), [
    pytest.param(AGENT, "system:node:n1", ("impersonate-on:associated-node:list", "impersonate:associated-node"),
                 ("system:nodes", "system:authenticated"), id="its own node"),
    pytest.param(AGENT, "system:node:n2", ("impersonate-on:associated-node:list", "impersonate:associated-node"), None, id="another node"),
    pytest.param(AGENT, "system:node:n2", ("impersonate-on:arbitrary-node:list", "impersonate:arbitrary-node"),
                 ("system:nodes", "system:authenticated"), id="any node"),
    pytest.param(User("eve"), "system:serviceaccount:a:b", ("impersonate-on:serviceaccount:list", "impersonate:serviceaccount"),
                 ("system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"), id="an account"),
    pytest.param(User("eve"), "mia", ("impersonate-on:user-info:get", "impersonate:user-info"), None, id="another action"),
    pytest.param(User("eve"), "mia", ("impersonate",), ("system:authenticated",), id="the old right"),
])
def test_modes(user, wanted, verbs, groups):
    decide = allowing(*verbs)
    if groups is None:
        with pytest.raises(Forbidden):
            become(user, User(wanted), wish(user), decide)
    else:
        assert groups == become(user, User(wanted), wish(user), decide).groups


def test_nobody_becomes_a_master_by_halves():
    """The narrow right to any group does not reach system:masters; only the old one does."""
    with pytest.raises(Forbidden):
        become(User("eve"), User("x", groups=("system:masters",)), wish(User("eve")),
               allowing("impersonate-on:user-info:list", "impersonate:user-info"))


@pytest.mark.parametrize(("name", "expected"), [
    ("system:serviceaccount:a:b", ("a", "b")), ("system:serviceaccount:a", None), ("system:serviceaccount:a:b:c", None), ("mia", None),
])
def test_accounts_are_told_from_users(name, expected):
    assert expected == account_of(name)
