"""Work out a container's environment and arguments. Pure: config maps and secrets were read before.

Order: envFrom in its order, then env in its order, then what services bring and nobody has set. A later name wins.
`$(NAME)` in a value sees the names set before it, then the services'.

Source: kube kubelet/kubelet_pods.go, makeEnvironmentVariables; kubelet/envvars; third_party/forked/golang/expansion.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from knarr.api.types.core_v1 import Container, EnvFromSource, EnvVar, Pod, Service, ServicePort
from knarr.node.faces import ConfigError, NodeFacts, References
from knarr.node.fieldrefs import FieldError, container_resource, pod_field

MASTER_NAMESPACE: Final = "default"
MASTER_SERVICE: Final = "kubernetes"


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a variable's sources are looked up."""

    pod: Pod
    container: Container
    references: References
    node: NodeFacts
    pod_ip: str


def container_env(
    pod: Pod, container: Container, references: References, *,
    services: Iterable[Service], node: NodeFacts, pod_ip: str,
) -> tuple[tuple[str, str], ...]:
    """Return the environment as (name, value) pairs.

    services: all that this node knows of; those of the pod's namespace and `default/kubernetes` are used.
    Raises ConfigError with kubelet's text where something it names is missing and not optional.
    """
    scope = _Scope(pod, container, references, node, pod_ip)
    env: dict[str, str] = {}
    for source in container.envFrom:
        env.update(_from_source(source, references))
    from_services = service_env(pod, services)
    for entry in container.env:
        visible = {**from_services, **env}
        from_services.pop(entry.name, None)
        value = _value(scope, entry, visible)
        if value is not None:
            env[entry.name] = value
    return tuple({**env, **{name: value for name, value in from_services.items() if name not in env}}.items())


def expand(words: Iterable[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Replace `$(NAME)` in command and args; unknown names stay as they are, `$$` is one dollar."""
    return tuple(expand_word(word, env) for word in words)


def expand_word(text: str, env: Mapping[str, str]) -> str:
    """Replace `$(NAME)` in one text.

    >>> expand_word("$(A) $$(A) $(B) $A $(", {"A": "x"})
    'x $(A) $(B) $A $('
    """
    out, at = [], 0
    while (dollar := text.find("$", at)) >= 0 and dollar + 1 < len(text):
        out.append(text[at:dollar])
        piece, at = _operator(text, dollar + 1, env)
        out.append(piece)
    return "".join(out) + text[at:]


def _operator(text: str, at: int, env: Mapping[str, str]) -> tuple[str, int]:
    """Read what stands behind a dollar at `at`; return its replacement and where the text goes on."""
    if text[at] == "$":
        return "$", at + 1
    close = text.find(")", at)
    if text[at] != "(":
        return "$" + text[at], at + 1
    if close < 0:
        return "$(", at + 1
    name = text[at + 1:close]
    return env.get(name, f"$({name})"), close + 1


def _from_source(source: EnvFromSource, references: References) -> dict[str, str]:
    prefix = source.prefix or ""
    values: dict[str, str] = {}
    if (config := source.configMapRef) is not None:
        found = references.config_maps.get(config.name or "")
        if found is None and not config.optional:
            raise ConfigError(f'configmap "{config.name}" not found')
        values = dict(found.data) if found is not None else {}
    elif (wanted := source.secretRef) is not None:
        secret = references.secrets.get(wanted.name or "")
        if secret is None and not wanted.optional:
            raise ConfigError(f'secret "{wanted.name}" not found')
        values = {key: _decoded(value) for key, value in secret.data.items()} if secret is not None else {}
    return {prefix + key: value for key, value in sorted(values.items()) if is_env_name(prefix + key)}


def _value(scope: _Scope, entry: EnvVar, visible: Mapping[str, str]) -> str | None:
    """Return the variable's value; None where an optional source is missing: the variable is then not set."""
    source = entry.valueFrom
    if entry.value or source is None:
        return expand_word(entry.value or "", visible)
    try:
        if source.fieldRef is not None:
            return pod_field(scope.pod, source.fieldRef.fieldPath, node=scope.node, pod_ip=scope.pod_ip)
        if source.resourceFieldRef is not None:
            return container_resource(
                scope.pod, source.resourceFieldRef, node=scope.node, default_container=scope.container.name)
    except FieldError as error:
        raise ConfigError(str(error)) from error
    return _keyed_value(scope, entry)


def _keyed_value(scope: _Scope, entry: EnvVar) -> str | None:
    assert entry.valueFrom is not None
    config, secret = entry.valueFrom.configMapKeyRef, entry.valueFrom.secretKeyRef
    namespace = scope.pod.metadata.namespace
    if config is not None:
        found = scope.references.config_maps.get(config.name or "")
        values = found.data if found is not None else None
        return _lookup(values, config.key, kind="ConfigMap", name=f"{namespace}/{config.name}",
                       optional=bool(config.optional))
    if secret is not None:
        kept = scope.references.secrets.get(secret.name or "")
        value = _lookup(kept.data if kept is not None else None, secret.key, kind="Secret",
                        name=f"{namespace}/{secret.name}", optional=bool(secret.optional))
        return None if value is None else _decoded(value)
    raise ConfigError(f"environment variable {entry.name} has a source that this node does not know")


def _lookup(values: Mapping[str, str] | None, key: str, *, kind: str, name: str, optional: bool) -> str | None:
    if values is None and not optional:
        raise ConfigError(f'{kind.lower()} "{name.partition("/")[2]}" not found')
    value = (values or {}).get(key)
    if value is None and not optional:
        raise ConfigError(f"couldn't find key {key} in {kind} {name}")
    return value


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode("utf-8", "surrogateescape")


def is_env_name(name: str) -> bool:
    """Tell whether a name may stand in an environment: printable ASCII without `=`.

    Source: kube apimachinery validation, IsRelaxedEnvVarName.
    """
    return bool(name) and all(" " <= char <= "~" and char != "=" for char in name)


def service_env(pod: Pod, services: Iterable[Service]) -> dict[str, str]:
    """Return the variables that tell a pod of services: SERVICE_HOST and the older link variables.

    The API server's own are always given, others only with enableServiceLinks. Headless services give none.
    """
    links = pod.spec.enableServiceLinks is not False
    mine: dict[str, Service] = {}
    for service in services:
        if service.spec.clusterIP in (None, "", "None"):
            continue
        namespace, name = service.metadata.namespace, service.metadata.name or ""
        if namespace == pod.metadata.namespace and links:
            mine[name] = service
        elif (namespace, name) == (MASTER_NAMESPACE, MASTER_SERVICE):
            mine.setdefault(name, service)
    env: dict[str, str] = {}
    for _, service in sorted(mine.items()):
        env.update(_one_service(service))
    return env


def _one_service(service: Service) -> dict[str, str]:
    prefix, ip = variable_name(service.metadata.name or ""), service.spec.clusterIP or ""
    ports = service.spec.ports
    env = {f"{prefix}_SERVICE_HOST": ip}
    if not ports:
        return env
    env[f"{prefix}_SERVICE_PORT"] = str(ports[0].port)
    env.update({f"{prefix}_SERVICE_PORT_{variable_name(port.name)}": str(port.port) for port in ports if port.name})
    env[f"{prefix}_PORT"] = _url(ip, ports[0])
    for port in ports:
        protocol = port.protocol or "TCP"
        link = f"{prefix}_PORT_{port.port}_{protocol.upper()}"
        env |= {link: _url(ip, port), f"{link}_PROTO": protocol.lower(), f"{link}_PORT": str(port.port),
                f"{link}_ADDR": ip}
    return env


def _url(ip: str, port: ServicePort) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"{(port.protocol or 'TCP').lower()}://{host}:{port.port}"


def variable_name(name: str) -> str:
    """Return a service's or port's name as it stands in variables.

    >>> variable_name("my-db")
    'MY_DB'
    """
    return name.upper().replace("-", "_")
