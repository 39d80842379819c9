"""A client of an application with the pretrained model and its own database."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from support.web_app import make_app


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "drawn" / "app.db"


@pytest.fixture
def client(database: Path) -> FlaskClient:
    return make_app(database).test_client()
