"""Values as Hydra's override grammar writes them."""

import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_KEYWORDS = ("null", "true", "false", "nan", "inf")


def override(key: str, value: Any) -> str:
    """Return `key=value` for Hydra, where `value` came from YAML: a text, number, null, list or mapping."""
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_text(one)}" for key, one in value.items()) + "}"
    text = str(value)
    # A quoted text stays one: "1" must not become the number, nor "a,b" two choices.
    if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
