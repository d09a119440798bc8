"""Refuse pods that ask for a runtime class: none is served yet.

Source: kube plugin/pkg/admission/runtimeclass/admission.go.
"""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission


async def admit(a: Admission) -> None:
    """Refuse."""
    name = a.obj["spec"].get("runtimeClassName")
    if name:
        raise a.refuse(f'pod rejected: RuntimeClass "{name}" not found')
