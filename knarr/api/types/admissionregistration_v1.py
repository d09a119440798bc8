"""Read-only admissionregistration/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from msgspec import Struct, field

from knarr.api.types import meta_v1


class ApplyConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ApplyConfiguration."""

    expression: str | None = None


class AuditAnnotation(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 AuditAnnotation."""

    key: str = field(default_factory=str)
    valueExpression: str = field(default_factory=str)


class ExpressionWarning(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ExpressionWarning."""

    fieldRef: str = field(default_factory=str)
    warning: str = field(default_factory=str)


class JSONPatch(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 JSONPatch."""

    expression: str | None = None


class MatchCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MatchCondition."""

    expression: str = field(default_factory=str)
    name: str = field(default_factory=str)


class MatchResources(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MatchResources."""

    excludeResourceRules: tuple[NamedRuleWithOperations, ...] = ()
    matchPolicy: str | None = None
    namespaceSelector: meta_v1.LabelSelector | None = None
    objectSelector: meta_v1.LabelSelector | None = None
    resourceRules: tuple[NamedRuleWithOperations, ...] = ()


class MutatingAdmissionPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingAdmissionPolicy."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "MutatingAdmissionPolicy")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: MutatingAdmissionPolicySpec = field(default_factory=lambda: MutatingAdmissionPolicySpec())


class MutatingAdmissionPolicyBinding(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingAdmissionPolicyBinding."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "MutatingAdmissionPolicyBinding")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: MutatingAdmissionPolicyBindingSpec = field(default_factory=lambda: MutatingAdmissionPolicyBindingSpec())


class MutatingAdmissionPolicyBindingList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingAdmissionPolicyBindingList."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    items: tuple[MutatingAdmissionPolicyBinding, ...] = ()
    kind: str = field(default_factory=lambda: "MutatingAdmissionPolicyBindingList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class MutatingAdmissionPolicyBindingSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingAdmissionPolicyBindingSpec."""

    matchResources: MatchResources | None = None
    paramRef: ParamRef | None = None
    policyName: str | None = None


class MutatingAdmissionPolicyList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingAdmissionPolicyList."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    items: tuple[MutatingAdmissionPolicy, ...] = ()
    kind: str = field(default_factory=lambda: "MutatingAdmissionPolicyList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class MutatingAdmissionPolicySpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingAdmissionPolicySpec."""

    failurePolicy: str | None = None
    matchConditions: tuple[MatchCondition, ...] = ()
    matchConstraints: MatchResources | None = None
    mutations: tuple[Mutation, ...] = ()
    paramKind: ParamKind | None = None
    reinvocationPolicy: str | None = None
    variables: tuple[Variable, ...] = ()


class MutatingWebhook(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingWebhook."""

    admissionReviewVersions: tuple[str, ...] = ()
    clientConfig: WebhookClientConfig = field(default_factory=lambda: WebhookClientConfig())
    failurePolicy: str | None = None
    matchConditions: tuple[MatchCondition, ...] = ()
    matchPolicy: str | None = None
    name: str = field(default_factory=str)
    namespaceSelector: meta_v1.LabelSelector | None = None
    objectSelector: meta_v1.LabelSelector | None = None
    reinvocationPolicy: str | None = None
    rules: tuple[RuleWithOperations, ...] = ()
    sideEffects: str = field(default_factory=str)
    timeoutSeconds: int | None = None


class MutatingWebhookConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingWebhookConfiguration."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "MutatingWebhookConfiguration")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    webhooks: tuple[MutatingWebhook, ...] = ()


class MutatingWebhookConfigurationList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 MutatingWebhookConfigurationList."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    items: tuple[MutatingWebhookConfiguration, ...] = ()
    kind: str = field(default_factory=lambda: "MutatingWebhookConfigurationList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class Mutation(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 Mutation."""

    applyConfiguration: ApplyConfiguration | None = None
    jsonPatch: JSONPatch | None = None
    patchType: str = field(default_factory=str)


class NamedRuleWithOperations(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 NamedRuleWithOperations."""

    apiGroups: tuple[str, ...] = ()
    apiVersions: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    resourceNames: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    scope: str | None = None


class ParamKind(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ParamKind."""

    apiVersion: str | None = None
    kind: str | None = None


class ParamRef(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ParamRef."""

    name: str | None = None
    namespace: str | None = None
    parameterNotFoundAction: str | None = None
    selector: meta_v1.LabelSelector | None = None


class RuleWithOperations(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 RuleWithOperations."""

    apiGroups: tuple[str, ...] = ()
    apiVersions: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    scope: str | None = None


class ServiceReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ServiceReference."""

    name: str = field(default_factory=str)
    namespace: str = field(default_factory=str)
    path: str | None = None
    port: int | None = None


class TypeChecking(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 TypeChecking."""

    expressionWarnings: tuple[ExpressionWarning, ...] = ()


class ValidatingAdmissionPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicy."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ValidatingAdmissionPolicy")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ValidatingAdmissionPolicySpec = field(default_factory=lambda: ValidatingAdmissionPolicySpec())
    status: ValidatingAdmissionPolicyStatus = field(default_factory=lambda: ValidatingAdmissionPolicyStatus())


class ValidatingAdmissionPolicyBinding(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicyBinding."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ValidatingAdmissionPolicyBinding")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: ValidatingAdmissionPolicyBindingSpec = field(default_factory=lambda: ValidatingAdmissionPolicyBindingSpec())


class ValidatingAdmissionPolicyBindingList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicyBindingList."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    items: tuple[ValidatingAdmissionPolicyBinding, ...] = ()
    kind: str = field(default_factory=lambda: "ValidatingAdmissionPolicyBindingList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ValidatingAdmissionPolicyBindingSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicyBindingSpec."""

    matchResources: MatchResources | None = None
    paramRef: ParamRef | None = None
    policyName: str = field(default_factory=str)
    validationActions: tuple[str, ...] = ()


class ValidatingAdmissionPolicyList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicyList."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    items: tuple[ValidatingAdmissionPolicy, ...] = ()
    kind: str = field(default_factory=lambda: "ValidatingAdmissionPolicyList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class ValidatingAdmissionPolicySpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicySpec."""

    auditAnnotations: tuple[AuditAnnotation, ...] = ()
    failurePolicy: str | None = None
    matchConditions: tuple[MatchCondition, ...] = ()
    matchConstraints: MatchResources | None = None
    paramKind: ParamKind | None = None
    validations: tuple[Validation, ...] = ()
    variables: tuple[Variable, ...] = ()


class ValidatingAdmissionPolicyStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingAdmissionPolicyStatus."""

    conditions: tuple[meta_v1.Condition, ...] = ()
    observedGeneration: int | None = None
    typeChecking: TypeChecking | None = None


class ValidatingWebhook(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingWebhook."""

    admissionReviewVersions: tuple[str, ...] = ()
    clientConfig: WebhookClientConfig = field(default_factory=lambda: WebhookClientConfig())
    failurePolicy: str | None = None
    matchConditions: tuple[MatchCondition, ...] = ()
    matchPolicy: str | None = None
    name: str = field(default_factory=str)
    namespaceSelector: meta_v1.LabelSelector | None = None
    objectSelector: meta_v1.LabelSelector | None = None
    rules: tuple[RuleWithOperations, ...] = ()
    sideEffects: str = field(default_factory=str)
    timeoutSeconds: int | None = None


class ValidatingWebhookConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingWebhookConfiguration."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    kind: str = field(default_factory=lambda: "ValidatingWebhookConfiguration")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    webhooks: tuple[ValidatingWebhook, ...] = ()


class ValidatingWebhookConfigurationList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 ValidatingWebhookConfigurationList."""

    apiVersion: str = field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    items: tuple[ValidatingWebhookConfiguration, ...] = ()
    kind: str = field(default_factory=lambda: "ValidatingWebhookConfigurationList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class Validation(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 Validation."""

    expression: str = field(default_factory=str)
    message: str | None = None
    messageExpression: str | None = None
    reason: str | None = None


class Variable(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 Variable."""

    expression: str = field(default_factory=str)
    name: str = field(default_factory=str)


class WebhookClientConfig(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """admissionregistration/v1 WebhookClientConfig."""

    caBundle: str | None = None
    service: ServiceReference | None = None
    url: str | None = None
