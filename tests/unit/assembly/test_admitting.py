"""The AdmissionConfiguration file: read at the start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knarr.assembly.admitting import pod_security_of
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config, Instance

FILE = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins: [{name: PodSecurity, path: pods.yaml}]
"""
PODS = "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\ndefaults: {enforce: baseline}\n"


def instance(tmp_path, name):
    return Instance(tmp_path, replace(Config("harbour", "192.0.2.7"), admission_control_config_file=name and str(tmp_path / name)))


def test_the_file_leads_to_another_beside_it(tmp_path):
    """A path in it counts from where it lies itself; without a file there are no defaults."""
    (tmp_path / "admission.yaml").write_text(FILE)
    (tmp_path / "pods.yaml").write_text(PODS)

    assert (("pod-security.kubernetes.io/enforce", "baseline"),) == pod_security_of(instance(tmp_path, "admission.yaml")).labels
    assert () == pod_security_of(instance(tmp_path, "")).labels


@pytest.mark.parametrize(("name", "said"), [("absent.yaml", "cannot be read"), ("admission.yaml", "pods.yaml cannot be read")])
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path, name, said):
    """With the reason and the fix."""
    (tmp_path / "admission.yaml").write_text(FILE)
    with pytest.raises(Failure, match=said):
        pod_security_of(instance(tmp_path, name))
