"""The server's settings, passwords and checks, without starting it; and the same parts as containers."""

import re
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.config.compose import composing
from inkproof.config.stages import ServerConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.server import parts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parts, "FOLDER", tmp_path)
    monkeypatch.setattr(parts, "PASSWORDS", tmp_path / "passwords.json")
    return tmp_path


def composed(*words: str) -> ServerConfig:
    with composing() as compose:
        return compose(ServerConfig, words)


@pytest.mark.parametrize(
    ("words", "line"),
    {
        ("port=8333",): "port, s3_port and the nine ports from inner_port=15000 must differ",
        ("s3_port=15008",): "must differ",
        ("database=postgresql://me:secret@db.lan/mlflow",): "git would see the password",
        ("database=sqlite:///mlflow.db",): "expected an address such as postgresql://",
        ("s3=s3.lan",): "expected an address such as https://s3.lan",
        ("bucket=My_Bucket",): "bucket",
    }.items(),
)
def test_a_mistake_in_the_configuration_is_one_line(words: tuple[str, ...], line: str):
    with pytest.raises(UserError, match=line) as raised:
        composed(*words)
    assert "secret" not in str(raised.value)


def test_passwords_are_made_once_for_their_owner_alone(folder: Path):
    made = parts.passwords()
    assert stat.S_IMODE((folder / "passwords.json").stat().st_mode) == 0o600
    assert parts.passwords() == made and len(set(made.values())) == len(made)
    assert all(len(one) >= 32 for one in made.values())


def test_data_without_its_passwords_is_one_line(folder: Path):
    (folder / "postgres").mkdir()
    with pytest.raises(UserError, match=r"passwords.json: missing, but .* has data"):
        parts.passwords()
    assert not (folder / "passwords.json").exists()


@pytest.fixture
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if requirements/server.lock were installed."""
    monkeypatch.setattr(
        parts, "find_spec", lambda name: type("Spec", (), {"origin": str(folder / "x" / "__init__.py")})
    )
    monkeypatch.setattr(parts, "_weed", lambda: "/bin/true")


def test_what_is_not_installed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "find_spec", lambda name: None if name == "psycopg" else object())
    with pytest.raises(UserError, match="psycopg: not installed; `make server` installs it"):
        parts.check(composed())


@pytest.mark.parametrize("key", ["port", "s3_port", "inner_port"])
def test_a_taken_port_is_one_line(installed: None, key: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = {"port": "port=29990", "s3_port": "s3_port=29991", "inner_port": "inner_port=29980"}
        with pytest.raises(UserError, match=f"{key}: port {port} is taken"):
            parts.check(composed(*{**words, key: f"{key}={port}"}.values()))


def test_an_address_of_another_machine_is_one_line(installed: None):
    with pytest.raises(UserError, match=r"host=192\.0\.2\.1: this machine cannot serve there"):
        parts.check(composed("host=192.0.2.1", "port=29990", "s3_port=29991", "inner_port=29980"))


def test_root_needs_an_account_for_postgresql(installed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts.os, "geteuid", lambda: 0)
    words = ("port=29990", "s3_port=29991", "inner_port=29980")
    for account, line in {"nobody-of-this-name": "unknown", "root": "refuses root; name another"}.items():
        with pytest.raises(UserError, match=f"account={account}: .*{line}"):
            parts.check(composed(*words, f"account={account}"))


def test_no_secret_is_part_of_a_command_or_of_a_file(installed: None, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "_initialize", lambda data, account, password: data.mkdir())
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of-a-client")
    found = parts.parts(composed())
    assert [part.name for part in found] == ["postgres", "store", "mlflow"]
    secret = re.compile("|".join(parts.passwords().values()))
    assert not [part for part in found if secret.search(" ".join([*part.command, *(part.first or [])]))]
    assert [path.name for path in folder.rglob("*") if path.is_file() and secret.search(path.read_text())] == [
        "passwords.json"
    ]
    assert "MLFLOW_TRACKING_PASSWORD" not in parts.clean_environment()


def test_only_mlflow_and_s3_are_opened_to_the_network(installed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "_initialize", lambda data, account, password: data.mkdir())
    postgres, store, mlflow = parts.parts(composed("host=0.0.0.0"))
    assert "0.0.0.0" in mlflow.command
    assert "listen_addresses=127.0.0.1" in postgres.command and "-ip.bind=127.0.0.1" in store.command
    assert "0.0.0.0" not in " ".join([*postgres.command, *store.command])


def test_other_servers_take_the_place_of_parts(installed: None):
    words = ("database=postgresql://me@db.lan/mlflow", "s3=https://s3.lan")
    (mlflow,) = parts.parts(composed(*words))
    assert mlflow.environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql+psycopg://me@db.lan/mlflow"
    assert mlflow.environment["MLFLOW_S3_ENDPOINT_URL"] == "https://s3.lan"
    assert not {"PGPASSWORD", "AWS_ACCESS_KEY_ID"} & {*mlflow.environment}  # those of the operator


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "examples" / "server" / "compose.yaml").read_text("utf-8"))


def test_the_containers_are_the_same_parts(installed: None, compose: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "_initialize", lambda data, account, password: data.mkdir())
    found = {part.name: part for part in parts.parts(composed())}
    assert set(compose["services"]) == set(found)
    own = compose["services"]["mlflow"]["environment"]
    assert set(found["mlflow"].environment) <= set(own)
    assert own["MLFLOW_ARTIFACTS_DESTINATION"] == found["mlflow"].environment["MLFLOW_ARTIFACTS_DESTINATION"]
    assert all("healthcheck" in service for service in compose["services"].values())


def test_the_containers_hold_no_secret_and_open_two_ports(compose: Any):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|ACCESS_KEY", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", value), f"{name}: {value}"
    opened = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert sorted(opened) == ["${HOST:-127.0.0.1}:5000:5000", "${HOST:-127.0.0.1}:8333:8333"]


def test_the_settings_of_users_are_the_same_in_containers(compose: Any):
    ours = parts.AUTH.format(database="X", admin=parts.ADMIN).splitlines()
    theirs = compose["configs"]["auth"]["content"].splitlines()
    assert [line for line in theirs if "database_uri" not in line] == [
        line for line in ours if "database_uri" not in line
    ]
