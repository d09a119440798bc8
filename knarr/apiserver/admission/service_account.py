"""Give every pod an identity: its service account, that account's pull secrets, and a volume with its token.

Source: kube plugin/pkg/admission/serviceaccount/admission.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from knarr.api.references import named
from knarr.apiserver.admission.words import Admission, Obj

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_S = 3607  # an hour, and seven seconds by which the agent knows that it asked for it
MODE = 0o644
MIRROR = "kubernetes.io/config.mirror"
ENFORCE = "kubernetes.io/enforce-mountable-secrets"
LOOKUPS_MAX = 10  # the default account is made moments after its namespace
LOOKUP_EVERY_S = 0.1


async def admit(a: Admission) -> None:
    """Complete a new pod; refuse one whose account does not exist."""
    meta, spec = a.obj["metadata"], a.obj.get("spec")
    if not isinstance(spec, dict):
        return
    if MIRROR in (meta.get("annotations") or {}):
        check_mirror(a, spec)
        return
    name = spec.get("serviceAccountName") or DEFAULT
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = await look_up(a, name)
    if (account["metadata"].get("annotations") or {}).get(ENFORCE) == "true":
        limit_secrets(a, spec, account, name=name)
    if mounts_token(spec, account):
        mount_token(a, spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]


def check_mirror(a: Admission, spec: Obj) -> None:
    """Keep the mirror of a pod that an agent runs on its own from anything that the cluster would have to give it."""
    if spec.get("serviceAccountName"):
        raise a.refuse("a mirror pod may not reference service accounts")
    if any(plural == "secrets" for plural, _ in named(spec)):
        raise a.refuse("a mirror pod may not reference secrets")
    for volume in spec.get("volumes") or ():
        if any("serviceAccountToken" in source for source in (volume.get("projected") or {}).get("sources") or ()):
            raise a.refuse("a mirror pod may not use ServiceAccountToken volume projections")


def limit_secrets(a: Admission, spec: Obj, account: Obj, *, name: str) -> None:
    """Let a pod refer only to the Secrets that its account lists. Source: kube limitSecretReferences."""
    listed = {one.get("name") for one in account.get("secrets") or ()}
    pulled = {one.get("name") for one in account.get("imagePullSecrets") or ()}
    because = f"is not allowed because service account {name} does not reference that"
    for where, secret in secrets_of(spec):
        if secret not in listed:
            raise a.refuse(f'{where}="{secret}" {because} secret')
    for number, one in enumerate(spec.get("imagePullSecrets") or ()):
        if one.get("name") not in pulled:
            raise a.refuse(f'imagePullSecrets[{number}].name="{one.get("name")}" {because} imagePullSecret')


def secrets_of(spec: Obj) -> Iterator[tuple[str, str]]:
    """Yield every Secret that a pod's volumes and containers refer to, and where, in the refusals' words."""
    for volume in spec.get("volumes") or ():
        if "secret" in volume:
            yield "volume with secret.secretName", str((volume["secret"] or {}).get("secretName"))
    for words, field in (("init container", "initContainers"), ("container", "containers")):
        for container in spec.get(field) or ():
            yield from _of_container(container, f"{words} {container.get('name')}")


def _of_container(container: Obj, who: str) -> Iterator[tuple[str, str]]:
    for env in container.get("env") or ():
        ref = (env.get("valueFrom") or {}).get("secretKeyRef")
        if ref:
            yield f"{who} with envVar {env.get('name')} referencing secret.secretName", str(ref.get("name"))
    for source in container.get("envFrom") or ():
        if source.get("secretRef"):
            yield f"{who} with envFrom referencing secret.secretName", str(source["secretRef"].get("name"))


async def look_up(a: Admission, name: str) -> Obj:
    """Find the account, with patience for `default`."""
    for attempt in range(LOOKUPS_MAX if name == DEFAULT else 1):
        if attempt:
            await a.core.clock.sleep(LOOKUP_EVERY_S)
        account = a.find("", "serviceaccounts", name, namespace=a.namespace)
        if account is not None:
            return account
    raise a.refuse(f'error looking up service account {a.namespace}/{name}: serviceaccount "{name}" not found')


def mounts_token(spec: Obj, account: Obj) -> bool:
    """Say whether the pod wants a token: its own word first, then its account's, else yes."""
    for holder in (spec, account):
        if holder.get("automountServiceAccountToken") is not None:
            return bool(holder["automountServiceAccountToken"])
    return True


def mount_token(a: Admission, spec: Obj) -> None:
    """Mount the token volume into every container that has nothing at its path."""
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    without = [one for one in containers if isinstance(one, dict) and not _mounted(one)]
    if not without:
        return
    volumes = spec.setdefault("volumes", [])
    name = next((volume["name"] for volume in volumes if str(volume.get("name")).startswith(VOLUME_PREFIX)), "")
    if not name:
        name = VOLUME_PREFIX + a.core.rng.suffix()
        volumes.append(token_volume(name))
    for container in without:
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": name, "readOnly": True, "mountPath": MOUNT_PATH})


def token_volume(name: str) -> Obj:
    """Return the volume: token, cluster CA and namespace."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_S, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": MODE}}


def _mounted(container: Obj) -> bool:
    return any(mount.get("mountPath") == MOUNT_PATH for mount in container.get("volumeMounts") or ())
