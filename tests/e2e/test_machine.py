"""The machine before, during and after: what `up` makes, what it refuses, and that `down --purge` leaves nothing."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from knarr.assembly.instance import BRIDGE_NOTE
from tests.e2e.cluster import KNARR, Cluster, busybox_archive, free_port, new_cluster, pod, until


def snapshot(data_dir: Path) -> dict[str, set[str]]:
    """Everything on this machine that Knarr could leave behind; what belongs to other running instances is left out."""
    processes = set()
    for entry in Path("/proc").iterdir():
        words = read(entry / "cmdline").replace("\0", " ") if entry.name.isdigit() else ""
        if str(data_dir) in words:
            processes.add(words)
    folders = [folder for folder in ("/run", "/tmp", "/var/lib", "/etc", "/var/run/netns") if Path(folder).exists()]
    found = {
        "processes": processes,
        "mounts": {line.split()[4] for line in read(Path("/proc/self/mountinfo")).splitlines()},
        "links": set(os.listdir("/sys/class/net")),
        "switches": {read(Path("/proc/sys/net/bridge/bridge-nf-call-iptables"))} if not neighbours(data_dir) else set(),
        "tables": set(run("nft", "list", "tables").splitlines()),
        "namespaces": set(run("ip", "netns", "list").split()),
        "cgroups": {str(path) for root in Path("/sys/fs/cgroup").glob("*") for path in root.glob("knarr*")},
        "files": {str(path) for folder in folders for path in Path(folder).iterdir()},
    }
    return {what: {name for name in names if not is_others(name, data_dir)} for what, names in found.items()}


def neighbours(data_dir: Path) -> bool:
    """Tell whether other instances run here: what all of them share stays as long as they do."""
    return any(path != data_dir and (path / "run" / "supervisor.pid").exists() for path in Path("/tmp").glob("kn-*"))


def is_others(name: str, data_dir: Path) -> bool:
    """Tell whether a name belongs to another instance, or to a test's own folder."""
    others = [path for path in Path("/tmp").glob("kn-*") if path != data_dir]
    marks = [str(path) for path in others] + [hashlib.sha256(str(path).encode()).hexdigest()[:8] for path in others]
    shared = neighbours(data_dir) and (name == str(BRIDGE_NOTE) or name in ("table ip nat", "table ip6 nat"))
    return shared or any(mark in name for mark in marks) or name.startswith(("/tmp/pytest", "/tmp/tmp", "veth"))


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def alone(tmp_path):
    """An instance of this test's own, purged whatever happens."""
    made = new_cluster()
    yield made
    made.knarr("down", "--purge", check=False)


def test_up_then_purge_leaves_the_machine_as_it_was(alone, tmp_path):
    """A user tries Knarr with a pod in it, then takes it away: nobody can tell that it was ever there."""
    before = snapshot(alone.data_dir)

    said = alone.knarr("up", "--port", str(alone.port)).stdout
    alone.knarr("image", "load", str(busybox_archive(tmp_path / "busybox.tar")))
    alone.apply(pod("guest"), wait=False)
    alone.knarr("wait", "pod/guest", "--for", "condition=Ready", "--timeout", "60")
    during = snapshot(alone.data_dir)
    alone.knarr("down", "--purge")

    assert "Knarr is up" in said
    assert during != before
    after = snapshot(alone.data_dir)
    assert {} == {what: before[what] ^ after[what] for what in before if before[what] != after[what]}


def test_a_second_up_changes_nothing(cluster):
    """`knarr up` is safe to repeat: the same processes go on."""
    pids = json.loads(cluster.knarr("status", "-o", "json").stdout)["pids"]

    said = cluster.knarr("up").stdout

    assert "runs already" in said
    assert pids == json.loads(cluster.knarr("status", "-o", "json").stdout)["pids"]


def test_the_kubeconfig_is_the_users_alone(cluster):
    """Whoever can read it rules the cluster."""
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600


def test_a_port_in_use_is_told_with_the_way_out(alone):
    """Somebody else listens on the API's port."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        refused = alone.knarr("up", "--port", str(port), check=False)

    assert refused.returncode == 1
    assert f"port {port} is in use" in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_networks_that_overlap_are_refused(alone):
    """Pods and Services on one network would steal each other's packets."""
    refused = alone.knarr("up", "--pod-cidr", "10.9.0.0/16", "--service-cidr", "10.9.0.0/20", check=False)

    assert refused.returncode == 1
    assert "overlap" in refused.stderr
    assert not alone.data_dir.joinpath("config.json").exists()


def test_a_data_dir_owned_by_a_running_server_is_refused(cluster):
    """A second server on the same database would tear it apart: it says who owns it and goes."""
    second = subprocess.run(
        [*KNARR, "server", "--data-dir", str(cluster.data_dir)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert "another" in second.stderr or "owned" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_read_only_disk_is_told(tmp_path):
    """The data directory cannot be written."""
    folder = Path(f"/tmp/kn-ro-{os.getpid()}")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(folder)], check=True)
    try:
        refused = Cluster(folder / "data", free_port()).knarr("up", check=False)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()

    assert refused.returncode == 1
    assert "cannot write" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_damaged_database_is_told_at_start_and_repaired(alone):
    """A disk went bad under the database: the server says so and names the command that saves what can be saved."""
    alone.knarr("up", "--port", str(alone.port))
    alone.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}})
    alone.knarr("down")
    database = alone.data_dir / "state.db"
    content = bytearray(database.read_bytes())
    for page in range(
        4096 * 8, len(content), 4096
    ):  # the first pages hold the schema; every later one loses its middle
        content[page + 1500 : page + 2500] = b"\xff" * len(content[page + 1500 : page + 2500])
    database.write_bytes(content)
    server = subprocess.run(
        [*KNARR, "server", "--data-dir", str(alone.data_dir)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    repaired = alone.knarr("doctor", "--repair", check=False)
    alone.knarr("up")

    assert server.returncode == 1
    assert "knarr doctor --repair" in server.stderr
    assert "saved" in repaired.stdout
    until(lambda: alone.knarr("get", "nodes", check=False).returncode == 0, "the API answers")


def test_a_backup_puts_the_cluster_back(alone, tmp_path):
    """Something was deleted by mistake: the backup, taken while it ran, brings it back; a second one is not overwritten."""
    saved = tmp_path / "before.db"
    alone.knarr("up", "--port", str(alone.port))
    alone.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "dear"}, "stringData": {"a": "plain-words"}})
    alone.knarr("backup", "save", str(saved))
    again = alone.knarr("backup", "save", str(saved), check=False)
    alone.knarr("delete", "secret", "dear")
    running = alone.knarr("backup", "restore", str(saved), check=False)
    alone.knarr("down")
    alone.knarr("backup", "restore", str(saved))
    alone.knarr("up")

    assert "a backup replaces nothing" in again.stderr
    assert "the server is running" in running.stderr
    assert alone.get("secret/dear")["data"]
    assert b"plain-words" not in saved.read_bytes()
    assert 0o600 == saved.stat().st_mode & 0o777


def test_a_full_stop_and_start_brings_everything_back(alone, tmp_path):
    """The machine's owner stops everything and starts it again: the pods are back, at once: nobody calls it a crash."""
    alone.knarr("up", "--port", str(alone.port))
    alone.knarr("image", "load", str(busybox_archive(tmp_path / "busybox.tar")))
    alone.apply(pod("guest"), wait=False)
    alone.knarr("wait", "pod/guest", "--for", "condition=Ready", "--timeout", "60")
    uid = alone.get("pod/guest")["metadata"]["uid"]

    alone.knarr("down")
    assert not [one for one in snapshot(alone.data_dir)["processes"] if "containerd" in one]
    alone.knarr("up")
    until(lambda: alone.exec("guest", "hostname", check=False).strip() == "guest", "the pod runs again, unpunished", 9)

    assert uid == alone.get("pod/guest")["metadata"]["uid"]
    assert "BackOff" not in alone.knarr("get", "events").stdout


def test_doctor_finds_a_healthy_instance_healthy(cluster):
    """Every line says pass, and the exit code too."""
    said = cluster.knarr("doctor").stdout

    assert "FAIL" not in said
    assert "(pass) API" in said
