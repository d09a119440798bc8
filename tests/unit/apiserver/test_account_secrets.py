"""An account may say which Secrets its pods refer to; the mirror of an agent's own pod refers to nothing of the cluster's."""

from __future__ import annotations

import pytest

ACCOUNT = {"metadata": {"name": "strict", "annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}},
           "secrets": [{"name": "good"}], "imagePullSecrets": [{"name": "pull"}]}
PODS = "/api/v1/namespaces/web/pods"


def pod(meta=None, **spec):
    return {"metadata": {"name": "p", **(meta or {})}, "spec": {"containers": [{"name": "c", "image": "i", **spec.pop("c", {})}], **spec}}


def env(name):
    return {"env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}]}


@pytest.mark.parametrize(("spec", "said"), [
    pytest.param({"volumes": [{"name": "v", "secret": {"secretName": "good"}}], "c": env("good")}, "", id="listed"),
    pytest.param({"volumes": [{"name": "v", "secret": {"secretName": "bad"}}]},
                 'volume with secret.secretName="bad" is not allowed because service account strict does not reference that secret', id="volume"),
    pytest.param({"c": env("bad")}, 'container c with envVar E referencing secret.secretName="bad" is not allowed', id="variable"),
    pytest.param({"c": {"envFrom": [{"secretRef": {"name": "bad"}}]}},
                 'container c with envFrom referencing secret.secretName="bad" is not allowed', id="all variables"),
    pytest.param({"imagePullSecrets": [{"name": "bad"}]}, 'imagePullSecrets[0].name="bad" is not allowed because service account strict '
                 "does not reference that imagePullSecret", id="pull"),
])
async def test_only_listed_secrets(api, spec, said):
    await api.make("/api/v1/namespaces/web/serviceaccounts", ACCOUNT)
    code, body = await api.ask("POST", PODS, pod(serviceAccountName="strict", **spec))

    assert (403 if said else 201) == code, body
    assert said in body.get("message", "")


@pytest.mark.parametrize(("spec", "said"), [
    pytest.param({}, "", id="plain"), pytest.param({"serviceAccountName": "default"}, "may not reference service accounts", id="account"),
    pytest.param({"c": env("x")}, "may not reference secrets", id="secret"),
    pytest.param({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
                 "may not use ServiceAccountToken volume projections", id="token"),
])
async def test_mirrors_refer_to_nothing(api, spec, said):
    code, body = await api.ask("POST", PODS, pod({"annotations": {"kubernetes.io/config.mirror": "x"}}, nodeName="n", **spec))

    assert (403 if said else 201) == code, body
    assert said in body.get("message", "")
