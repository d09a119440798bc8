"""Answer the paths that are no resource: health and version.

Source: kube apiserver server/healthz and cmd version.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping

import orjson

from knarr.api.http import Answer, Call
from knarr.apiserver.settings import Settings

TEXT = "text/plain; charset=utf-8"
OPEN_PATHS = ("/livez", "/readyz", "/healthz", "/version")  # anyone may ask. Source: role system:public-info-viewer
Check = Callable[[], bool]


def health(call: Call, checks: Mapping[str, Check]) -> Answer:
    """Answer `ok`, or 500 and which check failed.

    `?verbose` lists them, `?exclude=` leaves one out; one may be asked by path.
    """
    root, _, asked = call.path.strip("/").partition("/")
    if asked:
        if asked not in checks:
            return Answer(404, b"404 page not found\n", TEXT)
        return Answer(200, b"ok", TEXT) if checks[asked]() else Answer(500, b"internal server error: not ready\n", TEXT)
    excluded = call.query.get("exclude", "")
    results = {name: name == excluded or check() for name, check in checks.items()}
    passed = all(results.values())
    if passed and "verbose" not in call.query:
        return Answer(200, b"ok", TEXT)
    lines = [f"[+]{name} ok" if good else f"[-]{name} failed: reason withheld" for name, good in results.items()]
    lines.append(f"{root} check {'passed' if passed else 'failed'}")
    return Answer(200 if passed else 500, ("\n".join(lines) + "\n").encode(), TEXT)


def version(settings: Settings) -> Answer:
    """Say which Kubernetes this is, and that it is Knarr."""
    major, minor, _ = settings.git_version.lstrip("v").split(".", 2)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return Answer(
        200,
        orjson.dumps(
            {
                "major": major,
                "minor": minor,
                "emulationMajor": major,
                "emulationMinor": minor,
                "minCompatibilityMajor": major,
                "minCompatibilityMinor": str(int(minor) - 1),
                "gitVersion": settings.git_version,
                "gitCommit": "",
                "gitTreeState": "clean",
                "buildDate": "1970-01-01T00:00:00Z",
                "goVersion": "",
                "compiler": platform.python_implementation().lower(),
                "platform": f"linux/{machine}",
            }
        ),
    )
