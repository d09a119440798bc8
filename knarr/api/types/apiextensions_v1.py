"""Read-only apiextensions/v1 objects. Written by scripts/generate_api.py."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct, field

from knarr.api.types import meta_v1

CustomResourceSubresourceStatus: TypeAlias = Any
JSON: TypeAlias = Any
JSONSchemaPropsOrArray: TypeAlias = Any
JSONSchemaPropsOrBool: TypeAlias = Any
JSONSchemaPropsOrStringArray: TypeAlias = Any


class CustomResourceColumnDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceColumnDefinition."""

    description: str | None = None
    format: str | None = None
    jsonPath: str = field(default_factory=str)
    name: str = field(default_factory=str)
    priority: int | None = None
    type: str = field(default_factory=str)


class CustomResourceConversion(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceConversion."""

    strategy: str = field(default_factory=str)
    webhook: WebhookConversion | None = None


class CustomResourceDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinition."""

    apiVersion: str = field(default_factory=lambda: "apiextensions.k8s.io/v1")
    kind: str = field(default_factory=lambda: "CustomResourceDefinition")
    metadata: meta_v1.ObjectMeta = field(default_factory=lambda: meta_v1.ObjectMeta())
    spec: CustomResourceDefinitionSpec = field(default_factory=lambda: CustomResourceDefinitionSpec())
    status: CustomResourceDefinitionStatus = field(default_factory=lambda: CustomResourceDefinitionStatus())


class CustomResourceDefinitionCondition(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinitionCondition."""

    lastTransitionTime: str | None = None
    message: str | None = None
    observedGeneration: int | None = None
    reason: str | None = None
    status: str = field(default_factory=str)
    type: str = field(default_factory=str)


class CustomResourceDefinitionList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinitionList."""

    apiVersion: str = field(default_factory=lambda: "apiextensions.k8s.io/v1")
    items: tuple[CustomResourceDefinition, ...] = ()
    kind: str = field(default_factory=lambda: "CustomResourceDefinitionList")
    metadata: meta_v1.ListMeta = field(default_factory=lambda: meta_v1.ListMeta())


class CustomResourceDefinitionNames(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinitionNames."""

    categories: tuple[str, ...] = ()
    kind: str = field(default_factory=str)
    listKind: str | None = None
    plural: str = field(default_factory=str)
    shortNames: tuple[str, ...] = ()
    singular: str | None = None


class CustomResourceDefinitionSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinitionSpec."""

    conversion: CustomResourceConversion | None = None
    group: str = field(default_factory=str)
    names: CustomResourceDefinitionNames = field(default_factory=lambda: CustomResourceDefinitionNames())
    preserveUnknownFields: bool | None = None
    scope: str = field(default_factory=str)
    versions: tuple[CustomResourceDefinitionVersion, ...] = ()


class CustomResourceDefinitionStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinitionStatus."""

    acceptedNames: CustomResourceDefinitionNames | None = None
    conditions: tuple[CustomResourceDefinitionCondition, ...] = ()
    observedGeneration: int | None = None
    storedVersions: tuple[str, ...] = ()


class CustomResourceDefinitionVersion(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceDefinitionVersion."""

    additionalPrinterColumns: tuple[CustomResourceColumnDefinition, ...] = ()
    deprecated: bool | None = None
    deprecationWarning: str | None = None
    name: str = field(default_factory=str)
    schema: CustomResourceValidation | None = None
    selectableFields: tuple[SelectableField, ...] = ()
    served: bool = field(default_factory=bool)
    storage: bool = field(default_factory=bool)
    subresources: CustomResourceSubresources | None = None


class CustomResourceSubresourceScale(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceSubresourceScale."""

    labelSelectorPath: str | None = None
    specReplicasPath: str = field(default_factory=str)
    statusReplicasPath: str = field(default_factory=str)


class CustomResourceSubresources(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceSubresources."""

    scale: CustomResourceSubresourceScale | None = None
    status: CustomResourceSubresourceStatus | None = None


class CustomResourceValidation(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 CustomResourceValidation."""

    openAPIV3Schema: JSONSchemaProps | None = None


class ExternalDocumentation(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 ExternalDocumentation."""

    description: str | None = None
    url: str | None = None


class JSONSchemaProps(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 JSONSchemaProps."""

    ref_: str | None = field(default=None, name="$ref")
    schema_: str | None = field(default=None, name="$schema")
    additionalItems: JSONSchemaPropsOrBool | None = None
    additionalProperties: JSONSchemaPropsOrBool | None = None
    allOf: tuple[JSONSchemaProps, ...] = ()
    anyOf: tuple[JSONSchemaProps, ...] = ()
    default: JSON | None = None
    definitions: dict[str, JSONSchemaProps] = {}
    dependencies: dict[str, JSONSchemaPropsOrStringArray] = {}
    description: str | None = None
    enum: tuple[JSON, ...] = ()
    example: JSON | None = None
    exclusiveMaximum: bool | None = None
    exclusiveMinimum: bool | None = None
    externalDocs: ExternalDocumentation | None = None
    format: str | None = None
    id: str | None = None
    items: JSONSchemaPropsOrArray | None = None
    maxItems: int | None = None
    maxLength: int | None = None
    maxProperties: int | None = None
    maximum: float | None = None
    minItems: int | None = None
    minLength: int | None = None
    minProperties: int | None = None
    minimum: float | None = None
    multipleOf: float | None = None
    not_: JSONSchemaProps | None = field(default=None, name="not")
    nullable: bool | None = None
    oneOf: tuple[JSONSchemaProps, ...] = ()
    pattern: str | None = None
    patternProperties: dict[str, JSONSchemaProps] = {}
    properties: dict[str, JSONSchemaProps] = {}
    required: tuple[str, ...] = ()
    title: str | None = None
    type: str | None = None
    uniqueItems: bool | None = None
    x_kubernetes_embedded_resource: bool | None = field(default=None, name="x-kubernetes-embedded-resource")
    x_kubernetes_int_or_string: bool | None = field(default=None, name="x-kubernetes-int-or-string")
    x_kubernetes_list_map_keys: tuple[str, ...] = field(default=(), name="x-kubernetes-list-map-keys")
    x_kubernetes_list_type: str | None = field(default=None, name="x-kubernetes-list-type")
    x_kubernetes_map_type: str | None = field(default=None, name="x-kubernetes-map-type")
    x_kubernetes_preserve_unknown_fields: bool | None = field(default=None, name="x-kubernetes-preserve-unknown-fields")
    x_kubernetes_validations: tuple[ValidationRule, ...] = field(default=(), name="x-kubernetes-validations")


class SelectableField(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 SelectableField."""

    jsonPath: str = field(default_factory=str)


class ServiceReference(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 ServiceReference."""

    name: str = field(default_factory=str)
    namespace: str = field(default_factory=str)
    path: str | None = None
    port: int | None = None


class ValidationRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 ValidationRule."""

    fieldPath: str | None = None
    message: str | None = None
    messageExpression: str | None = None
    optionalOldSelf: bool | None = None
    reason: str | None = None
    rule: str = field(default_factory=str)


class WebhookClientConfig(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 WebhookClientConfig."""

    caBundle: str | None = None
    service: ServiceReference | None = None
    url: str | None = None


class WebhookConversion(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """apiextensions/v1 WebhookConversion."""

    clientConfig: WebhookClientConfig | None = None
    conversionReviewVersions: tuple[str, ...] = ()
