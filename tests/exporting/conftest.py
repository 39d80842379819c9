"""The bounds of exported files as conf/export.yaml has them."""

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import Bounds, ExportConfig


@pytest.fixture(scope="session")
def bounds() -> Bounds:
    with composing() as compose:
        return compose(ExportConfig, ("data=optdigits", "model=dense")).bounds
