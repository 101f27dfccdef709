"""A process that runs a private server until somebody ends it: `python holder.py KIND FOLDER`.

It prints the owner's URL when the server answers.
"""

import asyncio
import sys
from pathlib import Path

from libs.ops.postgres import private_postgres
from libs.ops.rabbitmq import private_rabbitmq

_SERVERS = {"postgres": private_postgres, "rabbitmq": private_rabbitmq}


async def hold(kind: str, folder: Path) -> None:
    async with _SERVERS[kind](folder) as server:
        sys.stdout.write(f"{server.owner_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1], Path(sys.argv[2])))
