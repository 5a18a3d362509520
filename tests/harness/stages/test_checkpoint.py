"""Which checkpoint the stages after training take, and what is said of the best one."""

import json

MODEL = "experiment/weights/yolov4_resnet10_epoch_{:03d}.pt"


def model_of(workspace, stage):
    """The model that the stage's marker says its engine was given."""
    (line, *_) = json.loads((workspace / ".markers" / f"{stage}.json").read_text())["argv"]
    return line[line.index("-m") + 1]


def test_the_best_checkpoint_is_told_and_taken_where_it_is_asked_for(jamcam):
    room = jamcam.workspace

    printed = jamcam("train", FAKE_YOLO_V4="train=validate", PYTHONPATH="")

    told = "epoch 1 of 2, mAP 0.5000 on the validation frames"
    assert f"best checkpoint: {told}: {room / MODEL.format(1)}" in printed
    marker = json.loads((room / ".markers" / "train.json").read_text())
    assert marker["made_with"]["best_checkpoint"] == f"{told}: {MODEL.format(1)}"
    assert f"learning curve: {room / 'experiment' / 'learning_curve.png'}" in printed
    assert (room / "experiment" / "learning_curve.svg").stat().st_size

    jamcam("--eval", "--vis", "--export")
    assert [model_of(room, stage) for stage in ("eval", "vis", "export")] == [str(room / MODEL.format(2))] * 3
    printed = jamcam("--eval", "--vis", "--export", "--checkpoint=best")
    assert "eval | starting: checkpoint was not there, is now best" in printed
    assert [model_of(room, stage) for stage in ("eval", "vis", "export")] == [str(room / MODEL.format(1))] * 3
    assert "train         was done" in printed


def test_where_no_epoch_was_validated_the_best_cannot_be_told(jamcam):
    printed = jamcam("train")
    assert "best checkpoint: cannot tell by the training log" in printed

    printed = jamcam("eval", "--checkpoint=best", status=5)

    assert "which checkpoint is the best is not known" in printed
    assert "try: take the last one, CHECKPOINT=last" in printed
    jamcam("status", "--checkpoint=best")


def let_it_stop_early(workspace):
    spec = workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    stopping = 'training_config { early_stopping { monitor: "loss" min_delta: 0.1 patience: 1 } }\n'
    spec.write_text(spec.read_text() + stopping)


def test_a_training_that_ended_at_a_loss_that_is_no_number_did_not_stop_early(jamcam):
    jamcam("convert-data")
    let_it_stop_early(jamcam.workspace)

    printed = jamcam("train", FAKE_YOLO_V4="train=stop-at-nan", status=1)

    assert "found checkpoints of epochs: 1; the loss at the end of the training log is no number" in printed


def test_a_training_that_stopped_early_is_done_and_says_so(jamcam):
    jamcam("convert-data")
    let_it_stop_early(jamcam.workspace)

    printed = jamcam("eval", FAKE_YOLO_V4="train=stop-early")

    ended = "training stopped early after epoch 1 of 2, as the spec allows; the last checkpoint is of epoch 1"
    assert ended in printed
    assert model_of(jamcam.workspace, "eval") == str(jamcam.workspace / MODEL.format(1))
