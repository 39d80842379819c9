"""How much a request may hold. What is larger is refused before work is done on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server; conf/app.yaml holds their values.

    Attributes:
        body_bytes: of a request, whatever it holds.
        pixels: of a picture, by the size it states before anything is decoded.
        strokes, points: of a drawing, `points` over all its strokes.
        text: characters of a name.
        drawings: returned at a time.
    """

    body_bytes: int
    pixels: int
    strokes: int
    points: int
    text: int
    drawings: int
