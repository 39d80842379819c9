"""Writers are split, not drawings; each split is the same every time."""

from inkproof.datasets.finetuning_set import split_writers

WRITERS = [f"writer {number}" for number in range(20)]


def sizes(count: int, held_out: float = 0.25, validation: float = 0.15) -> tuple[int, int, int]:
    split = split_writers(WRITERS[:count], held_out, validation, seed=1)
    assert sorted(name for names in split.values() for name in names) == sorted(WRITERS[:count])
    return len(split["train"]), len(split["val"]), len(split["test"])


def test_somebody_is_held_out_and_somebody_trained_on_however_few_there_are() -> None:
    assert sizes(2) == (1, 0, 1)
    assert sizes(3) == (2, 0, 1)
    assert sizes(4) == (2, 1, 1)
    assert sizes(20) == (12, 3, 5)
    assert sizes(2, held_out=0) == (1, 0, 1)
    assert sizes(3, held_out=0.99, validation=0.99) == (1, 0, 2)


def test_neither_the_order_nor_the_number_of_drawings_changes_it_but_the_seed_does() -> None:
    split = split_writers(WRITERS, 0.25, 0.15, seed=1)
    assert split_writers([*reversed(WRITERS), *WRITERS], 0.25, 0.15, seed=1) == split
    assert split_writers(WRITERS, 0.25, 0.15, seed=2) != split


def test_a_new_writer_takes_one_other_s_place_at_most() -> None:
    before, after = (split_writers(WRITERS[:count], 0.25, 0.15, seed=1)["test"] for count in (18, 19))
    assert len(set(before) - set(after)) <= 1
