"""Works on the pulls that are due: a few at a time, each under a lease of its own.

A pull ends only by its own result. What may pass (Shopify, oauth or the database away) postpones
it; a worker that is told to stop gives its pulls back; a killed one loses them with its leases.
"""

import asyncio
import gc
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import TransientError
from libs.common.events.contracts import TenantErased
from libs.common.identity import TokenSigner
from libs.common.logs import get_logger
from libs.common.messaging.consumer import consume_events
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import EVENTS_INGESTOR
from libs.common.web.client import ServiceClient
from libs.common.workers import Workers
from services.ingestor.audits import (
    PAUSE_AFTER_FAILURE,
    audit_tenant,
    plan_audits,
    recompute_tenant,
)
from services.ingestor.deletions.worker import DeletionChecks
from services.ingestor.export_ends import ExportEnds
from services.ingestor.privacy.erasure import erase_tenant, queue_erasure
from services.ingestor.privacy.requests import disclose_person, redact_letters
from services.ingestor.pulls import leases
from services.ingestor.pulls.context import NoTurnError, PullContext, Turns
from services.ingestor.pulls.events import tenant_handlers
from services.ingestor.pulls.folders import private_folder, remove_abandoned_folders
from services.ingestor.pulls.leases import Claim, LeaseLostError
from services.ingestor.pulls.outcomes import settle
from services.ingestor.pulls.progress import Progress
from services.ingestor.pulls.pull import run_pull
from services.ingestor.pulls.queue import next_pull
from services.ingestor.pulls.renewal import Renewals
from services.ingestor.settings import IngestorSettings
from services.ingestor.shopify.bulk import EXPORTS_AT_ONCE
from services.ingestor.shopify.gates import ShopGates
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import ShopToken, TokenSource, oauth_tokens
from services.ingestor.shopify.transport import AdminApi, create_http_client
from services.ingestor.tasks.repository import TaskKind
from services.ingestor.tasks.worker import TaskWorker

_SLOTS = 16
_LARGE_AT_ONCE = 2
"""Of the slots; so large shops wait for each other, and no small shop for them."""

_WITHOUT_TURN = timedelta(seconds=30)
"""Until a large shop that has no turn here is due again, for whoever is free."""

_ERASURES_LIMIT = 2
_REQUESTS_LIMIT = 2
"""Of this process at once: each holds a connection now and then, and the pulls need some."""

_POLL_SECONDS = 1.0
_OBJECTS_BETWEEN_LOOKS = 100_000
"""For the garbage collector: a pull makes objects by the million and hardly one in a circle."""

_SECONDS_BEFORE_SWITCH = 0.0005
"""A batch is two dozen questions to PostgreSQL. After each the loop waits for the interpreter,
which the thread that decodes the next batch keeps for so long."""

log = get_logger()


async def run_pulls(
    settings: IngestorSettings, engine: AsyncEngine, publisher: Publisher, workers: Workers
) -> None:
    """Pull what is due and hear of what becomes due, until cancelled."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)
    sys.setswitchinterval(_SECONDS_BEFORE_SWITCH)
    remove_abandoned_folders()
    signer = TokenSigner("ingestor", settings.caller_private_key)
    oauth = ServiceClient("oauth", settings.oauth_url, signer, settings.internal_ca_file)
    api = AdminApi(settings.shopify_api_url, settings.shopify_api_version)
    access = ShopifyAccess(api, oauth_tokens(oauth), settings.webhooks_url)
    worker = PullWorker(engine, publisher, access, workers=workers)
    handlers = tenant_handlers(engine, worker.wake)
    handlers[TenantErased] = partial(queue_erasure, engine=engine, oauth=oauth)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            group.create_task(workers.keep("audits", lambda: plan_audits(engine)))
            for name, tasks in _task_workers(engine, oauth, publisher).items():
                group.create_task(workers.keep(name, tasks.run))
            events = partial(
                consume_events, settings.amqp_url, EVENTS_INGESTOR, handlers, publisher
            )
            group.create_task(workers.keep("events", events))
    finally:
        await oauth.close()


def _task_workers(
    engine: AsyncEngine, oauth: ServiceClient, publisher: Publisher
) -> dict[str, TaskWorker]:
    """One for each sort of work, so that a large one keeps no small one waiting."""
    erase = partial(erase_tenant, engine=engine, oauth=oauth)
    audits = {
        TaskKind.AUDIT: partial(audit_tenant, engine=engine),
        TaskKind.RECOMPUTE: partial(recompute_tenant, engine=engine, publisher=publisher),
    }
    requests = {
        TaskKind.DATA_REQUEST: partial(disclose_person, engine=engine),
        TaskKind.REDACTION: partial(redact_letters, engine=engine),
    }
    return {
        "erasures": TaskWorker(engine, {TaskKind.ERASURE: erase}, limit=_ERASURES_LIMIT),
        "requests": TaskWorker(engine, requests, limit=_REQUESTS_LIMIT),
        "audited_tenants": TaskWorker(engine, audits, limit=1, min_pause=PAUSE_AFTER_FAILURE),
    }


@dataclass(frozen=True, slots=True)
class ShopifyAccess:
    """How to reach any shop, and where its webhooks shall go."""

    api: AdminApi
    tokens: TokenSource
    webhooks_url: str


class PullWorker:
    def __init__(
        self,
        engine: AsyncEngine,
        publisher: Publisher,
        shopify: ShopifyAccess,
        *,
        slots: int = _SLOTS,
        export_ends: ExportEnds | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._shopify = shopify
        self._slots = slots
        self._export_ends = export_ends or ExportEnds()
        self._workers = workers or Workers()
        self._http = create_http_client(shopify.api)
        self._gates = ShopGates(engine)
        self._renewals = Renewals(engine, publisher, self._client)
        self._deletions = DeletionChecks(engine, publisher, self._client)
        self._large = Turns(_LARGE_AT_ONCE)
        self._something_due = asyncio.Event()
        self._pulls: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for due pulls now and not at the next turn."""
        self._something_due.set()

    async def run(self) -> None:
        """Until cancelled; then every lease is given back before this returns."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, work in (
                    ("export_ends", partial(self._export_ends.listen, self._engine)),
                    ("renewals", self._renewals.run),
                    ("deletion_checks", self._deletions.run),
                    ("claims", self._keep_claiming),
                ):
                    group.create_task(self._workers.keep(name, work))
        finally:
            for pull in self._pulls:
                pull.cancel()
            await asyncio.gather(*self._pulls, return_exceptions=True)
            await self._http.aclose()

    async def _keep_claiming(self) -> None:
        while True:
            await self._start_due()
            await self._wait()

    async def _start_due(self) -> None:
        self._something_due.clear()
        # What waits for its turn as a large shop keeps no place from a small one.
        free = self._slots + self._large.waiting - len(self._pulls)
        if free <= 0:
            return
        try:
            claims = await leases.claim_due(self._engine, free)
        except TransientError as error:
            log.warning("pulls_not_claimed", code=error.code)
            return
        for claim in claims:
            task = asyncio.create_task(self._work(claim))
            self._pulls.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, pull: asyncio.Task[None]) -> None:
        self._pulls.discard(pull)
        if not pull.cancelled() and (error := pull.exception()) is not None:
            # The lease runs out, and another turn begins.
            log.error("pull_turn_failed", exc_info=error)
        self.wake()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._something_due.wait()
        except TimeoutError:
            return

    async def _work(self, claim: Claim) -> None:
        structlog.contextvars.bind_contextvars(tenant_id=str(claim.tenant_id))
        try:
            claim = await self._next(claim)
        except TransientError as not_begun:
            log.warning("pull_not_begun", code=not_begun.code)
            return
        structlog.contextvars.bind_contextvars(pull_id=str(claim.pull_id))
        log.info("pull_claimed")
        pull = asyncio.create_task(self._pull(claim))
        keeper = asyncio.create_task(leases.keep(self._engine, claim))
        try:
            await asyncio.wait({pull, keeper}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(pull, keeper)
            await self._give_back(claim)
            raise
        lost = keeper.done()
        await _end(pull, keeper)
        error = None if pull.cancelled() else pull.exception()
        if lost or isinstance(error, LeaseLostError):
            log.warning("pull_lease_lost")
        elif isinstance(error, NoTurnError):
            log.info("pull_has_no_turn")
            await self._give_back(claim, due_in=_WITHOUT_TURN)
        elif error is not None:
            await settle(self._engine, self._publisher, claim, error)

    async def _next(self, claim: Claim) -> Claim:
        async def work(tx: Transaction) -> Claim:
            await leases.hold(tx, claim)
            return await next_pull(tx, claim)

        return await in_transaction(self._engine, work, tenants=[claim.tenant_id])

    def _client(self, tenant_id: UUID) -> ShopifyClient:
        token, gate = ShopToken(tenant_id, self._shopify.tokens), self._gates.of(tenant_id)
        return ShopifyClient(self._http, self._shopify.api, token, gate=gate)

    async def _pull(self, claim: Claim) -> None:
        client = self._client(claim.tenant_id)
        progress = Progress(self._publisher, claim.tenant_id)
        with private_folder() as folder:
            await run_pull(
                PullContext(
                    self._engine,
                    claim,
                    client,
                    progress,
                    folder,
                    self._shopify.webhooks_url,
                    asyncio.Semaphore(EXPORTS_AT_ONCE),
                    self._export_ends,
                    self._large,
                )
            )

    async def _give_back(self, claim: Claim, *, due_in: timedelta = timedelta(0)) -> None:
        try:
            async with transaction(self._engine) as tx:
                await leases.release(tx, claim, due_in=due_in)
        except TransientError as error:
            log.warning("lease_not_released", code=error.code)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
