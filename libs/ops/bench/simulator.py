"""The simulator alone: how soon it is ready, how fast it exports, and what memory that takes.

All other scenarios wait for its answers: where these are slow, they measure the simulator.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx

from libs.ops import keyring, processes
from libs.ops.bench.figures import Figure, Figures
from libs.ops.bench.stage import GENERATED, LINES, Options
from libs.ops.bench.usage import peak_memory_mb
from libs.ops.children import PROJECT
from libs.ops.errors import OperationError

_START_SECONDS = 120
_ANSWER_SECONDS = 120
_POLL_SECONDS = 0.25
_CHUNK_BYTES = 256 * 1024
_STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
_REDIRECT = "http://127.0.0.1/back"
_KEY = "bench"
_SCOPES = "read_orders,read_all_orders,read_customers,read_products"
_ORDERS = """{ orders { edges { node {
  id name createdAt processedAt updatedAt cancelledAt test currencyCode customer { id }
  totalPriceSet { shopMoney { amount } presentmentMoney { amount } }
  subtotalPriceSet { shopMoney { amount } } totalDiscountsSet { shopMoney { amount } }
  lineItems { edges { node {
    id title sku quantity currentQuantity product { id } variant { id }
    originalTotalSet { shopMoney { amount } }
  } } } } } } }"""
_START = """mutation ($query: String!) { bulkOperationRunQuery(query: $query) {
  bulkOperation { id } userErrors { message } } }"""
_LOOK = "query ($id: ID!) { bulkOperation(id: $id) { status errorCode url } }"


class Export(NamedTuple):
    """`seconds` is until Shopify calls it completed, `download_seconds` until all is here."""

    lines: int
    seconds: float
    download_seconds: float


async def measure(options: Options) -> Figures:
    load, secret = os.getloadavg()[0], keyring.password()
    began = time.perf_counter()
    async with _running(options.size, secret) as (process, url):
        ready = time.perf_counter() - began
        async with httpx.AsyncClient(
            base_url=f"{url}/{GENERATED}", timeout=_ANSWER_SECONDS, trust_env=False
        ) as http:
            export = await _export(http, secret)
        peak = peak_memory_mb(process.pid)
    if export.lines != options.size * (1 + LINES):
        raise OperationError(f"the export has {export.lines:,} lines: not the whole shop")
    return Figures(
        f"simulator: {options.size:,} orders of {LINES} lines",
        load,
        [
            Figure("until it is ready", ready, "s", "seconds"),
            Figure("lines of the export", export.lines, ""),
            Figure("written", export.lines / export.seconds, "lines/s"),
            Figure("served", export.lines / export.download_seconds, "lines/s", "at least 50,000"),
            Figure(
                "written and served",
                export.lines / (export.seconds + export.download_seconds),
                "lines/s",
            ),
            Figure("peak memory", peak, "MB", "under 300 MB"),
        ],
    )


@asynccontextmanager
async def _running(size: int, secret: str) -> AsyncIterator[tuple[Process, str]]:
    """A simulator with the generated shop and nothing else, and its address."""
    credentials = {"SHOPIFY_API_KEY": _KEY, "SHOPIFY_API_SECRET": secret}
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "libs.simulator", "--data-dir", folder),
            *("--generated", "--size", str(size), "--lines", str(LINES)),
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **credentials},
            cwd=PROJECT,
            stdout=PIPE,
            preexec_fn=processes.death_signal(signal.SIGTERM),
        )
        try:
            yield process, f"http://127.0.0.1:{(await _ready(process))['port']}"
        finally:
            await processes.stop(process, _STOP_STEPS)


async def _ready(process: Process) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline() if process.stdout else b""
    except TimeoutError:
        raise OperationError(f"the simulator is not ready after {_START_SECONDS} s") from None
    if not line:
        raise OperationError("the simulator ended before it was ready")
    return dict(json.loads(line))


async def _export(http: httpx.AsyncClient, secret: str) -> Export:
    http.headers["X-Shopify-Access-Token"] = await _install(http, secret)
    began = time.perf_counter()
    started = (await _ask(http, _START, query=_ORDERS))["bulkOperationRunQuery"]
    if started["userErrors"]:
        raise OperationError(f"the simulator refused the export: {started['userErrors']}")
    status = "CREATED"
    while status in ("CREATED", "RUNNING"):
        await asyncio.sleep(_POLL_SECONDS)
        operation = (await _ask(http, _LOOK, id=started["bulkOperation"]["id"]))["bulkOperation"]
        status = operation["status"]
    if status != "COMPLETED":
        raise OperationError(f"the export ended {status}: {operation['errorCode']}")
    seconds = time.perf_counter() - began
    lines, download_seconds = await _download(operation["url"])
    return Export(lines, seconds, download_seconds)


async def _install(http: httpx.AsyncClient, secret: str) -> str:
    """A token, by the steps of an app that is installed. Nobody listens at the redirect."""
    query = {"client_id": _KEY, "scope": _SCOPES, "redirect_uri": _REDIRECT, "state": "bench"}
    agreed = await http.get("/admin/oauth/authorize", params=query)
    if not agreed.has_redirect_location:
        raise OperationError(f"the simulator refused the app ({agreed.status_code})")
    [code] = parse_qs(urlsplit(agreed.headers["Location"]).query)["code"]
    form = {"client_id": _KEY, "client_secret": secret, "code": code, "expiring": "1"}
    answer = await http.post("/admin/oauth/access_token", data=form)
    return str(_checked(answer)["access_token"])


async def _ask(http: httpx.AsyncClient, document: str, **variables: str) -> Mapping[str, Any]:
    body = {"query": document, "variables": variables}
    answer = _checked(await http.post("/admin/api/2026-10/graphql.json", json=body))
    if errors := answer.get("errors"):
        raise OperationError(f"the simulator refused a query: {errors}")
    return dict(answer["data"])


def _checked(answer: httpx.Response) -> Mapping[str, Any]:
    if answer.is_error:
        raise OperationError(f"the simulator failed ({answer.status_code}): {answer.text[:300]}")
    return dict(answer.json())


async def _download(url: str) -> tuple[int, float]:
    """How many lines there were, and in how many seconds."""
    began, lines = time.perf_counter(), 0
    async with (
        httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as http,
        http.stream("GET", url) as response,
    ):
        if response.is_error:
            raise OperationError(f"the simulator does not serve the file ({response.status_code})")
        async for chunk in response.aiter_bytes(_CHUNK_BYTES):
            lines += chunk.count(b"\n")
    return lines, time.perf_counter() - began
