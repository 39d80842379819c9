"""An SSH server for files, as another machine would have one: python ssh_server.py PORT HOST_KEY AUTHORIZED_KEYS."""

import asyncio
import sys

import asyncssh


async def serve(port: str, host_key: str, clients: str) -> None:
    await asyncssh.listen(
        "127.0.0.1", int(port), server_host_keys=[host_key], authorized_client_keys=clients, sftp_factory=True
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
