"""Checkpoints that NVIDIA's program wrote, and networks of its golden vectors by way of such a file."""

import io
import json
import lzma
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from tests.yolo_v4.golden.formula import RELEASES, values
from tests.yolo_v4.keras_files import write_keras
from yolo_v4.boxes import pairwise_iou
from yolo_v4.data.letterbox import placed_picture
from yolo_v4.network.checkpoint import load_network
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import HEADS, Yolo
from yolo_v4.prediction.runtime import by_network
from yolo_v4.spec.experiment import KERAS_PADDINGS, Experiment
from yolo_v4.spec.load import load_experiment

Array = npt.NDArray[np.float64]
PRIOR, BOX, LOGITS = slice(0, 6), slice(6, 10), slice(10, None)  # columns of a row
RELATIVE, ABSOLUTE = 1e-4, 1e-3
# Logits reach 1e4, of which float32 knows 1e-3, so sums in another order move a few boxes by more than that.
LEAST_CLOSE_BOXES = 0.995


@pytest.fixture(scope="module")
def checkpoint(trained_by_nvidia: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The checkpoint, unpacked if it is packed."""
    found = sorted([*trained_by_nvidia.glob("*.hdf5"), *trained_by_nvidia.glob("*.hdf5.xz")])
    if not found:
        pytest.skip(f"no .hdf5 or .hdf5.xz in {trained_by_nvidia}")
    if found[0].suffix == ".hdf5":
        yield found[0]
        return
    unpacked = tmp_path_factory.mktemp("checkpoint") / found[0].stem
    with lzma.open(found[0]) as packed, unpacked.open("wb") as target:
        shutil.copyfileobj(packed, target, 2**20)
    yield unpacked
    unpacked.unlink()


@pytest.mark.slow
def test_a_checkpoint_of_nvidias_computes_what_nvidias_program_did(
    checkpoint: Path, trained_by_nvidia: Path, tell_difference: Callable[[str], None]
) -> None:
    experiment = load_experiment(trained_by_nvidia / "spec.txt")
    vectors = np.load(trained_by_nvidia / "forward.npz", allow_pickle=False)
    sizes = sorted({name.partition("/")[0] for name in vectors.files})
    fitting = set()
    for padding in KERAS_PADDINGS:
        network = load_network(checkpoint, experiment, keras_padding=padding)
        compared = [_compare(network, experiment, vectors, size) for size in sizes]
        for line, _ in compared:
            tell_difference(f"{checkpoint.name}, padding {padding}, {line}")
        if all(fits for _, fits in compared):
            fitting.add(padding)

    assert sizes
    # The file does not say with which of the two its network computed; one of them must be it.
    assert len(fitting) == 1


@pytest.mark.slow
@pytest.mark.parametrize("padding", KERAS_PADDINGS)
def test_onnxruntime_finds_with_it_on_real_frames_what_pytorch_finds(
    checkpoint: Path, trained_by_nvidia: Path, shared: Path, padding: str
) -> None:
    experiment = load_experiment(trained_by_nvidia / "spec.txt")
    network = load_network(checkpoint, experiment, keras_padding=padding)
    # Its logits of up to 1e4 give thousands of boxes the score 1, of which any 200 are the best 200.
    with torch.no_grad():
        for name in HEADS:
            for weights in network.get_submodule(name).parameters():
                weights /= 1000
    with zipfile.ZipFile(shared / "data" / "nyc_ourcamera_yolo11.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::300]
        pictures = [Image.open(io.BytesIO(archive.read(name))) for name in names]
    pixels = torch.stack([placed_picture(picture, experiment.augmentation)[0] for picture in pictures])

    expected, found = (by_network(network, experiment, name)(pixels) for name in ("PyTorch", "onnxruntime"))

    assert len(found) == len(expected) == 8
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours.scores) == len(theirs.scores) == experiment.nms.top_k
        same = pairwise_iou(ours.boxes, theirs.boxes) * (ours.classes[:, None] == theirs.classes)
        overlap, partner = same.max(dim=1)
        assert sorted(partner.tolist()) == [*range(len(partner))]
        assert overlap.min() > 0.999
        assert (ours.scores - theirs.scores[partner]).abs().max() < 1e-4
        assert (ours.boxes - theirs.boxes[partner]).abs().max() < 1e-4  # shares of the picture


def _compare(network: Yolo, experiment: Experiment, vectors: Any, size: str) -> tuple[str, bool]:
    """The differences at a size in words, and whether they are within what is expected."""
    pixels = torch.from_numpy(vectors[f"{size}/input"].astype(np.float32))
    expected = vectors[f"{size}/output"].astype(np.float64)
    spec_hw = (experiment.augmentation.height, experiment.augmentation.width)  # that of the anchors
    with torch.inference_mode():
        rows = encode_predictions(network(pixels), experiment.network, spec_hw).double().numpy()
    assert rows.shape == expected.shape
    difference = np.abs(rows - expected)
    close = (difference <= ABSOLUTE) | (difference <= RELATIVE * np.abs(expected))
    largest = np.abs(expected[..., LOGITS]).max()
    line = (
        f"{size}: logits of up to {largest:.0f} differ by {difference[..., LOGITS].max():.3g} at most, "
        f"y, x by {difference[..., 6:8].max():.3g}, h, w by {difference[..., 8:10].max():.3g}; "
        f"{100 * close.mean():.2f} % of all values within rel {RELATIVE:g} or abs {ABSOLUTE:g}"
    )
    fits = (
        close[..., PRIOR].all()
        and close[..., BOX].mean() >= LEAST_CLOSE_BOXES
        and difference[..., LOGITS].max() <= RELATIVE * largest
    )
    return line, bool(fits)


@pytest.mark.slow
def test_networks_of_both_releases_come_through_a_file_as_nvidia_computed_them(
    topic, arrays, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    content, vectors = json.loads(topic("forward.json").read_text()), arrays("forward.npz")
    classes = "".join(
        f'target_class_mapping {{ key: "c{n}" value: "c{n}" }}' for n in range(content["classes"] - 2)
    )
    for name, net in content["nets"].items():
        layers: dict[str, dict[str, Any]] = {}
        for row in net["tensors"]:
            layers.setdefault(row["layer"], {})[row["weight"]] = values(row).astype(np.float32)
        path = write_keras(tmp_path / f"{name}.hdf5", layers)
        experiment = load_experiment(
            write_spec(network=f"nlayers: {net['nlayers']} arch_conv_blocks: 2", dataset=classes)
        )
        network = load_network(path, experiment)
        with torch.no_grad():
            heads = network(torch.from_numpy(vectors[f"{name}/input"]))

        for head, found in zip(HEADS, heads, strict=True):
            expected = vectors[f"{name}/{head}"]
            assert np.abs(found.numpy() - expected).max() <= 1e-3 * np.abs(expected).max(), (name, head)
        assert network.release == RELEASES[net["release"]]
