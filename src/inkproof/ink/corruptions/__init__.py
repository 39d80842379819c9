"""The stress suite: canvases with faults of five severities, by names that say what is wrong.

Names are those of MNIST-C (Mu and Gilmer, "MNIST-C: a robustness benchmark for computer vision", 2019) where
the fault is the same: `translate`, `scale`, `rotate`, `shear`, `shot_noise`. Severity 1 is hardly noticeable,
3 a plain fault of hand, phone or scanner; at 5 a person still reads nearly all digits.
"""

from inkproof.ink.corruptions.camera import blur, gaussian_noise, low_contrast, shot_noise
from inkproof.ink.corruptions.geometry import cut_off, rotate, scale, shear, translate
from inkproof.ink.corruptions.grading import SEVERITIES, Corruption
from inkproof.ink.corruptions.paper import grid_paper, stray_mark, uneven_ground
from inkproof.ink.corruptions.strokes import broken, thick, thin

# In the order of tables and figures.
CORRUPTIONS: dict[str, Corruption] = {
    "translate": translate,
    "scale": scale,
    "rotate": rotate,
    "shear": shear,
    "cut_off": cut_off,
    "thin": thin,
    "thick": thick,
    "broken": broken,
    "uneven_ground": uneven_ground,
    "grid_paper": grid_paper,
    "stray_mark": stray_mark,
    "shot_noise": shot_noise,
    "gaussian_noise": gaussian_noise,
    "blur": blur,
    "low_contrast": low_contrast,
}

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption"]
