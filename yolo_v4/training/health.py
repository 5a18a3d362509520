"""Signs that a training run goes on without learning, and when they end it.

Where a prediction is as wrong as float32 can tell, its loss is cut off and has no gradient, as in NVIDIA's
program: that of background above an objectness logit of 16.6, that of an object below one of -41.4. A run
that was thrown there stays there, with a finite loss, to its last epoch. So do units of a ReLU that are off
for every picture, and steps of float16 that are left out because a gradient is not finite.

A healthy run may show a sign now and then, so one look proves nothing: a sign ends the run when it was there
at `PATIENCE` looks on end.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from yolo_v4.boxes import EPSILON
from yolo_v4.data import targets
from yolo_v4.data.targets import Target
from yolo_v4.errors import TrainingFailed
from yolo_v4.network import grid
from yolo_v4.training.loss import LossTerms

INTERVAL = 8  # steps from one look to the next, at least 2: a look is judged a step later
PATIENCE = 5  # looks on end

CERTAIN_YES = -math.log(torch.finfo(torch.float32).eps / 2)  # from here, 1 - sigmoid is 0 in float32
CERTAIN_NO = math.log(EPSILON)  # down from here, the loss cuts the logarithm off
LEAST_LOSS = 20.0  # of a box that is certainly wrong; 41.4 without label smoothing and focal loss
# In healthy runs, with up to 100 times the usual learning rate, both shares were 0 at every look.
LOST_BACKGROUND = 0.01  # of all boxes
LOST_OBJECTS = 0.25  # of the boxes that are responsible for an object
FINISHED_LOSS = 0.01  # of a picture; below it a gradient may be 0 because nothing is left to learn

SLOWER = "lower max_learning_rate or the loss weights, or lengthen soft_start, and train again from the start"
REMEDIES = {
    "background": SLOWER,
    "objects": SLOWER,
    "gradient": f"{SLOWER}; where force_relu is true, set it to false",
    "steps": "train in float32: --numbers fp32, or NUMBERS=fp32; if the loss is no number then, lower "
    "max_learning_rate",
}


class Signs(NamedTuple):
    """What one look at a step sees. Losses are of a picture, without penalty."""

    certain: float  # share of all boxes that are taken for objects with certainty, rightly or not
    highest: float  # the largest objectness logit
    background_loss: float  # for background that is taken for objects, per box
    missed: (
        float  # share of the boxes responsible for an object that have certainly none; NaN without objects
    )
    gradient: float  # the largest absolute gradient, without penalty, of the lowest weights that are trained
    loss: float


@torch.no_grad()
def signs(target: Target, rows: Tensor, terms: LossTerms, gradient: Tensor) -> Tensor:
    """The values of `Signs` [6], on the device of `rows` [B, N, 11 + C]; nothing waits for a GPU."""
    objectness_BN = rows[..., grid.OBJECTNESS]
    # 0 where a row of the target only fills up.
    is_object_P = target.contents[:, targets.OBJECTNESS]
    missed_P = objectness_BN.flatten().index_select(0, target.rows) < CERTAIN_NO
    values = (
        (objectness_BN > CERTAIN_YES).float().mean(),
        objectness_BN.amax(),
        terms.obj_neg / objectness_BN.shape[1],
        torch.dot(missed_P.float(), is_object_P) / is_object_P.sum(),
        torch.linalg.vector_norm(gradient.flatten(), math.inf),
        terms.total,
    )
    return torch.stack(values).float()


@dataclass(slots=True)
class Watch:
    """Follows the signs of one run.

    `skips_steps`: the optimiser leaves out steps whose gradients are not finite; elsewhere the loss tells.
    """

    steps_per_epoch: int
    skips_steps: bool = False
    _looks: dict[str, list[int]] = field(default_factory=dict)  # by sign: the steps at which it was there

    def judge(self, step: int, seen: Signs) -> None:
        """Take note of what was seen in a step, counted from 0.

        Raises TrainingFailed: a sign was there at the last `PATIENCE` looks that could tell.
        """
        found = self._found(seen)
        unknown = {"objects"} if math.isnan(seen.missed) else set()
        self._looks = {
            name: [*self._looks.get(name, ()), *([step] if name in found else ())]
            for name in found.keys() | (self._looks.keys() & unknown)
        }
        for name, words in found.items():
            if len(self._looks[name]) >= PATIENCE:
                epoch, batch = divmod(self._looks[name][0], self.steps_per_epoch)
                raise TrainingFailed(
                    f"{words}; so it has been since batch {batch + 1} of epoch {epoch + 1}, and nothing is "
                    "learned that way",
                    remedy=REMEDIES[name],
                )

    def _found(self, seen: Signs) -> dict[str, str]:
        """The signs that are there, each in words."""
        found = {}
        # Boxes that are rightly certain cost nothing: the loss tells how many can be wrong at most.
        if min(seen.certain, seen.background_loss / LEAST_LOSS) > LOST_BACKGROUND:
            found["background"] = (
                f"{100 * seen.certain:.0f} % of all boxes are taken for objects so surely that no gradient "
                f"corrects them (objectness logits of up to {seen.highest:.4g})"
            )
        if seen.missed > LOST_OBJECTS:
            found["objects"] = (
                f"{100 * seen.missed:.0f} % of the boxes that should find an object say no so surely that no "
                f"gradient corrects them (objectness logits below {CERTAIN_NO:.1f})"
            )
        if seen.gradient == 0 and seen.loss > FINISHED_LOSS:
            found["gradient"] = (
                f"no gradient reaches the lowest layer that is trained, with a loss of {seen.loss:.4g}"
            )
        if self.skips_steps and not math.isfinite(seen.gradient):
            found["steps"] = "no step is taken: gradients are not finite in float16, however they are scaled"
        return found
