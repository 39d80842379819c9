"""A real server, for tests marked `cluster`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tracking_server import Server, running_server


@pytest.fixture(scope="session")
def server(workspace_template: Path) -> Iterator[Server]:
    """A server that all tests share."""
    with running_server(workspace_template) as made:
        yield made
