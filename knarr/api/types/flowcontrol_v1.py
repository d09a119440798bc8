"""Read-only flowcontrol/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class ExemptPriorityLevelConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 ExemptPriorityLevelConfiguration."""

    lendablePercent: int | None = None
    nominalConcurrencyShares: int | None = None


class FlowDistinguisherMethod(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 FlowDistinguisherMethod."""

    type: str = field(default_factory=str)


class FlowSchema(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 FlowSchema."""

    apiVersion: str = field(default_factory=lambda: "flowcontrol.apiserver.k8s.io/v1")
    kind: str = field(default_factory=lambda: "FlowSchema")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: FlowSchemaSpec = field(default_factory=lambda: FlowSchemaSpec())
    status: FlowSchemaStatus = field(default_factory=lambda: FlowSchemaStatus())


class FlowSchemaCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 FlowSchemaCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str | None = None
    type: str | None = None


class FlowSchemaList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 FlowSchemaList."""

    apiVersion: str = field(default_factory=lambda: "flowcontrol.apiserver.k8s.io/v1")
    items: tuple[FlowSchema, ...] = ()
    kind: str = field(default_factory=lambda: "FlowSchemaList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class FlowSchemaSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 FlowSchemaSpec."""

    distinguisherMethod: FlowDistinguisherMethod | None = None
    matchingPrecedence: int | None = None
    priorityLevelConfiguration: PriorityLevelConfigurationReference = field(default_factory=lambda: PriorityLevelConfigurationReference())
    rules: tuple[PolicyRulesWithSubjects, ...] = ()


class FlowSchemaStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 FlowSchemaStatus."""

    conditions: tuple[FlowSchemaCondition, ...] = ()


class GroupSubject(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 GroupSubject."""

    name: str = field(default_factory=str)


class LimitResponse(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 LimitResponse."""

    queuing: QueuingConfiguration | None = None
    type: str = field(default_factory=str)


class LimitedPriorityLevelConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 LimitedPriorityLevelConfiguration."""

    borrowingLimitPercent: int | None = None
    lendablePercent: int | None = None
    limitResponse: LimitResponse | None = None
    nominalConcurrencyShares: int | None = None


class NonResourcePolicyRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 NonResourcePolicyRule."""

    nonResourceURLs: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


class PolicyRulesWithSubjects(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PolicyRulesWithSubjects."""

    nonResourceRules: tuple[NonResourcePolicyRule, ...] = ()
    resourceRules: tuple[ResourcePolicyRule, ...] = ()
    subjects: tuple[Subject, ...] = ()


class PriorityLevelConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PriorityLevelConfiguration."""

    apiVersion: str = field(default_factory=lambda: "flowcontrol.apiserver.k8s.io/v1")
    kind: str = field(default_factory=lambda: "PriorityLevelConfiguration")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: PriorityLevelConfigurationSpec = field(default_factory=lambda: PriorityLevelConfigurationSpec())
    status: PriorityLevelConfigurationStatus = field(default_factory=lambda: PriorityLevelConfigurationStatus())


class PriorityLevelConfigurationCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PriorityLevelConfigurationCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    reason: str | None = None
    status: str | None = None
    type: str | None = None


class PriorityLevelConfigurationList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PriorityLevelConfigurationList."""

    apiVersion: str = field(default_factory=lambda: "flowcontrol.apiserver.k8s.io/v1")
    items: tuple[PriorityLevelConfiguration, ...] = ()
    kind: str = field(default_factory=lambda: "PriorityLevelConfigurationList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class PriorityLevelConfigurationReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PriorityLevelConfigurationReference."""

    name: str = field(default_factory=str)


class PriorityLevelConfigurationSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PriorityLevelConfigurationSpec."""

    exempt: ExemptPriorityLevelConfiguration | None = None
    limited: LimitedPriorityLevelConfiguration | None = None
    type: str = field(default_factory=str)


class PriorityLevelConfigurationStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 PriorityLevelConfigurationStatus."""

    conditions: tuple[PriorityLevelConfigurationCondition, ...] = ()


class QueuingConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 QueuingConfiguration."""

    handSize: int | None = None
    queueLengthLimit: int | None = None
    queues: int | None = None


class ResourcePolicyRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 ResourcePolicyRule."""

    apiGroups: tuple[str, ...] = ()
    clusterScope: bool | None = None
    namespaces: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


class ServiceAccountSubject(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 ServiceAccountSubject."""

    name: str = field(default_factory=str)
    namespace: str = field(default_factory=str)


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 Subject."""

    group: GroupSubject | None = None
    kind: str = field(default_factory=str)
    serviceAccount: ServiceAccountSubject | None = None
    user: UserSubject | None = None


class UserSubject(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """flowcontrol/v1 UserSubject."""

    name: str = field(default_factory=str)
