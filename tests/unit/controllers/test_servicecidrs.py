"""A second range of Service addresses is declared Ready, and stays as long as a Service has an address that only it has."""

from __future__ import annotations

from tests.unit.controllers.cluster import live

RANGES = "/apis/networking.k8s.io/v1/servicecidrs"
SERVICES = "/api/v1/namespaces/default/services"
MORE = f"{RANGES}/more"


def test_the_life_of_a_range():
    """It is used, then deleted: it says what it waits for, gives nothing out, and goes after its last Service."""
    async def story(cluster):
        await cluster.ask("POST", RANGES, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/24", "fd00:97::/112"]}})
        await cluster.pass_time()
        made = await cluster.ask("GET", MORE)
        assert ["networking.k8s.io/service-cidr-finalizer"] == made["metadata"]["finalizers"]
        assert ("True", "Kubernetes Service CIDR is ready") == told(made)

        await cluster.ask("POST", SERVICES, {"metadata": {"name": "web"}, "spec": {"clusterIP": "10.97.0.7", "ports": [{"port": 80}]}})
        await cluster.ask("DELETE", MORE)
        await cluster.pass_time()
        status, words = told(await cluster.ask("GET", MORE))
        assert ("False", True) == (status, words.startswith("There are still IPAddresses referencing the ServiceCIDR"))

        await cluster.ask("DELETE", f"{SERVICES}/web")
        await cluster.pass_time()
        assert await cluster.ask("GET", MORE) is None

    live(("servicecidrs",), story)


def test_a_larger_range_takes_over():
    """What lies in another range too needs this one no longer; the server's own range stays while the API's Service is in it."""
    async def story(cluster):
        for name, cidr in (("more", "10.97.0.0/24"), ("larger", "10.97.0.0/16")):
            await cluster.ask("POST", RANGES, {"metadata": {"name": name}, "spec": {"cidrs": [cidr]}})
        await cluster.pass_time()
        await cluster.ask("POST", SERVICES, {"metadata": {"name": "web"}, "spec": {"clusterIP": "10.97.0.7", "ports": [{"port": 80}]}})
        await cluster.ask("DELETE", MORE)
        await cluster.ask("DELETE", f"{RANGES}/kubernetes")
        await cluster.pass_time()
        assert ["kubernetes", "larger"] == await cluster.names(RANGES)
        assert "False" == told(await cluster.ask("GET", f"{RANGES}/kubernetes"))[0]

    live(("servicecidrs",), story)


def told(found):
    (ready,) = found["status"]["conditions"]
    return ready["status"], ready["message"]
