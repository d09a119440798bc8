"""The example: three tiers from Debian's own packages, one address, data that survives."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.cluster import new_cluster, until

pytestmark = pytest.mark.timeout(1200)  # seconds: the first build fetches packages
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "SHOP_PORT": "30987"}  # a shop that someone opened with `make up` keeps its own port


@pytest.fixture(scope="module")
def shop():
    """The shop as `make up` opens it, on an instance of its own."""
    made = new_cluster()
    try:
        done = subprocess.run(
            ["bash", "scripts/shop.sh", "--data-dir", str(made.data_dir), "--port", str(made.port)],
            cwd=ROOT,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        address = next(line.split()[-1] for line in done.stdout.splitlines() if "The shop is open" in line)
        yield made, address, done.stdout
    finally:
        made.knarr("down", "--purge", check=False)


def ask(url, body=None):
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
        return json.loads(answer.read())


def test_the_page_is_served(shop):
    """A browser would find the page, its script and its style."""
    _, address, _ = shop
    for path, words in (("/", "Knarr's shop"), ("/shop.js", "api/orders"), ("/shop.css", "--sail")):
        with urllib.request.urlopen(address + path, timeout=10) as answer:
            assert words in answer.read().decode()


def test_products_and_orders_and_who_answered(shop):
    """Three replicas share the work; an order is counted once."""
    _, address, _ = shop
    replicas = {ask(f"{address}/api/products")["replica"] for _ in range(40)}
    before = ask(f"{address}/api/orders")["total"]
    placed = ask(f"{address}/api/orders", {"product": "rope", "quantity": 2})

    assert len(replicas) == 3
    assert placed["product"] == "rope"
    assert before + 1 == ask(f"{address}/api/orders")["total"]


def test_a_bad_order_is_refused_with_words(shop):
    """The customer asks for something we do not sell."""
    _, address, _ = shop
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{address}/api/orders", {"product": "dragon"})

    assert refused.value.code == 400
    assert "we do not sell 'dragon'" in json.loads(refused.value.read())["error"]


def test_orders_survive_the_database_pod(shop):
    """The database's pod is deleted; its successor has every order."""
    cluster, address, _ = shop
    number = ask(f"{address}/api/orders", {"product": "mead"})["order"]

    cluster.knarr("delete", "pod", "database-0", "-n", "shop")
    cluster.knarr("rollout", "status", "statefulset/database", "-n", "shop")

    def orders():
        try:
            return ask(f"{address}/api/orders")["orders"]
        except OSError:
            return None

    assert number in {order["id"] for order in until(orders, "the shop answers", 60)}


def test_a_second_run_changes_nothing(shop):
    """`make up` again: everything is there already."""
    cluster, _, first = shop
    done = subprocess.run(
        ["bash", "scripts/shop.sh", "--data-dir", str(cluster.data_dir)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert "is here already" in done.stdout
    assert "created" not in done.stdout
    assert first.splitlines()[-4:] == done.stdout.splitlines()[-4:]
