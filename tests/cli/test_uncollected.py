"""Loading without looking for garbage."""

import gc
from collections.abc import Iterator

import pytest

from chat4all.bootstrap.uncollected import uncollected


@pytest.fixture(autouse=True)
def _collected_afterwards() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_while_modules_load_and_again_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_loaded_is_not_looked_at_again() -> None:
    gc.unfreeze()
    loaded: list[object] = []
    with uncollected():
        loaded.append([loaded])
    assert gc.get_freeze_count() > 0
    assert not any(one is loaded for one in gc.get_objects())


def test_a_module_that_cannot_be_loaded_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()
