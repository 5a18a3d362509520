"""Ask roc-validator about a crate, without a network: a program for an environment of its own.

    python validate_crate.py CRATE CACHE

The one context that the crate names is put into the validator's cache beforehand, from the package rocrate,
which ships it. Prints one line of JSON: {severity: {"passed": count, "failed": {check: [message, ...]}}}.
"""

import importlib.resources
import io
import json
import logging
import sys
from pathlib import Path

import requests
from requests_cache import CachedSession
from rocrate_validator import models, services
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "provenance-run-crate"
SEVERITIES = ("REQUIRED", "RECOMMENDED", "OPTIONAL")


class Shipped(requests.adapters.HTTPAdapter):
    """Answers with the context that rocrate ships."""

    def send(self, request, **options):
        content = (importlib.resources.files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
        raw = HTTPResponse(
            body=io.BytesIO(content),
            status=200,
            headers={"Content-Type": "application/ld+json"},
            preload_content=False,
        )
        return self.build_response(request, raw)


def main(crate: str, cache: str) -> None:
    logging.disable()
    with CachedSession(cache_name=cache, backend="sqlite", expire_after=-1) as session:
        session.mount("https://", Shipped())
        session.get(CONTEXT).raise_for_status()
    result = services.validate(
        services.ValidationSettings(
            rocrate_uri=crate,
            profile_identifier=PROFILE,
            requirement_severity=models.Severity.OPTIONAL,
            offline=True,
            cache_path=Path(cache),
        )
    )
    told = {name: {"passed": 0, "failed": {}} for name in SEVERITIES}
    for check in result.executed_checks:
        told[check.severity.name]["passed"] += bool(result.get_executed_check_result(check))
    for issue in result.get_issues(models.Severity.OPTIONAL):
        failed = told[issue.severity.name]["failed"]
        failed.setdefault(issue.check.name, []).append(f"{issue.violatingEntity}: {issue.message}")
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
