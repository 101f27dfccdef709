"""Drives a simulator process over HTTP, and plays the app that receives its webhooks."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from libs.simulator.__main__ import main

ROOT = Path(__file__).resolve().parents[3]
KEY, SECRET = "the-key", "the-secret"
SCOPES = "read_orders,read_all_orders,read_customers,read_products"
VERSION = "2026-10"
GENERATED = "bluebird-supply.myshopify.com"
GENERATED_SIZE = 400


class Process:
    """`start` after `kill` is a restart with the same data folder."""

    def __init__(
        self, data_dir: Path, arguments: list[str], *, python: Sequence[str] = (sys.executable,)
    ) -> None:
        self._command = [
            *(*python, "-m", "libs.simulator", "--port", "0"),
            *("--data-dir", str(data_dir), "--api-key", KEY, "--api-secret", SECRET),
            *arguments,
        ]
        self.base = ""
        self.ready: dict[str, Any] = {}

    def start(self) -> Self:
        self.popen = subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        assert line, self.popen.communicate()[1]
        self.ready = json.loads(line)
        scheme = "https" if "ca" in self.ready else "http"
        self.base = f"{scheme}://127.0.0.1:{self.ready['port']}"
        return self

    def kill(self) -> None:
        self.popen.kill()
        self.popen.communicate()

    def stop(self) -> int:
        self.popen.terminate()
        self.popen.communicate()
        return self.popen.returncode


class Simulator:
    """One shop of a process, seen from outside. Use as an async context manager."""

    def __init__(self, base: str, shop: str) -> None:
        self.shop = shop
        self.headers: dict[str, str] = {}
        self.http = httpx.AsyncClient(base_url=base, timeout=30, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def code(self, scope: str = SCOPES) -> str:
        answer = await self.http.get(
            f"/{self.shop}/admin/oauth/authorize",
            params={
                "client_id": KEY,
                "scope": scope,
                "redirect_uri": "http://127.0.0.1:9/callback",
                "state": "0a1b",
            },
        )
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]

    async def token(self, **fields: str) -> httpx.Response:
        return await self.http.post(
            f"/{self.shop}/admin/oauth/access_token",
            data={"client_id": KEY, "client_secret": SECRET, **fields},
        )

    async def install(self, scope: str = SCOPES) -> Self:
        answer = await self.token(code=await self.code(scope), expiring="1")
        self.headers = {"X-Shopify-Access-Token": answer.json()["access_token"]}
        return self

    async def ask(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post(
            f"/{self.shop}/admin/api/{VERSION}/graphql.json",
            json={"query": query, "variables": variables},
            headers=self.headers,
        )

    async def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = (await self.ask(query, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])

    async def control(self, method: str, path: str, body: Any = None, status: int = 0) -> Any:
        answer = await self.http.request(method, f"/_control/shops/{self.shop}{path}", json=body)
        assert answer.status_code == status or (not status and answer.is_success), answer.text
        return answer.json() if answer.content else None

    async def order(self, **fields: Any) -> dict[str, Any]:
        body = {"lines": [{"title": "Mug", "quantity": 2, "price": "10.00"}], **fields}
        return dict(await self.control("POST", "/orders", body))

    async def subscribe(self, topic: str, uri: str, **wanted: Any) -> dict[str, Any]:
        answer = await self.graphql(
            """mutation ($topic: WebhookSubscriptionTopic!, $in: WebhookSubscriptionInput!) {
              webhookSubscriptionCreate(topic: $topic, webhookSubscription: $in) {
                webhookSubscription { id topic uri } userErrors { field message } } }""",
            topic=topic,
            **{"in": {"uri": uri, **wanted}},
        )
        return dict(answer["webhookSubscriptionCreate"])

    async def run_bulk(self, query: str, *, grouped: bool = False) -> dict[str, Any]:
        """The operation as it is when it has ended."""
        started = await self.start_bulk(query, grouped=grouped)
        assert started["userErrors"] == []
        return await until(
            lambda: self.bulk(started["bulkOperation"]["id"]),
            lambda operation: operation["completedAt"] is not None,
        )

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """The lines of the file that the query gives in bulk."""
        operation = await self.run_bulk(query)
        assert operation["status"] == "COMPLETED", operation
        if operation["url"] is None:
            return []
        text = (await self.http.get(operation["url"])).text
        return [json.loads(line) for line in text.splitlines()]

    async def start_bulk(self, query: str, *, grouped: bool = False) -> dict[str, Any]:
        answer = await self.graphql(
            """mutation ($q: String!, $g: Boolean!) {
              bulkOperationRunQuery(query: $q, groupObjects: $g) {
                bulkOperation { id status } userErrors { code field message } } }""",
            q=query,
            g=grouped,
        )
        return dict(answer["bulkOperationRunQuery"])

    async def bulk(self, number: str) -> dict[str, Any]:
        answer = await self.graphql(
            """query ($id: ID!) { bulkOperation(id: $id) { id status errorCode createdAt completedAt
              objectCount rootObjectCount fileSize url partialDataUrl } }""",
            id=number,
        )
        return dict(answer["bulkOperation"])


def refused_arguments(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the program says of arguments with which it ends before it has begun."""
    with pytest.raises(SystemExit) as ended:
        main(["--api-key", KEY, "--api-secret", SECRET, *arguments])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    return said.err


async def until(read: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Ask again until it is so, for at most 30 s."""
    deadline = time.monotonic() + 30
    while True:
        found = await read()
        if enough(found):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


@dataclass
class Received:
    headers: Mapping[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers["x-shopify-topic"]


@dataclass
class Receiver:
    """An app's webhook endpoint: gives `first_answers`, then `status`, after `wait_seconds`."""

    status: int = 200
    wait_seconds: float = 0.0
    first_answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    _open: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}/webhooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                self.received.append(Received(headers, body))
                await asyncio.sleep(self.wait_seconds)
                status = self.first_answers.pop(0) if self.first_answers else self.status
                location = "Location: /elsewhere\r\n" if status == 302 else ""
                answer = f"HTTP/1.1 {status} x\r\n{location}Content-Length: 0\r\n\r\n"
                writer.write(answer.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def wait_for(self, count: int) -> list[Received]:
        async def read() -> list[Received]:
            return self.received

        return list(await until(read, lambda received: len(received) >= count))
