"""With --tls the simulator is reached by HTTPS, by the name of each shop, and can be trusted."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import KEY, ROOT, SECRET, VERSION, Process, Simulator

SHOPS = ("first.myshopify.com", "second.myshopify.com")


class _ByName(httpx.AsyncHTTPTransport):
    """Connects to this machine whatever the name, and asks for a certificate of that name."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("tls")
    arguments = [word for shop in SHOPS for word in small_shop(folder, shop)]
    made = Process(folder / "data", [*arguments, "--tls"]).start()
    yield made
    assert made.stop() == 0


def _client(ca_file: str | None) -> httpx.AsyncClient:
    """Trusts the authority in `ca_file`; None: those that this machine trusts."""
    trust = ssl.create_default_context(cafile=ca_file)
    return httpx.AsyncClient(transport=_ByName(verify=trust), timeout=30, trust_env=False)


def _url(process: Process, host: str) -> str:
    return f"https://{host}:{process.ready['port']}"


@pytest.mark.parametrize("host", [*SHOPS, "localhost", "127.0.0.1"])
async def test_every_name_is_certified_by_the_authority_that_the_ready_line_names(
    process: Process, host: str
):
    async with _client(process.ready["ca"]) as client:
        answer = await client.get(f"{_url(process, host)}/_control/health")

    assert answer.json() == {"ready": True, "shops": list(SHOPS)}


async def test_a_name_that_is_no_shop_is_not_certified(process: Process):
    async with _client(process.ready["ca"]) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"{_url(process, 'nobody.myshopify.com')}/_control/health")


async def test_who_was_not_given_the_authority_does_not_trust_it(process: Process):
    async with _client(None) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"{_url(process, SHOPS[0])}/_control/health")


async def test_a_shop_is_read_by_name_and_its_addresses_are_https_too(process: Process):
    base = _url(process, SHOPS[1])
    async with _client(process.ready["ca"]) as client:
        simulator = Simulator(base, SHOPS[1])
        await simulator.http.aclose()
        simulator.http = client
        client.base_url = httpx.URL(base)
        await simulator.install()
        operation = await simulator.run_bulk("{ orders { edges { node { id } } } }")
        file = await client.get(operation["url"])
        page = await client.get(
            f"/admin/api/{VERSION}/orders.json?limit=1&status=any", headers=simulator.headers
        )
        next_address = page.headers["link"].partition(">")[0].removeprefix("<")
        next_page = await client.get(next_address, headers=simulator.headers)

    assert operation["url"].startswith(f"{base}/_bulk/")
    assert len(file.text.splitlines()) == 4
    assert next_address.startswith(f"{base}/admin/api/")
    assert len(next_page.json()["orders"]) == 1


async def test_no_private_key_stays_in_the_data_folder(process: Process):
    folder = Path(process.ready["ca"]).parent
    kept = [path for path in folder.rglob("*") if path.is_file()]

    assert folder / "ca.pem" in kept
    assert [path for path in kept if b"PRIVATE KEY" in path.read_bytes()] == []


async def test_without_tls_no_authority_is_named(tmp_path: Path):
    plain = Process(tmp_path / "data", small_shop(tmp_path, SHOPS[0])).start()

    assert plain.stop() == 0
    assert set(plain.ready) == {"port", "shops"}
    assert not (tmp_path / "data" / "ca.pem").exists()


@pytest.mark.parametrize("name", ["ends-", "ab--cd", "x" * 64])
def test_a_name_that_no_certificate_can_hold_ends_it_with_words(tmp_path: Path, name: str):
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "libs.simulator", "--data-dir", str(tmp_path / "data")),
            *("--api-key", KEY, "--api-secret", SECRET, "--tls"),
            *small_shop(tmp_path, f"{name}.myshopify.com"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 2
    assert "--tls cannot certify the name of a --shop" in ended.stderr
    assert "Traceback" not in ended.stderr
