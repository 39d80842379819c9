"""Which source gave how much to the digits that a model was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one source gave to a split: `images` made from so many different `digits` by so many `writers`.

    `source` names it in `reporting.credits`; `writers` is None where the source does not tell them apart.
    """

    source: str
    images: int
    digits: int
    writers: int | None


def shares(names: Sequence[str], data: str, images: int) -> list[Share]:
    """Return what each source gave to a split, in order of appearance.

    `names` are of `sources.digits.sources_of`: MNIST's digits, pen digits and authored styles, told apart by how
    their names begin. Where there are none, all `images` are of the data set `data` itself.
    """
    if not names:
        return [Share(data, images, images, None)]
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition("-")[0], []).append(name)
    found = []
    for begin, own in groups.items():
        # "pens-tra-w01-0001" is by the writer tra-w01.
        writers = len({tuple(name.split("-")[:3]) for name in own}) if begin == "pens" else None
        found.append(Share({"style": "styles"}.get(begin, begin), len(own), len(set(own)), writers))
    return found
