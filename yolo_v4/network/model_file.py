"""What a file given as a model is, as far as its name and first bytes tell."""

from pathlib import Path

from yolo_v4.errors import DataError
from yolo_v4.network.keras_file import SIGNATURE

KERAS_SUFFIXES = (".hdf5", ".h5")
# NVIDIA's own code: tao_tensorflow1_backend, nvidia_tao_tf1/encoding; its cipher comes with the images only.
DECODE = (
    "decode it inside NVIDIA's image nvcr.io/nvidia/tao/tao-toolkit:5.0.0-tf1.15.5, with the key it was "
    "trained with: python3 -c 'from nvidia_tao_tf1.encoding.encoding import decode; "
    'decode(open("MODEL.tlt", "rb"), open("MODEL.hdf5", "wb"), "KEY")\'; then give MODEL.hdf5 '
    "(docs/from-tao.md)"
)
TRAINED = "give a weights/yolov4_*.pt of `yolo_v4 train`, or a weights/yolov4_*.hdf5 of TAO 5"
ENGINES = (".engine", ".trt", ".plan")


def is_keras_file(path: Path) -> bool:
    """Whether a model is a Keras HDF5 file; otherwise it may be a checkpoint of ours.

    Raises DataError: the file is not there, is encrypted, or is an export; says which.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise DataError(f"no checkpoint at {path}: it {what}", remedy=TRAINED)
    with path.open("rb") as stream:
        start = stream.read(len(SIGNATURE))
    if start == SIGNATURE:
        return True
    suffix = path.suffix.lower()
    if suffix == ".tlt":
        raise DataError(f"{path} is an encrypted model of TAO 3 or 4", remedy=DECODE)
    if suffix == ".etlt":
        raise DataError(
            f"{path} is an encrypted export of TAO 3 or 4, which holds no trained network to read here",
            remedy="give the .tlt that it was exported from, decoded as docs/from-tao.md says",
        )
    if suffix in KERAS_SUFFIXES:
        raise DataError(
            f"{path} does not begin as HDF5 files do: it is cut, or still encrypted",
            remedy=f"copy it again; if it was a .tlt, {DECODE}",
        )
    if suffix == ".onnx" or suffix in ENGINES:
        kind = "an ONNX export" if suffix == ".onnx" else "a TensorRT engine"
        raise DataError(f"{path} is {kind}, not a trained network", remedy=TRAINED)
    return False
