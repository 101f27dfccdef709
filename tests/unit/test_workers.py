"""Background work is started again after a failure, and readiness names what keeps failing."""

import asyncio

from libs.common.errors import ServiceUnavailableError
from libs.common.workers import Patience, Workers

QUICK = Patience(first_pause=0.001, longest_pause=0.002, well_after=60.0, unready_after=0.0)


async def test_work_that_fails_is_started_again_and_named():
    runs = 0
    well = asyncio.Event()

    async def fail_twice() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("nobody foresaw it")
        if runs == 2:
            raise ServiceUnavailableError("away")
        well.set()
        await asyncio.Event().wait()

    workers = Workers({"relay": fail_twice}, patience=QUICK)
    [task] = workers.start()
    async with asyncio.timeout(30):
        await well.wait()
    assert workers.failing() == {"worker relay": "SERVICE_UNAVAILABLE"}
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_failure_of_a_moment_is_not_told():
    failed = asyncio.Event()

    async def fail_once() -> None:
        if not failed.is_set():
            failed.set()
            raise ValueError("once")
        await asyncio.Event().wait()

    workers = Workers({"relay": fail_once})
    [task] = workers.start()
    await failed.wait()
    await asyncio.sleep(0)
    assert workers.failing() == {}
    task.cancel()
    await asyncio.wait([task])
