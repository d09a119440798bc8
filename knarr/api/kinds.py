"""List the kinds that Knarr serves, one row each, and find them.

A kind is data: adding one adds a row here and its rules (defaults, validation, columns), no plumbing. Verbs, short
names, categories and subresources are those of a Kubernetes 1.36 API server.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from msgspec import Struct

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
NO_COLLECTION = ("create", "delete", "get", "list", "patch", "update", "watch")
CREATE = ("create",)
EDIT = ("get", "patch", "update")
CONNECT = ("create", "get")
PROXY_VERBS = ("create", "delete", "get", "patch", "update")
ALL = ("all",)
SHOWN_WHEN_DELETED = frozenset({  # Source: kube registry/*/storage, ReturnDeletedObject
    ("", "pods"), ("", "podtemplates"), ("", "persistentvolumes"), ("", "persistentvolumeclaims"),
    ("", "resourcequotas"), ("", "services"), ("", "serviceaccounts"),
    ("resource.k8s.io", "deviceclasses"), ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceclaimtemplates"), ("resource.k8s.io", "resourceslices"),
    ("storage.k8s.io", "csidrivers"), ("storage.k8s.io", "csinodes"), ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"), ("storage.k8s.io", "volumeattributesclasses"),
})


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object.

    kind, group, version: what it speaks; empty where that is the parent's own kind.
    """

    name: str
    verbs: tuple[str, ...] = EDIT
    kind: str = ""
    group: str = ""
    version: str = ""


class Rules(Protocol):
    """What the definition of a custom kind says of its objects; built-in kinds have tables of code instead.

    Objects are changed in place. scale: where a Scale's counts lie, None if the kind has none. reshapes: stored bytes
    may differ from what this version shows. storage_version: the version that is marked so. embedded: the whole
    objects inside of one, by path. webhook: who converts between versions; None where only the name changes. lacks and
    keep: what it has converted, for `show` to find.
    """

    storage_version: str
    reshapes: bool
    webhook: dict[str, Any] | None
    selectable: tuple[str, ...]

    @property
    def scale(self) -> Any: ...
    @property
    def view(self) -> Any: ...
    @property
    def shape(self) -> Any: ...
    @property
    def schema(self) -> dict[str, Any]: ...
    def settle(self, obj: dict[str, Any]) -> Any: ...
    def embedded(self, obj: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]: ...
    def default(self, obj: dict[str, Any]) -> None: ...
    def create(self, obj: dict[str, Any]) -> list[Any]: ...
    def update(self, new: dict[str, Any], old: dict[str, Any], subresource: str) -> list[Any]: ...
    def show(self, obj: dict[str, Any]) -> dict[str, Any]: ...
    def lacks(self, obj: dict[str, Any]) -> bool: ...
    def keep(self, obj: dict[str, Any], converted: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object and where it is served.

    stored: False for kinds that are answered and forgotten (reviews, bindings).
    stored_group, stored_version: the form in which the object lies in the store, where it is another ("=": its own). A
    stored version alone is one that Kubernetes stores, and tells of in discovery.
    served: False for bodies that only subresources speak (Scale, Eviction).
    deprecated: what every answer warns of; empty for most.
    said_singular, said_list: names that do not follow from the kind's.
    rules: what the definition of a custom kind says; None for built-in kinds, and where only the names matter.
    """

    group: str
    version: str
    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    stored: bool = True
    stored_group: str = "="
    stored_version: str = "="
    served: bool = True
    deprecated: str = ""
    said_singular: str = ""
    said_list: str = ""
    rules: Rules | None = None

    @property
    def singular(self) -> str:
        """The singular resource name, `deployment`."""
        return self.said_singular or self.kind.lower()

    @property
    def shown_when_deleted(self) -> bool:
        """Say whether a deletion answers with the object that has gone, and not with a Status."""
        return (self.group, self.plural) in SHOWN_WHEN_DELETED

    @property
    def list_kind(self) -> str:
        """The kind of a list of them, `DeploymentList`."""
        return self.said_list or f"{self.kind}List"

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The name that errors use: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def definition(self) -> str:
        """The name in the field table, `apps_v1.Deployment`; of a custom kind, its full name after a colon."""
        if self.rules is not None:
            return f":{'.'.join(reversed(self.group.split('.')))}.{self.version}.{self.kind}"
        return f"{_module(self.group, self.version)}.{self.kind}"

    @property
    def prefix(self) -> str:
        """The store's prefix of all objects of the kind, `/apps/deployments`."""
        group = self.group if self.stored_group == "=" else self.stored_group
        return f"/{group or 'core'}/{self.plural}"

    @property
    def storage(self) -> Kind:
        """The row of the form in which the store keeps the object; mostly the kind itself."""
        if self.stored_group == "=":
            return self
        found = by_kind(self.stored_group, self.stored_version, self.kind)
        assert found is not None, self
        return found

    def key(self, namespace: str, name: str) -> str:
        """Return the store's key; `namespace` empty for cluster-wide kinds."""
        assert bool(namespace) == self.namespaced, (self.kind, namespace)
        return f"{self.prefix}/{namespace or '-'}/{name}"

    def namespace_prefix(self, namespace: str) -> str:
        """Return the prefix of one namespace's keys; of all of them where `namespace` is empty."""
        return f"{self.prefix}/{namespace}/" if namespace else f"{self.prefix}/"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL path of the collection, object or subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"namespaces/{namespace}" if namespace else ""
        return "/".join(part for part in (root, scope, self.plural, name, subresource) if part)

    def subresource(self, name: str) -> Subresource | None:
        """Find a subresource by name; None if the kind has none such."""
        return next((row for row in self.subresources if row.name == name), None)

    def body_of(self, subresource: Subresource) -> Kind:
        """Return the kind that a subresource speaks."""
        if not subresource.kind or subresource.kind == self.kind:
            return self
        found = by_kind(subresource.group or self.group, subresource.version or self.version, subresource.kind)
        assert found is not None, subresource
        return found


STATUS = Subresource("status")
SCALE = Subresource("scale", kind="Scale", group="autoscaling", version="v1")

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Binding", "bindings", verbs=CREATE, stored=False),
    Kind("", "v1", "ComponentStatus", "componentstatuses", ("cs",), namespaced=False, verbs=("get", "list"),
         stored=False, deprecated="v1 ComponentStatus is deprecated in v1.19+"),
    Kind("", "v1", "ConfigMap", "configmaps", ("cm",)),
    Kind("", "v1", "Endpoints", "endpoints", ("ep",),
         deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
    Kind("", "v1", "Event", "events", ("ev",)),
    Kind("", "v1", "LimitRange", "limitranges", ("limits",)),
    Kind("", "v1", "Namespace", "namespaces", ("ns",), namespaced=False, verbs=NO_COLLECTION,
         subresources=(Subresource("finalize", ("update",)), STATUS)),
    Kind("", "v1", "Node", "nodes", ("no",), namespaced=False,
         subresources=(Subresource("proxy", PROXY_VERBS, kind="NodeProxyOptions"), STATUS)),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",), subresources=(STATUS,)),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", ("pv",), namespaced=False, subresources=(STATUS,)),
    Kind("", "v1", "Pod", "pods", ("po",), categories=ALL, subresources=(
        Subresource("attach", CONNECT, kind="PodAttachOptions"),
        Subresource("binding", CREATE, kind="Binding"),
        Subresource("ephemeralcontainers"),
        Subresource("eviction", CREATE, kind="Eviction", group="policy", version="v1"),
        Subresource("exec", CONNECT, kind="PodExecOptions"),
        Subresource("log", ("get",)),
        Subresource("portforward", CONNECT, kind="PodPortForwardOptions"),
        Subresource("proxy", PROXY_VERBS, kind="PodProxyOptions"),
        Subresource("resize"),
        STATUS,
    )),
    Kind("", "v1", "PodTemplate", "podtemplates"),
    Kind("", "v1", "ReplicationController", "replicationcontrollers", ("rc",), categories=ALL,
         subresources=(SCALE, STATUS)),
    Kind("", "v1", "ResourceQuota", "resourcequotas", ("quota",), subresources=(STATUS,)),
    Kind("", "v1", "Secret", "secrets"),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", ("sa",), subresources=(
        Subresource("token", CREATE, kind="TokenRequest", group="authentication.k8s.io", version="v1"),
    )),
    Kind("", "v1", "Service", "services", ("svc",), categories=ALL,
         subresources=(Subresource("proxy", PROXY_VERBS, kind="ServiceProxyOptions"), STATUS)),
    Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False, categories=("api-extensions",),
         subresources=(STATUS,)),
    Kind("apps", "v1", "ControllerRevision", "controllerrevisions"),
    Kind("apps", "v1", "DaemonSet", "daemonsets", ("ds",), categories=ALL, subresources=(STATUS,)),
    Kind("apps", "v1", "Deployment", "deployments", ("deploy",), categories=ALL, subresources=(SCALE, STATUS)),
    Kind("apps", "v1", "ReplicaSet", "replicasets", ("rs",), categories=ALL, subresources=(SCALE, STATUS)),
    Kind("apps", "v1", "StatefulSet", "statefulsets", ("sts",), categories=ALL, subresources=(SCALE, STATUS)),
    Kind("events.k8s.io", "v1", "Event", "events", ("ev",), stored_group="", stored_version="v1"),
    Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False, verbs=CREATE,
         stored=False),
    Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False, verbs=CREATE, stored=False),
    Kind("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=CREATE,
         stored=False),
    Kind("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False,
         verbs=CREATE, stored=False),
    Kind("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False,
         verbs=CREATE, stored=False),
    Kind("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False, verbs=CREATE,
         stored=False),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",), categories=ALL,
         subresources=(STATUS,)),
    Kind("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",), categories=ALL,
         subresources=(STATUS,), stored_group="autoscaling", stored_version="v2"),
    Kind("batch", "v1", "CronJob", "cronjobs", ("cj",), categories=ALL, subresources=(STATUS,)),
    Kind("batch", "v1", "Job", "jobs", categories=ALL, subresources=(STATUS,)),
    Kind("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", ("csr",),
         namespaced=False, subresources=(Subresource("approval"), STATUS)),
    Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses", ("ing",), subresources=(STATUS,)),
    Kind("networking.k8s.io", "v1", "IPAddress", "ipaddresses", ("ip",), namespaced=False),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ("netpol",)),
    Kind("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", namespaced=False, subresources=(STATUS,)),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",), subresources=(STATUS,)),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    Kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False),
    Kind("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False),
    Kind("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities"),
    Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", ("sc",), namespaced=False),
    Kind("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", namespaced=False, subresources=(STATUS,)),
    Kind("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", ("vac",), namespaced=False),
    Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", ("crd", "crds"),
         namespaced=False, categories=("api-extensions",), subresources=(STATUS,), stored_version="v1beta1"),
    Kind("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies",
         namespaced=False, categories=("api-extensions",), stored_version="v1beta1"),
    Kind("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings",
         namespaced=False, categories=("api-extensions",), stored_version="v1beta1"),
    Kind("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
         namespaced=False, categories=("api-extensions",)),
    Kind("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies",
         namespaced=False, categories=("api-extensions",), subresources=(STATUS,)),
    Kind("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings",
         namespaced=False, categories=("api-extensions",)),
    Kind("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
         namespaced=False, categories=("api-extensions",)),
    Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", ("pc",), namespaced=False),
    Kind("coordination.k8s.io", "v1", "Lease", "leases"),
    Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Kind("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False),
    Kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources=(STATUS,)),
    Kind("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates"),
    Kind("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False),
    Kind("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", namespaced=False, subresources=(STATUS,)),
    Kind("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations",
         namespaced=False, subresources=(STATUS,)),
)

BODIES: tuple[Kind, ...] = (  # spoken by subresources and verbs only
    Kind("autoscaling", "v1", "Scale", "scales", verbs=(), stored=False, served=False),
    Kind("policy", "v1", "Eviction", "evictions", verbs=(), stored=False, served=False),
    Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", verbs=(), stored=False, served=False),
    Kind("meta.k8s.io", "v1", "DeleteOptions", "deleteoptions", verbs=(), stored=False, served=False),
)

_BY_RESOURCE = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
_BY_KIND = {(kind.group, kind.version, kind.kind): kind for kind in KINDS + BODIES}


def by_resource(group: str, version: str, plural: str) -> Kind | None:
    """Find a served kind by its URL's words; None if nothing is served there."""
    return _BY_RESOURCE.get((group, version, plural))


def by_kind(group: str, version: str, kind: str) -> Kind | None:
    """Find a kind by name, bodies of subresources among them; None if unknown."""
    return _BY_KIND.get((group, version, kind))


def of_object(obj: dict[str, Any]) -> Kind | None:
    """Find the kind that an object says it is by `apiVersion` and `kind`; None if unknown."""
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    return by_kind(group, version, str(obj.get("kind", "")))


@cache
def of(struct_type: type[Any]) -> Kind:
    """Return the kind of a struct from `knarr.api.types`. A struct that is no kind is a bug."""
    name = f"{struct_type.__module__.rpartition('.')[2]}.{struct_type.__name__}"
    found = next((kind for kind in KINDS + BODIES if kind.definition == name), None)
    assert found is not None, f"{name} is no kind"
    return found


@cache
def struct(kind: Kind) -> type[Struct]:
    """Return the struct of a kind, importing its module on first use."""
    module, _, name = kind.definition.partition(".")
    found = getattr(import_module(f"knarr.api.types.{module}"), name)
    assert isinstance(found, type)
    return found


def _module(group: str, version: str) -> str:
    """Return the types module of a group and version: `core_v1`, `rbac_v1`, `apps_v1`."""
    return f"{group.partition('.')[0] or 'core'}_{version}"
