"""Whose files the volumes of CSI drivers are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from knarr.api.types.storage_v1 import CSIDriverSpec
from knarr.node.volumes.csi.contents import Source, owned_by_group

DISK = Source("pv", "disks.example", "h", {}, fs_type="ext4", read_only=False)


@pytest.mark.parametrize(("policy", "changes", "ours"), [
    pytest.param(None, {}, True, id="nothing said: a file system for one node"),
    pytest.param("ReadWriteOnceWithFSType", {}, True, id="a file system for one node"),
    pytest.param("ReadWriteOnceWithFSType", {"fs_type": ""}, False, id="of no known file system"),
    pytest.param("ReadWriteOnceWithFSType", {"access_modes": ("ReadWriteMany",)}, False, id="shared by nodes"),
    pytest.param("ReadWriteOnceWithFSType", {"access_modes": ("ReadWriteOncePod",)}, True, id="for one pod"),
    pytest.param("File", {"fs_type": "", "access_modes": ("ReadWriteMany",)}, True, id="the driver says it may be done"),
    pytest.param("File", {"read_only": True}, False, id="nothing can be written"),
    pytest.param("File", {"block": True}, False, id="a device has no files"),
    pytest.param("None", {}, False, id="the driver says it must not"),
])
def test_when_files_are_given_to_the_pods_group(policy: str | None, changes: dict[str, Any], ours: bool) -> None:
    """A pod with an fsGroup; the driver's fsGroupPolicy and the volume decide."""
    assert ours == owned_by_group(replace(DISK, **changes), CSIDriverSpec(fsGroupPolicy=policy))
