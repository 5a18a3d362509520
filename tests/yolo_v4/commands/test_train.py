"""`yolo_v4 train` as a user runs it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from yolo_v4.cli import main
from yolo_v4.network import number_format
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.network.device import formats
from yolo_v4.network.number_format import Choice
from yolo_v4.scoring.evaluator import NO_OBJECT

MODEL = "yolov4_resnet10"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small layers are no work for two cores."""
    torch.set_num_threads(1)


@pytest.fixture
def train(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., tuple[int, Path]]:
    """Trains with text added to the spec; gives exit status and results folder."""

    def train(results: str, *flags: str, **added: str) -> tuple[int, Path]:
        folder = tmp_path / results
        status = main(["train", "-e", str(write_spec(f"{results}.txt", **added)), "-r", str(folder), *flags])
        return status, folder

    return train


def status_lines(results: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (results / "status.json").read_text().splitlines()]


@pytest.mark.slow
def test_a_run_leaves_taos_files(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, results = train(
        "run", "-k", "unused", training="num_epochs: 2 checkpoint_interval: 2 model_ema: true"
    )

    assert status == 0
    assert sorted(path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()) == [
        "model_output_labels.txt",
        "status.json",
        f"weights/{MODEL}_epoch_002.pt",
        "yolov4_training_log_resnet10.csv",
    ]
    assert (results / "model_output_labels.txt").read_text() == "bus\ncar"
    header, first, second = (results / "yolov4_training_log_resnet10.csv").read_text().splitlines()
    assert header == "epoch,AP_bus,AP_car,loss,lr,mAP,validation_loss"
    assert first.startswith("1,nan,nan,")
    assert "nan" not in second.split(",")[2:]  # the only bus is difficult, so it has no average precision
    told = [line["numerics"] for line in status_lines(results) if "numerics" in line]
    assert [each["number_format"] for each in told] == ["fp32"]
    own = {"phase", "numerics", "best_checkpoint"}  # of our lines
    tao_messages = [line["message"] for line in status_lines(results) if not own & {*line}]
    assert tao_messages == [
        "Starting Yolo_V4 Training job",
        "Starting Training Loop.",
        "Training loop in progress",
        "Training loop in progress",
        "Training loop complete.",
        "YOLO_V4 training finished successfully.",
    ]
    printed = capsys.readouterr().out
    assert "Epoch 2/2\n" in printed
    assert f"Epoch 00002: saving model to {results}/weights/{MODEL}_epoch_002.pt\n" in printed
    assert "Validation loss: " in printed
    (best,) = [line["best_checkpoint"] for line in status_lines(results) if "best_checkpoint" in line]
    assert best == {
        "epoch": 2,
        "mAP": float(second.split(",")[header.split(",").index("mAP")]),
        "path": f"{results}/weights/{MODEL}_epoch_002.pt",
    }
    assert (
        f"Best checkpoint: epoch 2, mAP {best['mAP']:.4f} on the validation frames: {best['path']}\n"
        in printed
    )
    assert printed.endswith("Execution status: PASS\n")


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--use_amp",), ("--numbers", "bf16")])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    train: Callable[..., tuple[int, Path]], flags: tuple[str, ...]
) -> None:
    if "bf16" in flags and "bf16" not in formats(torch.device("cpu")):
        pytest.skip("this processor does not compute in bf16")
    _, whole = train("whole", *flags, training="model_ema: true checkpoint_interval: 2")
    halfway = whole / "weights" / f"{MODEL}_epoch_002.pt"
    status, resumed = train(
        "resumed", *flags, training=f'model_ema: true checkpoint_interval: 2 resume_model_path: "{halfway}"'
    )

    assert status == 0
    last = f"weights/{MODEL}_epoch_003.pt"
    assert (resumed / last).read_bytes() == (whole / last).read_bytes()
    log = "yolov4_training_log_resnet10.csv"
    assert (resumed / log).read_bytes() == (whole / log).read_bytes()
    assert [path.name for path in (resumed / "weights").iterdir()] == [f"{MODEL}_epoch_003.pt"]


def chosen(results: Path) -> tuple[str, str]:
    """The number format that a training computed in, and why."""
    (line,) = [line for line in status_lines(results) if "computing" in line]
    return line["numerics"]["number_format"], line["computing"]["numbers"]


SHORT = "num_epochs: 1 checkpoint_interval: 1"


@pytest.mark.slow
def test_use_amp_means_auto_which_measures_once(
    train: Callable[..., tuple[int, Path]], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = train("first", "--use_amp", training=SHORT)
    number_format, why = chosen(first)
    printed = capsys.readouterr().out

    if len(formats(torch.device("cpu"))) == 1:
        assert why == "auto: fp32, as this processor has no other"
        return
    assert re.fullmatch(rf"auto: {number_format}; a pass of one core takes fp32 .*, measured now", why)
    assert f"numbers: {why}\n" in printed
    (path,) = cache.iterdir()
    other = {"fp32": "bf16", "bf16": "fp32"}[number_format]
    path.write_text(path.read_text().replace(f'"chosen": "{number_format}"', f'"chosen": "{other}"'))

    _, second = train("second", "--numbers", "auto", training=SHORT)

    assert chosen(second)[0] == other  # what is kept counts, and no clock
    assert "measured 20" in chosen(second)[1]
    assert load_checkpoint(second / "weights" / f"{MODEL}_epoch_001.pt").number_format == other


@pytest.mark.slow
@pytest.mark.parametrize("begun_in", ["fp32", "bf16"])
def test_a_resumed_run_goes_on_in_its_format_where_another_one_is_kept_now(
    train: Callable[..., tuple[int, Path]], monkeypatch: pytest.MonkeyPatch, begun_in: str
) -> None:
    if begun_in not in formats(torch.device("cpu")):
        pytest.skip(f"this processor does not compute in {begun_in}")
    _, whole = train("whole", "--numbers", begun_in, training="checkpoint_interval: 2")
    other = {"fp32": "bf16", "bf16": "fp32"}[begun_in]
    monkeypatch.setattr(number_format, "_measured_once", lambda *_: Choice(number_format=other, words=other))

    halfway = whole / "weights" / f"{MODEL}_epoch_002.pt"
    start = f'checkpoint_interval: 2 resume_model_path: "{halfway}"'
    status, resumed = train("resumed", "--use_amp", training=start)

    assert status == 0
    assert chosen(resumed) == (begun_in, f"auto: {begun_in}, in which the run began")
    last = f"weights/{MODEL}_epoch_003.pt"
    assert (resumed / last).read_bytes() == (whole / last).read_bytes()


def test_a_format_that_the_device_lacks_is_refused_in_words(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = train("narrow", "--numbers", "fp16", training=SHORT)

    assert status == 1
    told = capsys.readouterr().err
    assert "error: fp16 was asked for, and this processor computes in fp32" in told
    assert "try: ask for auto (--numbers auto), or for one of these" in told


@pytest.mark.slow
def test_training_lowers_the_loss_of_frames_it_sees_again(train: Callable[..., tuple[int, Path]]) -> None:
    _, results = train(
        "overfit",
        training="num_epochs: 12 checkpoint_interval: 12",
        augmentation="jitter: 0 mosaic_prob: 0 hue: 0 horizontal_flip: 0",
        dataset="include_difficult_in_training: true",
    )

    rows = (results / "yolov4_training_log_resnet10.csv").read_text().splitlines()
    losses = [float(row.split(",")[3]) for row in rows[1:]]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.slow
def test_pretrained_weights_are_where_training_starts(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = train("first", training="num_epochs: 1")
    weights = first / "weights" / f"{MODEL}_epoch_001.pt"

    status, second = train(
        "second",
        training=f'num_epochs: 1 pretrain_model_path: "{weights}"',
        dataset='target_class_mapping { key: "tram" value: "tram" }',
    )

    assert status == 0
    heads = "conv_big_object, conv_mid_object, conv_sm_object"
    assert f"Starting from {weights}: new weights for {heads}\n" in capsys.readouterr().out
    start = load_checkpoint(weights).weights["backbone.block_4a_conv_2.weight"]
    end = load_checkpoint(second / "weights" / f"{MODEL}_epoch_001.pt").weights[
        "backbone.block_4a_conv_2.weight"
    ]
    assert (end - start).abs().mean() < 0.2 * start.abs().mean()


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_lower(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, results = train(
        "diverging",
        training="learning_rate { soft_start_cosine_annealing_schedule {"
        " min_learning_rate: 1e29 max_learning_rate: 1e30 soft_start: 0.2 } }",
    )

    error = capsys.readouterr().err
    assert status == 1
    assert "batch 2 of epoch 1: the loss is nan" in error
    assert "lower max_learning_rate" in error
    assert status_lines(results)[-1]["status"] == "FAILURE"
    assert not list((results / "weights").iterdir())


@pytest.mark.slow
def test_a_run_that_diverges_later_keeps_what_it_had(train: Callable[..., tuple[int, Path]]) -> None:
    _, results = train("run", training="num_epochs: 1")
    kept = {path: path.read_bytes() for path in (results / "weights").iterdir()}
    rates = "min_learning_rate: 1e29 max_learning_rate: 1e30 soft_start: 0.2"
    status, _ = train(
        "run",
        training=f'resume_model_path: "{next(iter(kept))}"'
        f" learning_rate {{ soft_start_cosine_annealing_schedule {{ {rates} }} }}",
    )

    assert status == 1
    assert {path: path.read_bytes() for path in (results / "weights").iterdir()} == kept
    rows = (results / "yolov4_training_log_resnet10.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1"]


@pytest.mark.slow
def test_a_checkpoint_made_with_another_optimiser_is_not_resumed(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = train("first", training="num_epochs: 1")
    weights = first / "weights" / f"{MODEL}_epoch_001.pt"

    averaged, _ = train("second", training=f'num_epochs: 2 model_ema: true resume_model_path: "{weights}"')
    sgd, _ = train(
        "third",
        training=f'num_epochs: 2 optimizer {{ sgd {{ momentum: 0.9 }} }} resume_model_path: "{weights}"',
    )

    assert (averaged, sgd) == (1, 1)
    assert capsys.readouterr().err.count("made with another optimizer, freeze_blocks or model_ema") == 2


@pytest.mark.slow
def test_other_frozen_layers_of_equal_number_are_not_resumed(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = train("first", network="freeze_blocks: 1", training="num_epochs: 1")
    weights = first / "weights" / f"{MODEL}_epoch_001.pt"

    status, _ = train(
        "second", network="freeze_blocks: 2", training=f'num_epochs: 2 resume_model_path: "{weights}"'
    )

    assert status == 1
    assert "made with another optimizer, freeze_blocks or model_ema" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--gpus", "2"), "--gpus 2 was asked for"),
        pytest.param(
            ("--gpu_index", "0"),
            "--gpu_index 0 was asked for",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here"),
        ),
    ],
)
def test_gpus_that_cannot_be_had_are_refused(
    train: Callable[..., tuple[int, Path]],
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    message: str,
) -> None:
    status, _ = train("run", *flags)

    assert status == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_early_stopping_ends_the_run_with_a_checkpoint(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, results = train(
        "stopped",
        training="num_epochs: 5 checkpoint_interval: 5 "
        'early_stopping { monitor: "loss" min_delta: 1e6 patience: 1 }',
    )

    assert status == 0
    assert "Epoch 00002: early stopping\n" in capsys.readouterr().out
    last = results / "weights" / f"{MODEL}_epoch_002.pt"
    assert [*(results / "weights").iterdir()] == [last]
    told = [line for line in status_lines(results) if "max_epoch" in line]
    assert [(line["epoch"], line["max_epoch"], line["eta"] == "0:00:00") for line in told] == [
        (1, 5, False),
        (2, 5, True),
    ]


@pytest.mark.slow
def test_a_run_that_stopped_early_stays_stopped_when_it_is_resumed(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    stopping = (
        'num_epochs: 5 checkpoint_interval: 5 early_stopping { monitor: "loss" min_delta: 1e6 patience: 1 }'
    )
    _, first = train("first", training=stopping)
    last = first / "weights" / f"{MODEL}_epoch_002.pt"
    capsys.readouterr()

    status, second = train("second", training=f'{stopping} resume_model_path: "{last}"')

    assert status == 0
    said = capsys.readouterr().out
    assert "Epoch 3/5" not in said
    assert (
        "No epoch is left to train: early stopping had ended the run after epoch 2; "
        "a larger patience of early_stopping goes on\n"
    ) in said
    log = "yolov4_training_log_resnet10.csv"
    assert (second / log).read_bytes() == (first / log).read_bytes()
    assert (second / "weights" / last.name).read_bytes() == last.read_bytes()


@pytest.mark.slow
def test_a_run_that_is_done_says_so_when_it_is_resumed_and_leaves_its_checkpoint_again(
    train: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = train("first", training="num_epochs: 1")
    last = first / "weights" / f"{MODEL}_epoch_001.pt"
    capsys.readouterr()

    status, second = train("second", training=f'num_epochs: 1 resume_model_path: "{last}"')

    assert status == 0
    said = capsys.readouterr().out
    assert "No epoch is left to train: all 1 are done; a larger num_epochs goes on\n" in said
    assert "Best checkpoint: epoch 1, mAP " in said
    assert f"on the validation frames: {second}/" in said
    assert (second / "weights" / last.name).read_bytes() == last.read_bytes()


@pytest.mark.slow
def test_where_no_validation_frame_has_an_object_no_map_is_known(
    write_spec: Callable[..., Path], street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = shutil.copytree(street, tmp_path / "bare")
    for label in (bare / "labels").iterdir():
        label.write_text("")
    spec, results = write_spec(training="num_epochs: 1", judged=str(bare)), tmp_path / "run"

    assert main(["train", "-e", str(spec), "-r", str(results)]) == 0

    said = capsys.readouterr().out
    assert f"note: {NO_OBJECT}\n" in said
    assert "Best checkpoint: not known" in said
    header, row = (results / "yolov4_training_log_resnet10.csv").read_text().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["mAP"] == "nan"
