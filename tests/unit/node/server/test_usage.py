"""What the agent says of use, and which of the machine's logs it shows."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from aiohttp import web

from knarr.node.cri.face import Usage
from knarr.node.server import hostlogs, hostusage, resourcemetrics
from knarr.node.server.hostusage import HostUsage
from knarr.node.server.refusal import Refusal

STAT = "cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4\n"
MEMINFO = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\nHugePages_Total:       0\n"
HOST = HostUsage(1_500_000_000, 2048, 4096)
USED = [
    Usage("1", "b", "u", "p", "ns", 2_000_000_000, 300, 10.0),
    Usage("2", "a", "u", "p", "ns", 1_000_000_000, 100, 11.0),
]


def test_the_kernels_counters():
    """Idle time is no use, guests are counted once, and memory that could be had is not used."""
    assert HostUsage((100 + 20 + 30 + 6 + 7 + 8) * 10_000_000, 600 << 10, 400 << 10) == hostusage.parse(STAT, MEMINFO, 100)


def test_this_machine_can_be_read():
    """The real files are in the form that is understood."""
    found = hostusage.read()
    assert found.cpu_ns > 0
    assert found.memory_working_set_bytes > 0


def test_resource_metrics():
    """The families that metrics-server reads, with the time of each sample in milliseconds."""
    lines = resourcemetrics.text(USED, HOST, now_s=12.5, started_s={("ns", "p", "a"): 3.0}).splitlines()
    assert 'container_cpu_usage_seconds_total{container="a",namespace="ns",pod="p"} 1.0 11000' in lines
    assert 'container_memory_working_set_bytes{container="b",namespace="ns",pod="p"} 300 10000' in lines
    assert 'container_start_time_seconds{container="a",namespace="ns",pod="p"} 3.0' in lines
    assert "node_cpu_usage_seconds_total 1.5 12500" in lines
    assert 'pod_cpu_usage_seconds_total{namespace="ns",pod="p"} 3.0 11000' in lines
    assert 'pod_memory_working_set_bytes{namespace="ns",pod="p"} 400 11000' in lines
    assert "resource_scrape_error 0" == lines[-1]
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads)) == 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / "log"
    (logs / "apt").mkdir(parents=True)
    (logs / "apt" / "a&b.log").write_text("line\n")
    (tmp_path / "secret").write_text("key")
    (logs / "out").symlink_to(tmp_path / "secret")
    (logs / "in").symlink_to(logs / "apt" / "a&b.log")
    return logs


def ask(folder: Path, path: str) -> web.StreamResponse:
    return hostlogs.answer(mock.Mock(path=path), path.strip("/").split("/")[1:], folder)


def test_logs_are_listed_and_shown(folder):
    """A folder is a list of links, a file is itself; a folder without a slash is moved, so that its links work."""
    assert '<a href="apt/">apt/</a>' in ask(folder, "/logs/").text
    assert '<a href="a%26b.log">a&amp;b.log</a>' in ask(folder, "/logs/apt/").text
    assert (301, "apt/") == ((moved := ask(folder, "/logs/apt")).status, moved.headers["Location"])
    assert isinstance(ask(folder, "/logs/apt/a&b.log"), web.FileResponse)
    assert isinstance(ask(folder, "/logs/in"), web.FileResponse)


@pytest.mark.parametrize("path", ["/logs/../secret", "/logs/out", "/logs/none", "/logs/apt/../../secret", "/logs//etc/passwd"])
def test_nothing_else_is_shown(folder, path):
    """Neither dots nor links lead out of the folder."""
    with pytest.raises(Refusal):
        ask(folder, path)
