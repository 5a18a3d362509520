"""Keras HDF5 files are read whole or refused; nothing outside the file is ever opened."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.yolo_v4.keras_files import write_keras
from yolo_v4.errors import DataError
from yolo_v4.network.keras_file import opened

KERNEL = np.arange(3 * 2 * 4 * 5, dtype=np.float32).reshape(3, 2, 4, 5)
LAYERS = {"conv": {"kernel": KERNEL}, "bn": {"gamma": np.ones(5, np.float32)}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_keras(tmp_path / "a.hdf5", LAYERS)


def read(path: Path) -> None:
    with opened(path) as file:
        for weight in file.weights.values():
            weight.read()


def test_a_kernel_of_h_w_in_out_is_read_as_out_in_h_w(path: Path) -> None:
    with opened(path) as file:
        stored = file.weights["conv.weight"]
        shape, values = stored.shape, stored.read().numpy()

    assert shape == values.shape == (5, 4, 3, 2)
    assert values[4, 3, 2, 1] == KERNEL[2, 1, 3, 4]
    assert list(file.weights) == ["conv.weight", "bn.weight"]


@pytest.mark.parametrize("where", ["/", "/model_weights", "/model_weights/conv"])
@pytest.mark.parametrize(
    "link", [h5py.ExternalLink("other.hdf5", "/secret"), h5py.SoftLink("/model_weights")]
)
def test_a_link_is_refused_wherever_it_stands(path: Path, where: str, link: object) -> None:
    with h5py.File(path, "a") as file:
        file[where]["more"] = link

    with pytest.raises(DataError, match=r"has a link at .*/more, which is not followed"):
        read(path)


def test_data_kept_in_another_file_are_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(480))
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv/conv"]
        del group["kernel:0"]
        outside = [(str(tmp_path / "secret.bin"), 0, 480)]
        group.create_dataset("kernel:0", shape=(3, 2, 4, 5), dtype="f4", external=outside)

    with pytest.raises(
        DataError, match=r"keeps the data of /model_weights/conv/conv/kernel:0 in another file"
    ):
        read(path)


def test_a_virtual_data_set_is_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv/conv"]
        del group["kernel:0"]
        layout = h5py.VirtualLayout(shape=(3, 2, 4, 5), dtype="f4")
        layout[...] = h5py.VirtualSource("other.hdf5", "secret", shape=(3, 2, 4, 5))
        group.create_virtual_dataset("kernel:0", layout)

    with pytest.raises(DataError, match="in another file: not read"):
        read(path)


def test_a_group_that_leads_back_into_itself_is_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["model_weights/again"] = file["model_weights"]

    with pytest.raises(DataError, match="has a group under two names"):
        read(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_file_that_was_cut_is_called_damaged(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])

    with pytest.raises(DataError, match=r"a\.hdf5 is damaged or no Keras HDF5 file with weights: ") as caught:
        read(path)

    assert "compare its size and checksum" in caught.value.remedy


def test_text_in_place_of_numbers_and_a_file_without_layers_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "text.hdf5", "w") as file:
        group = file.create_group("conv")
        group.attrs["weight_names"] = [b"conv/kernel:0"]
        group["conv/kernel:0"] = ["code", "words"]
    with h5py.File(tmp_path / "bare.hdf5", "w") as file:
        file["table"] = np.zeros(3)

    with pytest.raises(DataError, match="expected floats"):
        read(tmp_path / "text.hdf5")
    with pytest.raises(DataError, match=r"bare\.hdf5 is damaged or no Keras HDF5 file"):
        read(tmp_path / "bare.hdf5")


def test_settings_that_are_no_json_are_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = b"[" * 100_000

    with pytest.raises(DataError, match="is damaged or no Keras HDF5 file"):
        read(path)


def test_without_h5py_the_package_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)

    with pytest.raises(DataError, match="h5py, which reads it, is not installed") as caught:
        read(path)

    assert caught.value.remedy == "pip install h5py"
