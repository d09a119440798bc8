"""Build the node's process: agent, service proxy and cluster DNS over one HTTPS client."""

from __future__ import annotations

from pathlib import Path

from knarr.assembly import preflight
from knarr.assembly.instance import CLUSTER_DOMAIN, VERSION, Instance
from knarr.node.settings import Settings


def node_settings(instance: Instance) -> Settings:
    """Say to the agent what this instance chose."""
    config = instance.config
    return Settings(
        data_dir=instance.data_dir,
        node_name=config.node_name,
        node_ip=config.node_ip,
        pod_cidr=instance.node_pod_cidr,
        cluster_dns=(instance.dns_address,),
        cluster_domain=CLUSTER_DOMAIN,
        runtime_endpoint=config.runtime_endpoint,
        cni_bin_dir=preflight.cni_folder() or Path("/usr/lib/cni"),
        serving_port=config.agent_port,
        version=VERSION,
    )
