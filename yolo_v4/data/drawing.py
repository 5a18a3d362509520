"""In which order frames are trained on, and how often those of each camera.

A detector for cameras that it was not shown learns more of ten cameras with forty frames each than of one
with a thousand. A camera of n frames is drawn in proportion to n^(1 - evenness).
Legend: F = frames.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from yolo_v4.data.frames import Frame
from yolo_v4.spec.experiment import Cameras


def draws_per_epoch(frames: Sequence[Frame], cameras: Cameras | None) -> npt.NDArray[np.float64]:
    """How often each frame is expected in an epoch, [F]; together as many as there are frames.

    Frames whose name does not match the pattern are of one camera together.
    """
    if cameras is None:
        return np.ones(len(frames))
    matches = [re.match(cameras.pattern, frame.image.stem) for frame in frames]
    names = [match[1] if match else None for match in matches]
    count = Counter(names)
    weight_F = np.array([float(count[name]) ** -cameras.evenness for name in names])
    drawn: npt.NDArray[np.float64] = weight_F * (len(frames) / weight_F.sum())
    return drawn


def order_of_epoch(draws_F: npt.NDArray[np.float64], random: np.random.Generator) -> npt.NDArray[np.int64]:
    """The frames of an epoch in their order, as many as there are frames.

    Each is there as often as is expected, rounded up or down at random (systematic sampling); where every
    frame is expected once, this is a permutation.
    """
    shuffled_F = random.permutation(len(draws_F))
    if (draws_F == 1).all():
        return shuffled_F
    ends_F = draws_F[shuffled_F].cumsum()
    places = random.random() + np.arange(len(draws_F))
    # Rounding may leave the last end a little below the number of frames.
    drawn = np.minimum(np.searchsorted(ends_F, places, side="right"), len(draws_F) - 1)
    return random.permutation(shuffled_F[drawn])
