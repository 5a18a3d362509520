"""Files that are not models to be read here are named as what they are."""

from pathlib import Path

import pytest

from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.network.model_file import is_keras_file


@pytest.mark.parametrize(
    ("name", "content", "words", "remedy"),
    [
        ("a.tlt", b"\x01\x02" * 40, "is an encrypted model of TAO 3 or 4", "encoding import decode"),
        (
            "a.etlt",
            b"\x01\x02" * 40,
            "is an encrypted export of TAO 3 or 4",
            "the .tlt that it was exported from",
        ),
        ("a.hdf5", b"\x01\x02" * 40, "is cut, or still encrypted", "encoding import decode"),
        ("a.h5", b"", "is cut, or still encrypted", "copy it again"),
        ("a.onnx", b"\x08\x08", "is an ONNX export, not a trained network", r"yolov4_\*\.hdf5"),
        ("a.engine", b"ftrt", "is a TensorRT engine, not a trained network", r"yolov4_\*\.pt"),
    ],
)
def test_another_kind_of_file_is_named(
    tmp_path: Path, name: str, content: bytes, words: str, remedy: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=words) as caught:
        load_checkpoint(tmp_path / name)

    assert caught.match(str(tmp_path / name))
    with pytest.raises(ValueError, match=remedy):
        raise ValueError(caught.value.remedy)


def test_what_counts_is_how_a_file_begins_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "decoded.tlt").write_bytes(b"\x89HDF\r\n\x1a\n and so on")
    (tmp_path / "a.pt").write_bytes(b"PK\x03\x04")

    assert is_keras_file(tmp_path / "decoded.tlt")
    assert not is_keras_file(tmp_path / "a.pt")


def test_a_path_without_a_file_is_told_and_a_folder_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no checkpoint at .*none\.hdf5: it is not there"):
        is_keras_file(tmp_path / "none.hdf5")
    with pytest.raises(DataError, match="it is a folder"):
        is_keras_file(tmp_path)
