"""Every SQL statement of the oauth service. The row of the shop directory is the shop's lock."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.common.database.transaction import Transaction
from libs.common.events.contracts import Event
from libs.common.tables.tenancy import (
    credentials,
    install_states,
    outbox,
    shop_directory,
    tenants,
)

_OLD_STATES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Shop:
    """`shop_id` is Shopify's, None until it is learned. `uninstalled_at` is of this install."""

    tenant_id: UUID
    domain: str
    status: str
    connected_at: datetime
    first_connected_at: datetime
    shop_id: int | None
    uninstalled_at: datetime | None

    @property
    def was_reconnected(self) -> bool:
        return self.first_connected_at < self.connected_at


@dataclass(frozen=True, slots=True)
class InstallState:
    browser_hash: bytes
    domain: str
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class SealedPair:
    """A pair of tokens as it is stored."""

    access_token: bytes
    access_expires_at: datetime | None
    refresh_token: bytes | None
    refresh_expires_at: datetime | None
    scopes: list[str]
    installed_at: datetime


async def add_install_state(tx: Transaction, state_hash: bytes, state: InstallState) -> None:
    values = {
        "state_hash": state_hash,
        "browser_hash": state.browser_hash,
        "domain": state.domain,
        "expires_at": state.expires_at,
    }
    await tx.execute(insert(install_states).values(values))


async def delete_old_install_states(tx: Transaction, expired_before: datetime) -> None:
    """A handful at a time, so that each new state pays for the old ones."""
    old = (
        select(install_states.c.state_hash)
        .where(install_states.c.expires_at < expired_before)
        .limit(_OLD_STATES_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await tx.execute(delete(install_states).where(install_states.c.state_hash.in_(old)))


async def use_install_state(
    tx: Transaction, state_hash: bytes, *, browser_hash: bytes, domain: str, now: datetime
) -> bool:
    """Whether the state was good for this browser and shop; True once, however many ask."""
    used = (
        update(install_states)
        .values(used_at=now)
        .where(
            install_states.c.state_hash == state_hash,
            install_states.c.browser_hash == browser_hash,
            install_states.c.domain == domain,
            install_states.c.expires_at > now,
            install_states.c.used_at.is_(None),
        )
        .returning(install_states.c.state_hash)
    )
    return (await tx.execute(used)).one_or_none() is not None


async def install_state(tx: Transaction, state_hash: bytes) -> InstallState | None:
    statement = select(install_states).where(install_states.c.state_hash == state_hash)
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        return None
    return InstallState(row.browser_hash, row.domain, row.expires_at, row.used_at)


async def claim_domain(tx: Transaction, domain: str, new_tenant: UUID, now: datetime) -> UUID:
    """The tenant of `domain`, made if there is none, with its row locked to the end."""
    entry = upsert(shop_directory).values(domain=domain, tenant_id=new_tenant, status="active")
    claimed = (
        entry.on_conflict_do_update(index_elements=["domain"], set_={"updated_at": func.now()})
        .returning(shop_directory.c.tenant_id)
        .cte("claimed")
    )
    # One statement: foreign keys are checked at its end, when both rows are there.
    made = (
        insert(tenants)
        .from_select(
            ["id", "connected_at", "created_at"],
            select(claimed.c.tenant_id, literal(now), literal(now)).where(
                claimed.c.tenant_id == new_tenant
            ),
        )
        .cte("made")
    )
    result = await tx.execute(select(claimed.c.tenant_id).add_cte(made))
    tenant_id: UUID = result.scalar_one()
    return tenant_id


def _shop_query(
    tenant_id: UUID,
) -> Select[UUID, str, str, datetime, datetime, int | None, datetime | None]:
    return (
        select(
            shop_directory.c.tenant_id,
            shop_directory.c.domain,
            shop_directory.c.status,
            tenants.c.connected_at,
            tenants.c.created_at,
            shop_directory.c.shop_id,
            tenants.c.uninstalled_at,
        )
        .join(tenants, tenants.c.id == shop_directory.c.tenant_id)
        .where(shop_directory.c.tenant_id == tenant_id)
    )


async def shop(tx: Transaction, tenant_id: UUID) -> Shop | None:
    row = (await tx.execute(_shop_query(tenant_id))).one_or_none()
    return None if row is None else Shop(*row)


async def lock_shop(tx: Transaction, tenant_id: UUID) -> Shop | None:
    """The shop as it is now, with its row locked to the end; waits for whoever holds it."""
    locked = _shop_query(tenant_id).with_for_update(of=shop_directory)
    row = (await tx.execute(locked)).one_or_none()
    return None if row is None else Shop(*row)


async def set_status(tx: Transaction, tenant_id: UUID, status: str) -> None:
    await tx.execute(
        update(shop_directory)
        .values(status=status, updated_at=func.now())
        .where(shop_directory.c.tenant_id == tenant_id)
    )


async def set_connected_at(tx: Transaction, tenant_id: UUID, now: datetime) -> None:
    """A new install, which nobody has uninstalled."""
    await tx.execute(
        update(tenants)
        .values(connected_at=now, uninstalled_at=None, updated_at=func.now())
        .where(tenants.c.id == tenant_id)
    )


async def set_uninstalled_at(tx: Transaction, tenant_id: UUID, moment: datetime) -> None:
    """The first time is the one that is kept."""
    await tx.execute(
        update(tenants)
        .values(uninstalled_at=moment, updated_at=func.now())
        .where(tenants.c.id == tenant_id, tenants.c.uninstalled_at.is_(None))
    )


async def set_shop_id(tx: Transaction, tenant_id: UUID, shop_id: int) -> bool:
    """False when the tenant has one, or another tenant has this one."""
    other = shop_directory.alias()
    taken = select(other.c.tenant_id).where(other.c.shop_id == shop_id).exists()
    learned = (
        update(shop_directory)
        .values(shop_id=shop_id)
        .where(shop_directory.c.tenant_id == tenant_id, shop_directory.c.shop_id.is_(None), ~taken)
    )
    return (await tx.execute(learned)).rowcount == 1


async def next_without_shop_id(tx: Transaction, after: UUID) -> UUID | None:
    """The first connected tenant past `after` whose shop id is not known; None: no more."""
    found = (
        select(shop_directory.c.tenant_id)
        .where(
            shop_directory.c.tenant_id > after,
            shop_directory.c.status == "active",
            shop_directory.c.shop_id.is_(None),
        )
        .order_by(shop_directory.c.tenant_id)
        .limit(1)
    )
    tenant_id: UUID | None = await tx.scalar(found)
    return tenant_id


async def credentials_of(tx: Transaction, tenant_id: UUID) -> SealedPair | None:
    statement = select(
        credentials.c.access_token_ciphertext,
        credentials.c.access_expires_at,
        credentials.c.refresh_token_ciphertext,
        credentials.c.refresh_expires_at,
        credentials.c.scopes,
        credentials.c.installed_at,
    ).where(credentials.c.tenant_id == tenant_id)
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else SealedPair(*row)


async def save_credentials(tx: Transaction, tenant_id: UUID, pair: SealedPair) -> None:
    """Store the whole pair, over the one before it. The caller holds the shop's lock."""
    new = upsert(credentials).values(
        tenant_id=tenant_id,
        access_token_ciphertext=pair.access_token,
        access_expires_at=pair.access_expires_at,
        refresh_token_ciphertext=pair.refresh_token,
        refresh_expires_at=pair.refresh_expires_at,
        scopes=pair.scopes,
        installed_at=pair.installed_at,
    )
    names = [column.name for column in credentials.c if column.name not in ("tenant_id",)]
    replaced = {name: new.excluded[name] for name in names} | {"updated_at": func.now()}
    await tx.execute(new.on_conflict_do_update(index_elements=["tenant_id"], set_=replaced))


async def set_scopes(tx: Transaction, tenant_id: UUID, scopes: list[str]) -> None:
    await tx.execute(
        update(credentials)
        .values(scopes=scopes, updated_at=func.now())
        .where(credentials.c.tenant_id == tenant_id)
    )


async def delete_credentials(tx: Transaction, tenant_id: UUID) -> None:
    await tx.execute(delete(credentials).where(credentials.c.tenant_id == tenant_id))


async def forget_shop(tx: Transaction, shop: Shop) -> None:
    """All of the shop but its tenant's row and what waits in the outbox."""
    await delete_credentials(tx, shop.tenant_id)
    await tx.execute(delete(install_states).where(install_states.c.domain == shop.domain))
    await tx.execute(delete(shop_directory).where(shop_directory.c.tenant_id == shop.tenant_id))


async def add_to_outbox(tx: Transaction, event: Event) -> None:
    values = {
        "event_id": event.event_id,
        "type": event.TYPE,
        "tenant_id": event.tenant_id,
        "body": event.model_dump(mode="json", by_alias=True),
    }
    await tx.execute(insert(outbox).values(values))
