"""Does Shopify still serve every shop the version of its API that we ask for, and send what it
publishes?
"""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from libs.common.errors import PlatformError
from libs.ops.diagnosis.findings import Finding
from libs.ops.errors import OperationError
from libs.ops.operator import operator_client

_WHAT = "Shopify API"
_FIELDS = "fields of deliveries"
_VALUES = "values of fields"
_SHOWN = 5
_TO_DO = (
    "install a release of Tillstream for a version that Shopify still serves; until then what "
    "changed between the two may be refused or read wrongly"
)


async def look_at_shopify(data_dir: Path, ingestor_url: str | None) -> list[Finding]:
    """By what the ingestor saw at pulls and in deliveries. Nothing where no ingestor is known."""
    if ingestor_url is None:
        return []
    try:
        client = operator_client("ingestor", ingestor_url, data_dir, os.environ)
    except OperationError as error:
        return [Finding(_WHAT, "not known: the ingestor cannot be asked", error.message)]
    try:
        schedule = await client.ask("GET", "/internal/schedule")
        return [
            *versions_served(schedule),
            unknown_fields(schedule),
            unreadable_fields(schedule),
        ]
    except PlatformError as error:
        return [Finding(_WHAT, f"not known: {error.message}", "see the log of ingestor-pulls")]
    finally:
        await client.close()


def versions_served(schedule: Mapping[str, Any]) -> list[Finding]:
    """One finding for each version that is served in place of the one asked for, else one."""
    asked = schedule["apiVersion"]
    others: defaultdict[str, list[str]] = defaultdict(list)
    for line in schedule["tenants"]:
        if line["servedVersion"] not in (None, asked):
            others[line["servedVersion"]].append(line["domain"])
    if not others:
        return [Finding(_WHAT, f"no shop is served another version than {asked}")]
    return [
        Finding(_WHAT, f"{served} is served in place of {asked} to {_named(shops)}", _TO_DO)
        for served, shops in sorted(others.items())
    ]


def unknown_fields(schedule: Mapping[str, Any]) -> Finding:
    """What is in deliveries and not in Shopify's published bodies: no fault, but news."""
    found: Counter[str] = Counter()
    for line in schedule["tenants"]:
        for each in line["unknownFields"]:
            found[f"{each['topic']} {each['field']}"] += each["deliveries"]
    if not found:
        return Finding(_FIELDS, "no delivery had any that Shopify does not publish")
    seen = [f"{name} (in {number})" for name, number in found.most_common()]
    return Finding(_FIELDS, f"ignored, as Shopify does not publish them: {_named(seen)}")


def unreadable_fields(schedule: Mapping[str, Any]) -> Finding:
    """Values that were left out of records: the shop's data are odd, or Shopify's have changed."""
    found: Counter[str] = Counter()
    for line in schedule["tenants"]:
        for each in line["unreadableFields"]:
            found[f"{each['topic']} {each['field']}"] += each["records"]
    if not found:
        return Finding(_VALUES, "all could be read")
    seen = [f"{name} (in {number})" for name, number in found.most_common()]
    return Finding(_VALUES, f"left out, as they could not be read: {_named(seen)}")


def _named(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
