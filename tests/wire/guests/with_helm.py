"""Drive a server by Helm's own library, step by step as a script names the steps; print what each gave.

Usage: with_helm.py KUBECONFIG NAMESPACE < STEPS. A step is [method, arguments, options] as JSON; a refusal becomes
{"error": its class, "said": its words}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import helm_python as helm


def main() -> None:
    """Take all steps on one connection."""
    with helm.Config(kubeconfig_path=sys.argv[1], namespace=sys.argv[2]) as config:
        json.dump([take(config, *step) for step in json.load(sys.stdin)], sys.stdout)


def take(config: Any, method: str, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Take one step."""
    try:
        return getattr(config, method)(*arguments, **options)
    except helm.HelmError as error:
        return {"error": type(error).__name__, "said": str(error)}


if __name__ == "__main__":
    main()
