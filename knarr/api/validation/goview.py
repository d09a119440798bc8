"""Show a structure as Kubernetes' own messages do: as its internal Go type, every field, in Go's order.

`show("PodSpec", spec)` is the value in `Invalid value: {"Volumes":null,…}`; `difference` is the unified diff that some
refusals of an update carry. A table gives each type's fields; how an absent field looks is in the mark after its name:

    Name    text, ""          Name#   number, 0         Name!   boolean, false      Name~   quantity, "0"
    Name?   pointer, list or map: null                  :Type   what is inside      +Type   embedded

Source: kube pkg/apis/core/types.go and its neighbours; util/diff (one space of indent, three lines of context).
"""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from typing import Any, Final

from knarr.api.validation.spot import Raw, compact

TYPES: Final[dict[str, str]] = {
    "PodSpec": "Volumes?:Volume InitContainers?:Container Containers?:Container "
        "EphemeralContainers?:EphemeralContainer "
        "RestartPolicy TerminationGracePeriodSeconds? ActiveDeadlineSeconds? DNSPolicy NodeSelector? "
        "ServiceAccountName AutomountServiceAccountToken? NodeName SecurityContext?:PodSecurityContext "
        "ImagePullSecrets?:Reference Hostname Subdomain SetHostnameAsFQDN? Affinity?:Affinity SchedulerName "
        "Tolerations?:Toleration HostAliases?:HostAlias PriorityClassName Priority? PreemptionPolicy? "
        "DNSConfig?:DNSConfig ReadinessGates?:ReadinessGate RuntimeClassName? Overhead? EnableServiceLinks? "
        "TopologySpreadConstraints?:Spread OS?:Reference SchedulingGates?:Reference ResourceClaims?:PodClaim "
        "Resources?:Resources HostnameOverride? SchedulingGroup?",
    "PodSecurityContext": "HostNetwork! HostPID! HostIPC! ShareProcessNamespace? HostUsers? SELinuxOptions?:SELinux "
        "WindowsOptions?:Windows RunAsUser? RunAsGroup? RunAsNonRoot? SupplementalGroups? SupplementalGroupsPolicy? "
        "FSGroup? FSGroupChangePolicy? Sysctls?:Sysctl SeccompProfile?:Profile AppArmorProfile?:Profile "
        "SELinuxChangePolicy?",
    "Container": "Name Image Command? Args? WorkingDir Ports?:Port EnvFrom?:EnvFrom Env?:Env Resources:Resources "
        "ResizePolicy?:Resize RestartPolicy? RestartPolicyRules?:RestartRule VolumeMounts?:Mount VolumeDevices?:Device "
        "LivenessProbe?:Probe ReadinessProbe?:Probe StartupProbe?:Probe Lifecycle?:Lifecycle TerminationMessagePath "
        "TerminationMessagePolicy ImagePullPolicy SecurityContext?:SecurityContext Stdin! StdinOnce! TTY!",
    "EphemeralContainer": "+Container TargetContainerName",
    "SecurityContext": "Capabilities?:Capabilities Privileged? SELinuxOptions?:SELinux WindowsOptions?:Windows "
        "RunAsUser? RunAsGroup? RunAsNonRoot? ReadOnlyRootFilesystem? AllowPrivilegeEscalation? ProcMount? "
        "SeccompProfile?:Profile AppArmorProfile?:Profile",
    "Capabilities": "Add? Drop?",
    "SELinux": "User Role Type Level",
    "Windows": "GMSACredentialSpecName? GMSACredentialSpec? RunAsUserName? HostProcess?",
    "Profile": "Type LocalhostProfile?",
    "Sysctl": "Name Value",
    "Resources": "Limits? Requests? Claims?:ResourceClaim",
    "ResourceClaim": "Name Request",
    "PodClaim": "Name ResourceClaimName? ResourceClaimTemplateName?",
    "Resize": "ResourceName RestartPolicy",
    "RestartRule": "Action ExitCodes?:ExitCodes",
    "ExitCodes": "Operator Values?",
    "Port": "Name HostPort# ContainerPort# Protocol HostIP",
    "Env": "Name Value ValueFrom?:EnvSource",
    "EnvSource": "FieldRef?:FieldRef ResourceFieldRef?:ResourceFieldRef ConfigMapKeyRef?:KeyRef SecretKeyRef?:KeyRef "
        "FileKeyRef?:FileKeyRef",
    "FieldRef": "APIVersion FieldPath",
    "ResourceFieldRef": "ContainerName Resource Divisor~",
    "KeyRef": "Name Key Optional?",
    "FileKeyRef": "VolumeName Path Key Optional?",
    "EnvFrom": "Prefix ConfigMapRef?:OptionalRef SecretRef?:OptionalRef",
    "OptionalRef": "Name Optional?",
    "Reference": "Name",
    "Mount": "Name ReadOnly! RecursiveReadOnly? MountPath SubPath MountPropagation? SubPathExpr",
    "Device": "Name DevicePath",
    "Probe": "+Handler InitialDelaySeconds# TimeoutSeconds# PeriodSeconds# SuccessThreshold# FailureThreshold# "
        "TerminationGracePeriodSeconds?",
    "Handler": "Exec?:Exec HTTPGet?:HTTPGet TCPSocket?:TCPSocket GRPC?:GRPC",
    "Lifecycle": "PostStart?:Hook PreStop?:Hook StopSignal?",
    "Hook": "Exec?:Exec HTTPGet?:HTTPGet TCPSocket?:TCPSocket Sleep?:Sleep",
    "Exec": "Command?",
    "HTTPGet": "Path Port# Host Scheme HTTPHeaders?:Sysctl",
    "TCPSocket": "Port# Host",
    "GRPC": "Port# Service?",
    "Sleep": "Seconds#",
    "Toleration": "Key Operator Value Effect TolerationSeconds?",
    "HostAlias": "IP Hostnames?",
    "DNSConfig": "Nameservers? Searches? Options?:DNSOption",
    "DNSOption": "Name Value?",
    "ReadinessGate": "ConditionType",
    "Spread": "MaxSkew# TopologyKey WhenUnsatisfiable LabelSelector? MinDomains? NodeAffinityPolicy? "
        "NodeTaintsPolicy? MatchLabelKeys?",
    "Affinity": "NodeAffinity?:NodeAffinity PodAffinity?:PodAffinity PodAntiAffinity?:PodAffinity",
    "NodeAffinity": "RequiredDuringSchedulingIgnoredDuringExecution?:NodeSelector "
        "PreferredDuringSchedulingIgnoredDuringExecution?:PreferredTerm",
    "NodeSelector": "NodeSelectorTerms?:NodeTerm",
    "PreferredTerm": "Weight# Preference:NodeTerm",
    "NodeTerm": "MatchExpressions?:Requirement MatchFields?:Requirement",
    "Requirement": "Key Operator Values?",
    "PodAffinity": "RequiredDuringSchedulingIgnoredDuringExecution?:PodTerm "
        "PreferredDuringSchedulingIgnoredDuringExecution?:WeightedTerm",
    "WeightedTerm": "Weight# PodAffinityTerm:PodTerm",
    "PodTerm": "LabelSelector? Namespaces? TopologyKey NamespaceSelector? MatchLabelKeys? MismatchLabelKeys?",
    "Volume": "Name HostPath?:HostPath EmptyDir?:EmptyDir GCEPersistentDisk? AWSElasticBlockStore? GitRepo? "
        "Secret?:SecretVolume NFS?:NFS ISCSI? Glusterfs? PersistentVolumeClaim?:ClaimVolume RBD? Quobyte? FlexVolume? "
        "Cinder? CephFS? Flocker? DownwardAPI?:DownwardVolume FC? AzureFile? ConfigMap?:ConfigMapVolume VsphereVolume? "
        "AzureDisk? PhotonPersistentDisk? Projected?:Projected PortworxVolume? ScaleIO? StorageOS? CSI?:CSI Ephemeral? "
        "Image?:Image",
    "HostPath": "Path Type?",
    "EmptyDir": "Medium SizeLimit?",
    "SecretVolume": "SecretName Items?:Item DefaultMode? Optional?",
    "ConfigMapVolume": "Name Items?:Item DefaultMode? Optional?",
    "Item": "Key Path Mode?",
    "NFS": "Server Path ReadOnly!",
    "ClaimVolume": "ClaimName ReadOnly!",
    "DownwardVolume": "Items?:DownwardItem DefaultMode?",
    "DownwardItem": "Path FieldRef?:FieldRef ResourceFieldRef?:ResourceFieldRef Mode?",
    "Projected": "Sources?:Projection DefaultMode?",
    "Projection": "Secret?:ProjectedMap DownwardAPI?:ProjectedDownward ConfigMap?:ProjectedMap "
        "ServiceAccountToken?:Token ClusterTrustBundle? PodCertificate?",
    "ProjectedMap": "Name Items?:Item Optional?",
    "ProjectedDownward": "Items?:DownwardItem",
    "Token": "Audience ExpirationSeconds# Path",
    "CSI": "Driver ReadOnly? FSType? VolumeAttributes? NodePublishSecretRef?:Reference",
    "Image": "Reference PullPolicy",
    "ClaimSpec": "AccessModes? Selector? Resources:ClaimResources VolumeName StorageClassName? VolumeMode? "
        "DataSource?:DataSource DataSourceRef?:DataSourceRef VolumeAttributesClassName?",
    "ClaimResources": "Limits? Requests?",
    "DataSource": "APIGroup? Kind Name",
    "DataSourceRef": "APIGroup? Kind Name Namespace?",
    "DeploymentStrategy": "Type RollingUpdate?:Rolling",
    "Rolling": "MaxUnavailable# MaxSurge#",
    "StatefulSetStrategy": "Type RollingUpdate?:Partition",
    "Partition": "Partition# MaxUnavailable?",
    "ServicePort": "Name Protocol AppProtocol? Port# TargetPort# NodePort#",
    "BudgetSpec": "MinAvailable? Selector? MaxUnavailable? UnhealthyPodEvictionPolicy?",
    "RoleRef": "APIGroup Kind Name",
}

ABSENT: Final[dict[str, Any]] = {"": "", "#": 0, "!": False, "~": "0", "?": None}
SPELLINGS: Final = {"CephFS": "cephfs", "StorageOS": "storageos", "GMSACredentialSpec": "gmsaCredentialSpec"}
FIELD: Final = re.compile(r"(\w+)([?#!~]?)(?::(\w+))?")
HEAD: Final = re.compile(r"^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]")
FROM_SPEC: Final = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")


def show(name: str, value: dict[str, Any]) -> Raw:
    """Return the structure as a message shows it. name: its type in the table."""
    return Raw(compact(view(name, value)))


def difference(name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return how two structures differ, as a unified diff without file names."""
    before, after = (json.dumps(view(name, value), indent=1, ensure_ascii=False).splitlines() for value in (old, new))
    lines = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)


def view(name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return the structure with Go's names, order and absent values."""
    if name == "PodSpec":
        value = _pod_spec(value)
    shown: dict[str, Any] = {}
    for go_name, json_name, mark, inner in fields(name):
        item = value.get(json_name)
        if item is None:
            shown[go_name] = view(inner, {}) if inner and not mark else ABSENT[mark]
        elif not inner:
            shown[go_name] = dict(sorted(item.items())) if item.__class__ is dict else item
        elif item.__class__ is list:
            shown[go_name] = [view(inner, element) for element in item]
        else:
            shown[go_name] = view(inner, item)
    return shown


@cache
def fields(name: str) -> tuple[tuple[str, str, str, str], ...]:
    """Return a type's fields: Go's name, the API's name, the mark, the inner type."""
    rows: list[tuple[str, str, str, str]] = []
    for word in TYPES[name].split():
        if word.startswith("+"):
            rows += fields(word[1:])
            continue
        match = FIELD.fullmatch(word)
        assert match is not None, word
        go_name, mark, inner = match.groups(default="")
        rows.append((go_name, json_name(go_name), mark, inner))
    return tuple(rows)


def json_name(go_name: str) -> str:
    """Return how the API spells a field.

    >>> json_name("DNSPolicy"), json_name("SELinuxOptions"), json_name("HostPID")
    ('dnsPolicy', 'seLinuxOptions', 'hostPID')
    """
    return SPELLINGS.get(go_name) or HEAD.sub(lambda match: match[0].lower(), go_name)


def _pod_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Move what Go keeps in the security context there."""
    moved = {name: spec[name] for name in FROM_SPEC if name in spec}
    return {**spec, "securityContext": {**(spec.get("securityContext") or {}), **moved}}
