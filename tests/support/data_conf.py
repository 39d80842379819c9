"""Files of conf/data as configurations, and the same with other values."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from inkproof.config.compose import composing
from inkproof.config.schema import DataConfig
from inkproof.config.stages import DownloadConfig


@cache
def published(name: str) -> DataConfig:
    """conf/data/NAME.yaml, composed and checked."""
    with composing() as compose:
        return compose(DownloadConfig, (f"data={name}",)).data


def changed(data: DataConfig, source: Mapping[str, Any] | None = None, **changes: Any) -> DataConfig:
    """`data` with other values, and with other values of its `source`."""
    node = data.source.node() | {key: plain(value) for key, value in (source or {}).items()}
    return DataConfig.model_validate({**data.model_dump(by_alias=True), **changes, "source": node})


def plain(value: Any) -> Any:
    """A configuration as a file of conf/ has it; any other value as it is."""
    return value.model_dump(by_alias=True) if isinstance(value, DataConfig) else value
