"""Signing in from many addresses, as guessers do."""

import asyncio

import httpx

from tests.integration.gateway.platform import PASSWORD, Platform, code_of

ATTACKERS = [f"203.0.{number}.7" for number in range(50)]
HOME, HOTEL = "198.51.100.20", "192.0.2.30"
WRONG = "not her password"


async def sign_in(
    browser: httpx.AsyncClient, address: str, password: str = PASSWORD, username: str = "ada"
) -> httpx.Response:
    return await browser.post(
        "/api/auth/login",
        json={"username": username, "password": password},
        headers={"X-Forwarded-For": address},
    )


async def guess(
    door: Platform, addresses: list[str], username: str = "ada"
) -> list[httpx.Response]:
    """A wrong password from each address, each in a browser of its own."""
    browsers = [await door.new_browser() for _ in addresses]
    return await asyncio.gather(
        *(
            sign_in(browser, address, WRONG, username)
            for browser, address in zip(browsers, addresses, strict=True)
        )
    )


def looked_at(answers: list[httpx.Response]) -> int:
    """How many passwords were compared, and not sent away before."""
    return [answer.status_code for answer in answers].count(401)


def wait(answer: httpx.Response) -> int:
    assert code_of(answer) == (429, "RATE_LIMITED")
    return int(answer.headers["Retry-After"])
