"""The collector's rest while libraries are imported."""

import gc

import pytest

from inkproof.runtime.startup import large_libraries


@pytest.fixture(autouse=True)
def collector():
    """Leave the collector of this process as it was."""
    collects, frozen = gc.isenabled(), gc.get_freeze_count()
    yield
    gc.enable() if collects else gc.disable()
    if not frozen:
        gc.unfreeze()


@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_within_and_what_was_made_is_left_alone_after(collects: bool):
    gc.enable() if collects else gc.disable()
    with pytest.raises(ImportError), large_libraries():
        made = [[] for _ in range(1000)]
        made.append(made)
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled() == collects
    assert not any(one is made for one in gc.get_objects())
