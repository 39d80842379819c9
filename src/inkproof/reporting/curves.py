"""Learning curves: accuracy and loss over the epochs, and the epoch whose weights were kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from inkproof.reporting.style import PALETTE, percent_axis, place, sheet, styled

Rows = Sequence[Mapping[str, Any]]


def _values(history: Rows, key: str) -> list[float]:
    """One value an epoch, NaN where the history has none, so that the line shows the gap."""
    values = [row.get(key) for row in history]
    return [float("nan") if value is None or value == "" else float(value) for value in values]


def _pair(axes: Axes, epochs: list[int], history: Rows, key: str) -> None:
    # A line through one epoch cannot be seen, hence the marks on short runs.
    mark = "o" if len(epochs) <= 12 else ""
    styles = ((key, PALETTE["muted"], "--", "training"), (f"val_{key}", PALETTE["accent"], "-", "validation"))
    for name, colour, dashes, label in styles:
        if any(name in row for row in history):
            values = _values(history, name)
            axes.plot(epochs, values, color=colour, linestyle=dashes, marker=mark, markersize=3, label=label)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)


@styled
def learning_curves(history: Rows, kept: int | None = None) -> Figure:
    """Draw accuracy above and loss below, training dashed and validation solid, over the epochs.

    `history` holds a row an epoch: `epoch`, `accuracy`, `loss` and, where validation ran, `val_accuracy` and
    `val_loss`. `kept` is the epoch whose weights the model has; without it the epoch with the best validation
    accuracy is marked. Raises ValueError without a row.
    """
    if not history:
        raise ValueError("a learning curve needs at least one epoch")
    epochs = [int(row["epoch"]) for row in history]
    figure = sheet(3.7)
    above = place(figure, 0.55, 1.95, 0.15, 0.3)
    below = place(figure, 0.55, 0.45, 0.15, 2.05)
    _pair(above, epochs, history, "accuracy")
    _pair(below, epochs, history, "loss")
    above.set_title("accuracy")
    below.set_title("loss")
    below.set_xlabel("epoch")
    above.tick_params(labelbottom=False)
    percent_axis(above)
    below.set_ylim(bottom=0)
    reached = _values(history, "val_accuracy")
    known = [i for i, value in enumerate(reached) if value == value]
    word = "best" if kept is None else "kept"
    if kept is not None:
        known = [i for i in known if epochs[i] == kept]
    if known:
        best = max(known, key=lambda i: reached[i])
        above.plot(
            epochs[best],
            reached[best],
            marker="o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=PALETTE["wrong"],
            markeredgewidth=1.6,
            linestyle="none",
            label=f"{word}: epoch {epochs[best]}",
        )
    above.legend(loc="lower right", handlelength=2.2)
    return figure
