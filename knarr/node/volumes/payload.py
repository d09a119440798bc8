"""Work out which files a volume holds, from objects that were read before. Pure.

    ContentError   a source is missing or has not the key; the text is kubelet's

Source: kube pkg/volume/{configmap,secret,projected,downwardapi}.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from knarr.api.types.core_v1 import (
    ConfigMap,
    ConfigMapProjection,
    ConfigMapVolumeSource,
    DownwardAPIVolumeFile,
    KeyToPath,
    Pod,
    Secret,
    SecretProjection,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)
from knarr.node.faces import NodeFacts
from knarr.node.fieldrefs import FieldError, container_resource, pod_field

DEFAULT_MODE: Final = 0o644        # Source: kube defaulting of defaultMode, as for all four sources


class ContentError(Exception):
    """The files cannot be worked out."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume. uid: its owner, root where None."""

    data: bytes
    mode: int = DEFAULT_MODE
    uid: int | None = None


Files: TypeAlias = Mapping[str, File]                       # by path within the volume
TokenKey: TypeAlias = tuple[str, int]                       # audience ("" is the server's own), lifetime in s


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read for a pod's volumes. None: the API said there is none."""

    config_maps: Mapping[str, ConfigMap | None]
    secrets: Mapping[str, Secret | None]
    tokens: Mapping[TokenKey, str]
    node: NodeFacts


def files_of(pod: Pod, volume: Volume, sources: Sources) -> Files | None:
    """Return a volume's files; None where it is not made of API objects. Raises ContentError."""
    if volume.configMap is not None:
        return config_map_files(volume.configMap, sources, _mode(volume.configMap.defaultMode))
    if volume.secret is not None:
        return secret_files(volume.secret, sources, _mode(volume.secret.defaultMode))
    if volume.downwardAPI is not None:
        return downward_files(pod, volume.downwardAPI.items, node=sources.node,
                              mode=_mode(volume.downwardAPI.defaultMode))
    if volume.projected is not None:
        return projected_files(pod, volume, sources)
    return None


def projected_files(pod: Pod, volume: Volume, sources: Sources) -> Files:
    """Return the files of all projected sources; a later source wins a path. All that is missing is named at once."""
    assert volume.projected is not None
    mode = _mode(volume.projected.defaultMode)
    files: dict[str, File] = {}
    faults: list[str] = []
    for source in volume.projected.sources:
        try:
            files.update(_projection(pod, source, sources=sources, mode=mode))
        except ContentError as error:
            faults.append(str(error))
    if faults:
        # Source: kube apimachinery util/errors, aggregate: one stands alone, several in brackets.
        raise ContentError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
    return files


def _projection(pod: Pod, source: VolumeProjection, *, sources: Sources, mode: int) -> Files:
    if source.configMap is not None:
        return config_map_files(source.configMap, sources, mode)
    if source.secret is not None:
        return secret_files(source.secret, sources, mode)
    if source.downwardAPI is not None:
        return downward_files(pod, source.downwardAPI.items, node=sources.node, mode=mode)
    if source.serviceAccountToken is not None:
        return _token_file(pod, source.serviceAccountToken, sources=sources, mode=mode)
    raise ContentError("this node knows no such projected volume source")


def _token_file(pod: Pod, wanted: ServiceAccountTokenProjection, *, sources: Sources, mode: int) -> Files:
    """Only the pod's own user may read its token, where one is known. Source: kube projected.go, collectData."""
    token = sources.tokens[token_key(wanted)].encode()
    uid = common_user(pod)
    security = pod.spec.securityContext
    private = uid is not None or (security is not None and security.fsGroup is not None)
    return {wanted.path: File(token, 0o600 if private else mode, uid)}


def token_key(wanted: ServiceAccountTokenProjection) -> TokenKey:
    """Say which token is asked for: one hour unless told otherwise."""
    return wanted.audience or "", wanted.expirationSeconds or 3600


def common_user(pod: Pod) -> int | None:
    """Return the user that every container runs as, where the spec says one. Source: kube volume/util, FsUserFrom."""
    security = pod.spec.securityContext
    default = security.runAsUser if security is not None else None
    users = {
        container.securityContext.runAsUser
        if container.securityContext is not None and container.securityContext.runAsUser is not None else default
        for container in (*pod.spec.initContainers, *pod.spec.containers)
    }
    return users.pop() if len(users) == 1 else None


def config_map_files(source: ConfigMapVolumeSource | ConfigMapProjection, sources: Sources, mode: int) -> Files:
    """Return a config map's files: all keys, or the items asked for."""
    found = sources.config_maps.get(source.name or "")
    if found is None:
        if source.optional:
            return {}
        raise ContentError(f'configmap "{source.name}" not found')
    data = {key: value.encode() for key, value in found.data.items()}
    data.update({key: base64.b64decode(value) for key, value in found.binaryData.items()})
    return _picked(data, source.items, mode=mode, optional=bool(source.optional),
                   missing="configmap references non-existent config key")


def secret_files(source: SecretVolumeSource | SecretProjection, sources: Sources, mode: int) -> Files:
    """Return a secret's files: all keys, or the items asked for."""
    name = source.secretName if isinstance(source, SecretVolumeSource) else source.name
    found = sources.secrets.get(name or "")
    if found is None:
        if source.optional:
            return {}
        raise ContentError(f'secret "{name}" not found')
    data = {key: base64.b64decode(value) for key, value in found.data.items()}
    return _picked(data, source.items, mode=mode, optional=bool(source.optional),
                   missing="references non-existent secret key")


def _picked(
    data: Mapping[str, bytes], items: tuple[KeyToPath, ...], *, mode: int, optional: bool, missing: str,
) -> Files:
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item.key in data:
            files[item.path] = File(data[item.key], mode if item.mode is None else item.mode)
        elif not optional:
            raise ContentError(f"{missing}: {item.key}")
    return files


def downward_files(pod: Pod, items: Iterable[DownwardAPIVolumeFile], *, node: NodeFacts, mode: int) -> Files:
    """Return files that tell of the pod itself."""
    files = {}
    for item in items:
        try:
            if item.fieldRef is not None:
                text = pod_field(pod, item.fieldRef.fieldPath, node=node, pod_ip="")
            elif item.resourceFieldRef is not None:
                text = container_resource(pod, item.resourceFieldRef, node=node)
            else:
                continue
        except FieldError as error:
            raise ContentError(str(error)) from error
        files[item.path] = File(text.encode(), mode if item.mode is None else item.mode)
    return files


@dataclass(frozen=True, slots=True)
class Needs:
    """Which API objects a pod's volumes are made of."""

    config_maps: frozenset[str]
    secrets: frozenset[str]
    tokens: frozenset[TokenKey]


def needs(volumes: Iterable[Volume]) -> Needs:
    """Walk the volumes for the names they read."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    tokens: set[TokenKey] = set()
    for volume in volumes:
        parts: list[Volume | VolumeProjection] = [volume]
        parts += volume.projected.sources if volume.projected is not None else ()
        for part in parts:
            if part.configMap is not None:
                config_maps.add(part.configMap.name or "")
            if isinstance(part.secret, SecretVolumeSource):
                secrets.add(part.secret.secretName or "")
            elif part.secret is not None:
                secrets.add(part.secret.name or "")
            if isinstance(part, VolumeProjection) and part.serviceAccountToken is not None:
                tokens.add(token_key(part.serviceAccountToken))
    return Needs(frozenset(config_maps), frozenset(secrets), frozenset(tokens))


def _mode(given: int | None) -> int:
    return DEFAULT_MODE if given is None else given
