"""Check a pod's containers: names, images, ports, and what hangs on them.

Source: kube pkg/apis/core/validation/validation.go (validateContainers, validateContainerPorts).
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import environment, formats, probes, security
from knarr.api.validation.resources import requirements
from knarr.api.validation.spot import Spot
from knarr.api.validation.volumes import mounts

PULL: Final = ("Always", "IfNotPresent", "Never")
MESSAGE: Final = ("File", "FallbackToLogsOnError")
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
RESTART: Final = ("Always", "Never", "OnFailure")
RESIZE: Final = ("NotRequired", "RestartContainer")
HOOKS_AND_PROBES: Final = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
EPHEMERAL_FORBIDDEN: Final = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resizePolicy",
                              "restartPolicy", "restartPolicyRules")
RULE_ACTIONS: Final = ("Restart", "RestartAllContainers")
RULE_OPERATORS: Final = ("In", "NotIn")
RULES_MAX: Final = 20           # Source: kube core/v1 types.go, Container.RestartPolicyRules
EXIT_CODES_MAX: Final = 255
ONLY_SIDECARS: Final = "may not be set for init containers without restartPolicy=Always"


class Containers:
    """The containers of one pod, which share names, host ports, volumes and claims.

    volumes: name to volume, those that are well formed.
    """

    __slots__ = ("claims", "grace_s", "host_network", "host_ports", "names", "own_users", "spec", "system",
                 "volumes")

    def __init__(self, spec: dict[str, Any], volumes: dict[str, dict[str, Any]]) -> None:
        self.spec = spec
        self.volumes = volumes
        self.names: set[str] = set()
        self.host_ports: set[str] = set()
        self.claims = tuple(claim.get("name", "") for claim in spec.get("resourceClaims") or ())
        self.grace_s: int = spec.get("terminationGracePeriodSeconds") or 0
        self.host_network = bool(spec.get("hostNetwork"))
        self.own_users = spec.get("hostUsers") is False
        self.system: str = (spec.get("os") or {}).get("name") or ""

    def check(self, spot: Spot) -> None:
        """Check all of them: the main ones first, at least one."""
        spec = self.spec
        main = spot.at("containers")
        if not spec.get("containers"):
            main.required()
        for number, item in enumerate(spec.get("containers") or ()):
            self._regular(main.index(number), item)
        if spec.get("initContainers"):
            self.host_ports = set()
            for number, item in enumerate(spec["initContainers"]):
                self._init(spot.at("initContainers").index(number), item)
        for number, item in enumerate(spec.get("ephemeralContainers") or ()):
            self._ephemeral(spot.at("ephemeralContainers").index(number), item)

    def _regular(self, spot: Spot, item: dict[str, Any]) -> None:
        self._common(spot, item)
        self._attached(spot, item)
        self._restart(spot, item)

    def _init(self, spot: Spot, item: dict[str, Any]) -> None:
        self._common(spot, item)
        self._restart(spot, item)
        if item.get("restartPolicy") == "Always":
            self._attached(spot, item)
            return
        for name in HOOKS_AND_PROBES:
            if item.get(name) is not None:
                spot.at(name).forbidden(ONLY_SIDECARS)

    def _ephemeral(self, spot: Spot, item: dict[str, Any]) -> None:
        self._common(spot, item)
        for name in EPHEMERAL_FORBIDDEN:
            if item.get(name):
                spot.at(name).forbidden("cannot be set for an Ephemeral Container")
        if item.get("resources"):
            spot.at("resources").forbidden("cannot be set for an Ephemeral Container")
        target = item.get("targetContainerName")
        known = [other.get("name") for name in ("containers", "initContainers") for other in self.spec.get(name) or ()]
        if target and target not in known:
            spot.at("targetContainerName").not_found(target)

    def _common(self, spot: Spot, item: dict[str, Any]) -> None:
        self._name(spot, item.get("name"))
        _image(spot, item)
        policy = item.get("terminationMessagePolicy")
        if policy not in MESSAGE:
            spot.at("terminationMessagePolicy").choice(policy, MESSAGE)
        if item.get("ports"):
            self._ports(spot.at("ports"), item["ports"])
        if item.get("env"):
            environment.variables(spot.at("env"), item["env"])
        if item.get("envFrom"):
            environment.sources(spot.at("envFrom"), item["envFrom"])
        if item.get("volumeMounts") or item.get("volumeDevices"):
            mounts(spot, item, self.volumes)
        if item.get("imagePullPolicy") not in PULL:
            spot.at("imagePullPolicy").choice(item.get("imagePullPolicy"), PULL)
        if item.get("resources"):
            requirements(spot.at("resources"), item["resources"], claims=self.claims)
        for number, rule in enumerate(item.get("resizePolicy") or ()):
            spot.at("resizePolicy").index(number).at("restartPolicy").choice(rule.get("restartPolicy"), RESIZE)
        if item.get("securityContext"):
            security.context(spot.at("securityContext"), item["securityContext"])
            security.bare_proc(spot.at("securityContext"), item["securityContext"], own_users=self.own_users)

    def _attached(self, spot: Spot, item: dict[str, Any]) -> None:
        if item.get("lifecycle"):
            probes.lifecycle(spot.at("lifecycle"), item["lifecycle"], grace_s=self.grace_s, system=self.system)
        for name in probes.PROBES:
            if item.get(name) is not None:
                probes.probe(spot.at(name), item[name], once=name != "readinessProbe")

    def _restart(self, spot: Spot, item: dict[str, Any]) -> None:
        rules = item.get("restartPolicyRules") or ()
        if item.get("restartPolicy") is not None:
            spot.at("restartPolicy").choice(item["restartPolicy"], RESTART)
        elif rules:
            spot.at("restartPolicy").required("must specify restartPolicy when restart rules are used")
        if len(rules) > RULES_MAX:
            spot.at("restartPolicyRules").too_many(len(rules), RULES_MAX)
        for number, rule in enumerate(rules):
            _restart_rule(spot.at("restartPolicyRules").index(number), rule)

    def _name(self, spot: Spot, name: str | None) -> None:
        if not name:
            spot.at("name").required()
            return
        faults = formats.dns_label(name)
        if faults:
            spot.at("name").each(name, faults)
        if name in self.names:
            spot.at("name").duplicate(name)
        self.names.add(name)

    def _ports(self, spot: Spot, ports: list[dict[str, Any]]) -> None:
        seen: set[str] = set()
        for number, port in enumerate(ports):
            name = port.get("name")
            if name:
                faults = formats.port_name(name)
                if faults:
                    spot.index(number).at("name").each(name, faults)
                elif name in seen:
                    spot.index(number).at("name").duplicate(name)
                seen.add(name)
            _port_numbers(spot.index(number), port)
            self._host_port(spot.index(number), port)

    def _host_port(self, spot: Spot, port: dict[str, Any]) -> None:
        host = port.get("hostPort")
        if not host:
            return
        if self.host_network and host != port.get("containerPort"):
            spot.at("hostPort").invalid(host, "must match `containerPort` when `hostNetwork` is true")
        taken = f"{port.get('protocol', 'TCP')}/{port.get('hostIP', '')}/{host}"
        if taken in self.host_ports:
            spot.at("hostPort").duplicate(taken)
        self.host_ports.add(taken)


def _restart_rule(spot: Spot, rule: dict[str, Any]) -> None:
    """Check one rule: what to do, and at which exit codes."""
    if rule.get("action") not in RULE_ACTIONS:
        spot.at("action").unsupported(rule.get("action") or "", RULE_ACTIONS)
    codes = rule.get("exitCodes")
    if codes is None:
        spot.at("exitCodes").required("must be specified")
        return
    if codes.get("operator") not in RULE_OPERATORS:
        spot.at("exitCodes").at("operator").unsupported(codes.get("operator") or "", RULE_OPERATORS)
    if len(codes.get("values") or ()) > EXIT_CODES_MAX:
        spot.at("exitCodes").at("values").too_many(len(codes["values"]), EXIT_CODES_MAX)


def _image(spot: Spot, item: dict[str, Any]) -> None:
    image = item.get("image")
    if not image:
        spot.at("image").required()
    elif image != image.strip():
        spot.at("image").invalid(image, "must not have leading or trailing whitespace")


def _port_numbers(spot: Spot, port: dict[str, Any]) -> None:
    number = port.get("containerPort", 0)
    if number == 0:
        spot.at("containerPort").required()
    elif not 1 <= number <= 65535:
        spot.at("containerPort").each(number, formats.port_number(number))
    host = port.get("hostPort", 0)
    if host and not 1 <= host <= 65535:
        spot.at("hostPort").each(host, formats.port_number(host))
    if port.get("protocol") not in PROTOCOLS:
        spot.at("protocol").choice(port.get("protocol"), PROTOCOLS)
    if port.get("hostIP"):
        spot.at("hostIP").each(port["hostIP"], formats.ip(port["hostIP"]))
