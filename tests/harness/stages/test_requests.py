"""What each stage asks of `yolo_v4`, written out as NVIDIA's documentation and recorded runs have it."""

import pytest

from harness.settings.declared import SPECS
from harness.stages.base import Stage
from harness.stages.convert_data import ConvertData
from harness.stages.eval import Eval
from harness.stages.export import Export
from harness.stages.train import Train
from harness.stages.tune_bdb import TuneBdb
from harness.stages.vis import Vis

MODEL = "WS/experiment/weights/yolov4_resnet10_epoch_002"
STAGED = "NEW/products/experiment"
OLDER = {
    TuneBdb: ["kmeans -l WS/data/train/labels -i WS/data/train/images -x 128 -y 96 -n 9"],
    ConvertData: [
        f"dataset_convert -d NEW/{split}.txt -o NEW/products/data/{split}/tfrecords/{split}"
        for split in ("train", "val", "test")
    ],
    Train: [f"train -e NEW/train.txt -r {STAGED} --gpus 1"],
    Eval: [f"evaluate -m {MODEL}.tlt -e NEW/{split}.txt" for split in ("test", "val")],
    Vis: [
        f"inference -m {MODEL}.tlt -e NEW/vis.txt -i NEW/products/frames -t 0.3 "
        f"-o {STAGED}/visualisations/images_annotated -l {STAGED}/visualisations/labels"
    ],
    Export: [
        f"export -m {MODEL}.tlt -e NEW/export.txt -o {STAGED}/export/yolov4_resnet10.etlt "
        "--data_type fp32 --gen_ds_config"
    ],
}
NEWER = {
    TuneBdb: [f"{OLDER[TuneBdb][0]} --results_dir NEW/kmeans"],
    ConvertData: [
        f"{words} -r NEW/convert_{split}"
        for words, split in zip(OLDER[ConvertData], ("train", "val", "test"), strict=True)
    ],
    Train: OLDER[Train],
    Eval: [
        f"evaluate -m {MODEL}.hdf5 -e NEW/{split}.txt -r NEW/evaluate_{split}" for split in ("test", "val")
    ],
    Vis: [
        f"inference -m {MODEL}.hdf5 -e NEW/vis.txt -i NEW/products/frames -t 0.3 -r {STAGED}/visualisations",
    ],
    Export: [
        f"export -m {MODEL}.hdf5 -e NEW/export.txt -o {STAGED}/export/yolov4_resnet10.onnx "
        "--data_type fp32 --gen_ds_config --results_dir NEW/export"
    ],
}


@pytest.mark.parametrize(("version", "expected"), [("3.21.11", OLDER), ("5.0.0", NEWER)])
@pytest.mark.parametrize("kind", OLDER, ids=lambda kind: kind.name)
def test_each_stage_speaks_the_flags_of_the_release(settings, tmp_path, kind, version, expected):
    stage: Stage = kind(settings=settings(engine="tao", tao_version=version, image=str(tmp_path / "x.sif")))
    new = stage.workspace.attempts / stage.name / "NEW"

    asked = [" ".join((request.subcommand, *request.arguments)) for request in stage.requests(new)]

    shortened = [words.replace(str(new), "NEW").replace(str(stage.workspace.root), "WS") for words in asked]
    assert shortened == expected[kind]


@pytest.mark.parametrize(
    ("numbers", "ours", "nvidias"),
    [
        ("fp32", [], []),
        ("auto", ["--use_amp"], ["--use_amp"]),
        ("bf16", ["--numbers", "bf16"], ["--use_amp"]),
        ("fp16", ["--numbers", "fp16"], ["--use_amp"]),
    ],
)
@pytest.mark.parametrize("version", ["3.21.11", "5.0.0"])
def test_a_number_format_is_asked_for_with_the_flags_of_the_engine(
    settings, tmp_path, numbers, ours, nvidias, version
):
    nvidia = {"engine": "tao", "tao_version": version, "image": str(tmp_path / "x.sif")}
    asked = [
        [*Train(settings=settings(numbers=numbers, **engine)).requests(tmp_path)[0].arguments]
        for engine in ({}, nvidia)
    ]

    assert [words[words.index("--gpus") :] for words in asked] == [
        ["--gpus", "1", *ours],
        ["--gpus", "1", *nvidias],
    ]


def test_a_recipe_says_the_number_format_unless_it_is_given(settings, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('numbers = "auto"\n' + (SPECS / "recipes" / "smoke.toml").read_text())

    assert Train(settings=settings(recipe=str(recipe))).inputs()["numbers"] == "auto"
    assert Train(settings=settings(recipe=str(recipe), numbers="bf16")).inputs()["numbers"] == "bf16"


def test_the_key_does_not_stay_in_what_is_exported(settings, workspace, monkeypatch):
    monkeypatch.setenv("KEY", "open sesame")
    text = "net-scale-factor=1.0\ntlt-model-key=open sesame\n"
    workspace.mkdir()
    (workspace / "nvinfer_config.txt").write_text(text)

    Export(settings=settings(engine="tao"))._take_out_key(workspace)

    assert (
        workspace / "nvinfer_config.txt"
    ).read_text() == "net-scale-factor=1.0\ntlt-model-key=<your key>\n"
