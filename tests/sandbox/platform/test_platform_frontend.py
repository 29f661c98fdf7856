"""The frontend as a process, as its pod runs it, and what the part declares of it."""

from __future__ import annotations

import asyncio
import fcntl
import re
import ssl
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest

from readiness_sandbox.cluster.tls import Authority
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.normaldance.visitor import visit
from readiness_sandbox.platform.render import render
from readiness_sandbox.releases import Release
from tests.sandbox.platform.conftest import wait_for
from tests.sandbox.platform.identity.conftest import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.platform.conftest import Services

ADDRESS = "127.93.0.9"


def test_every_page_that_a_page_links_to_is_there(services: Services) -> None:
    """From the first page on; each says which release it is of, and may be kept by a browser."""
    services.begin("frontend", ADDRESS, PORT="3000", RELEASE="1.2.3")
    base = f"http://{ADDRESS}:3000"
    wait_for(f"{base}/api/health", services.home / f"frontend-{ADDRESS}.log")
    to_read, pages = ["/"], dict[str, httpx.Response]()
    while to_read:
        path = to_read.pop()
        pages[path] = httpx.get(f"{base}{path}", trust_env=False)
        linked = re.findall(r'(?:href|src)="(/[^"]*)"', pages[path].text)
        to_read += [other for other in linked if other not in pages and other not in to_read]
    assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(pages, 200)
    assets = {re.sub(r"[.][0-9a-f]{12}[.]", ".", path) for path in pages if path.startswith("/assets/")}
    assert assets == {f"/assets/{name}" for name in ("style.css", "icon.svg", "timing.js", "dashboard.js")}
    assert {path for path in pages if path not in assets and "assets" not in path} == {
        "/", "/portal", "/documentation", "/first-steps", "/dashboard"
    }  # fmt: skip
    assert {pages[path].headers["content-encoding"] for path in pages if "assets" in path} == {"gzip"}
    assert "release 1.2.3" in pages["/documentation"].text
    assert pages["/portal"].headers["cache-control"] == "public, max-age=300"
    assert httpx.get(f"{base}/nothing", trust_env=False).status_code == 404
    assert httpx.get(f"{base}/api/health", trust_env=False).json() == {"status": "ok"}


def test_a_visitor_reports_how_long_every_page_took(services: Services) -> None:
    """The metrics have a timing of each page; one of no page, or of no time, is refused; a release may lose one."""
    services.begin("frontend", ADDRESS, PORT="3000", DEFECT_UNTIMED_PAGE="/portal", DEFECT_BUNDLE_BYTES="2000000")
    base = f"http://{ADDRESS}:3000"
    wait_for(f"{base}/api/health", services.home / f"frontend-{ADDRESS}.log")

    async def visited() -> list[str]:
        async with aiohttp.ClientSession(trust_env=False) as session:
            return await visit(session, base)

    assert sorted(asyncio.run(visited())) == ["/", "/dashboard", "/documentation", "/first-steps", "/portal"]
    metrics = httpx.get(f"{base}/metrics", trust_env=False).text
    timed = dict(re.findall(r'page_load_seconds_count\{page="([^"]*)"\} (\S+)', metrics))
    assert timed == dict.fromkeys(("/", "/dashboard", "/documentation", "/first-steps"), "1.0")
    refused = ({"page": "/no"}, {"page": "/", "seconds": -1}, {"page": "/", "seconds": "long"}, {"seconds": 1})
    assert {httpx.post(f"{base}/timings", json=one, trust_env=False).status_code for one in refused} == {422}
    bundle = re.findall(r'src="(/assets/dashboard[^"]*)"', httpx.get(f"{base}/dashboard", trust_env=False).text)
    sent = httpx.get(f"{base}{bundle[0]}", trust_env=False)
    assert sent.num_bytes_downloaded > 1_000_000


def test_pages_with_tls_are_served_with_it_alone(services: Services, tmp_path: Path) -> None:
    """The kubelet and the monitor ask on the port of before, which serves no page; a visitor calls with TLS, and trusts the authority."""
    authority = Authority("test")
    pair = authority.issue("normaldance-frontend", addresses=[ADDRESS])
    for name, content in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", authority.certificate)):
        (tmp_path / name).write_bytes(content)
    services.begin("frontend", ADDRESS, PORT="3000", TLS_DIR=str(tmp_path))
    base = f"http://{ADDRESS}:3000"
    wait_for(f"{base}/api/health", services.home / f"frontend-{ADDRESS}.log")
    plain = {
        path: httpx.get(f"{base}{path}", trust_env=False).status_code
        for path in ("/", "/portal", "/timings", "/metrics")
    }
    assert plain == {"/": 421, "/portal": 421, "/timings": 421, "/metrics": 200}
    place = {"NORMALDANCE_FRONTEND_SERVICE_HOST": ADDRESS, "NORMALDANCE_FRONTEND_SERVICE_PORT": "8443"}
    services.begin("visitor", ADDRESS, **place, TLS_AUTHORITY=str(tmp_path / "ca.crt"))
    until(lambda: 'page="/portal"' in httpx.get(f"{base}/metrics", trust_env=False).text)
    trusted = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    assert httpx.get(f"https://{ADDRESS}:8443/portal", verify=trusted, trust_env=False).status_code == 200


def test_pods_may_share_a_lock(services: Services, tmp_path: Path) -> None:
    """A page of one waits until another lets go of the file; the other pages do not."""
    lock = tmp_path / "lock"
    defects = {"DEFECT_LOCKED_PAGE": "/portal", "DEFECT_LOCKED_MS": "1", "DEFECT_LOCK_FILE": str(lock)}
    services.begin("frontend", ADDRESS, PORT="3000", **defects)
    base = f"http://{ADDRESS}:3000"
    wait_for(f"{base}/api/health", services.home / f"frontend-{ADDRESS}.log")
    with lock.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert httpx.get(f"{base}/", trust_env=False).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{base}/portal", trust_env=False, timeout=0.3)
    assert httpx.get(f"{base}/portal", trust_env=False).status_code == 200


@pytest.mark.parametrize(("others", "count"), [((), 10), (("identity",), 13)])
def test_the_autoscalers_begin_where_their_services_are(others: tuple[str, ...], count: int) -> None:
    """Each minimum is the number that the region declares, so that nothing is scaled at rest; each target is there, the provider among them."""
    deployed = ["autoscaler", *others]
    objects = render(Release(version="1.0.0", summary="", expect="GO"), Credentials.generate(), deployed)
    declared = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"]["replicas"]
        for one in objects
        if one["kind"] == "Deployment"
    }
    autoscalers = [one for one in objects if one["kind"] == "HorizontalPodAutoscaler"]
    begun = {
        (one["metadata"]["namespace"], one["spec"]["scaleTargetRef"]["name"]): one["spec"]["minReplicas"]
        for one in autoscalers
    }
    assert len(autoscalers) == count
    assert begun == {key: declared[key] for key in begun}


def test_an_autoscaler_follows_its_service_into_a_rollout() -> None:
    """Where Rollouts are in the place of Deployments, what is scaled is the Rollout; the gateway has none, and stays."""
    objects = render(
        Release(version="1.0.0", summary="", expect="GO"), Credentials.generate(), ["autoscaler", "rollout"]
    )
    scaled = {
        (reference["kind"], reference["apiVersion"], reference["name"])
        for one in objects
        if one["kind"] == "HorizontalPodAutoscaler"
        for reference in [one["spec"]["scaleTargetRef"]]
    }
    assert scaled == {
        ("Rollout", "argoproj.io/v1alpha1", "track-service"),
        ("Rollout", "argoproj.io/v1alpha1", "user-service"),
        ("Deployment", "apps/v1", "api-gateway"),
        ("Deployment", "apps/v1", "normaldance-frontend"),
    }
