"""Name every refusal the API can give.

    ApiError                code  reason                 what the caller should do
    ├── BadRequest          400   BadRequest             mend the request
    ├── Unauthorized        401   Unauthorized           send credentials
    ├── Forbidden           403   Forbidden              ask for a role
    ├── NotFound            404   NotFound               check name, namespace and kind
    ├── MethodNotAllowed    405   MethodNotAllowed       use a verb the resource has
    ├── NotAcceptable       406   NotAcceptable          accept JSON
    ├── RequestTimeout      408   Timeout                send the request faster
    ├── AlreadyExists       409   AlreadyExists          read it, or choose another name
    ├── Conflict            409   Conflict               read again and retry
    ├── Expired             410   Expired                list again
    ├── TooLarge            413   RequestEntityTooLarge  send less
    ├── UnsupportedMedia    415   UnsupportedMediaType   send JSON
    ├── Invalid             422   Invalid                mend the fields in `causes`
    ├── TooManyRequests     429   TooManyRequests        wait `retry_after_s`, then retry
    ├── Internal            500   InternalError          report a bug
    ├── Unavailable         503   ServiceUnavailable     retry with backoff
    └── Timeout             504   Timeout                retry

Source: kube apimachinery/pkg/api/errors/errors.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Cause:
    """One field's fault.

    reason: FieldValueInvalid, FieldValueRequired, … Source: kube apimachinery meta/v1/types.go, CauseType.
    message: without the path, as it stands in `details.causes[].message`.
    """

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal, told to the client as a `v1.Status`."""

    message: str
    details: dict[str, Any] = field(default_factory=dict)

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __str__(self) -> str:
        return self.message

    def status(self) -> dict[str, Any]:
        """Return the `v1.Status` that clients parse."""
        body: dict[str, Any] = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": str(self), **({"reason": self.reason} if self.reason else {}), "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    code, reason = 406, "NotAcceptable"


class RequestTimeout(ApiError):
    code, reason = 408, "Timeout"


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    code, reason = 409, "Conflict"


@dataclass(eq=False)
class Expired(ApiError):
    """onward: a `continue` token for those who would rather have the rest as it is now."""

    onward: str = ""

    code, reason = 410, "Expired"

    def status(self) -> dict[str, Any]:
        """Return the `v1.Status`, with the token where lists have one."""
        return super().status() | ({"metadata": {"continue": self.onward}} if self.onward else {})


class TooLarge(ApiError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMedia(ApiError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    code, reason = 429, "TooManyRequests"


class Internal(ApiError):
    code, reason = 500, "InternalError"


class Unavailable(ApiError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    code, reason = 504, "Timeout"


BY_REASON: dict[str, type[ApiError]] = {
    kind.reason: kind
    for kind in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, AlreadyExists, Conflict,
        Expired, TooLarge, UnsupportedMedia, Invalid, TooManyRequests, Internal, Unavailable, Timeout,
    )
}


def from_status(code: int, body: dict[str, Any]) -> ApiError:
    """Turn a server's `v1.Status` back into the error it was; an unknown reason is chosen by the code."""
    known = BY_REASON.get(body.get("reason", ""))
    by_code = next((kind for kind in BY_REASON.values() if kind.code == code), Internal)
    return (known or by_code)(body.get("message", f"HTTP {code}"), body.get("details") or {})


def not_found(resource: str, group: str, name: str) -> NotFound:
    """Say that `name` does not exist. resource: plural, `group` empty for core."""
    qualified = f"{resource}.{group}" if group else resource
    return NotFound(f'{qualified} "{name}" not found', _details(resource, group, name))


def already_exists(resource: str, group: str, name: str) -> AlreadyExists:
    """Say that `name` is taken."""
    qualified = f"{resource}.{group}" if group else resource
    return AlreadyExists(f'{qualified} "{name}" already exists', _details(resource, group, name))


def conflict(resource: str, group: str, name: str, why: str) -> Conflict:
    """Say that a write came from an old state. why: the part after the colon."""
    qualified = f"{resource}.{group}" if group else resource
    return Conflict(f'Operation cannot be fulfilled on {qualified} "{name}": {why}', _details(resource, group, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> Invalid:
    """Say which fields are wrong; one cause stands alone, several stand in brackets."""
    assert causes, "an Invalid needs a cause"
    qualified = f"{kind}.{group}" if group else kind
    distinct = list(dict.fromkeys(map(str, causes)))
    text = f"[{', '.join(distinct)}]" if len(distinct) > 1 else distinct[0]
    details = _details(kind, group, name)
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return Invalid(f'{qualified} "{name}" is invalid: {text}', details)


def _details(kind: str, group: str, name: str) -> dict[str, Any]:
    details = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in details.items() if value}
