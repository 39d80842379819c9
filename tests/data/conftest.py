import pytest


@pytest.fixture(autouse=True)
def no_mirror_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test names its own mirrors, and asks its local server without a proxy in between."""
    monkeypatch.delenv("INKPROOF_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
