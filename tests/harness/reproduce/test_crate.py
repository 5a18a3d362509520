import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from harness.errors import ConfigError, DataError
from harness.files import digest_path
from harness.reproduce.crate_contents import asked_for
from tests.harness.reproduce.crates import contents_of, metadata_of, packed

STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")
# A path from the root, in any text: not in addresses, nor behind a name, a dot or a variable.
ABSOLUTE = re.compile(r"(?<![\w.:/}…])/(?:[\w.-]+/)+[\w.-]+")


@pytest.fixture(scope="module")
def crate(finished_workspace, tmp_path_factory):
    target = tmp_path_factory.mktemp("crate") / "run.zip"
    packed(finished_workspace, target)
    return target


def markers_of(workspace):
    return {stage: json.loads((workspace / ".markers" / f"{stage}.json").read_text()) for stage in STAGES}


def test_every_product_is_in_the_crate_or_described_by_its_digest(crate, finished_workspace):
    contents, entities = contents_of(crate), metadata_of(crate)
    products = [
        product for marker in markers_of(finished_workspace).values() for product in marker["products"]
    ]

    assert len(products) > 20
    inside = {product["path"] for product in products if product["path"] in contents}
    for product in products:
        path = product["path"]
        told = entities[path if path in inside else f"#product/{path}"]
        assert (told["sha256"], told["contentSize"]) == (product["sha256"], str(product["bytes"]))
        if path in inside:
            assert hashlib.sha256(contents[path]).hexdigest() == product["sha256"]
    assert inside >= {
        *("data/split.json", "data/.frames/split.json", "data/.frames/obj.names"),
        *("experiment/anchors.json", "experiment/metrics.json", "experiment/verify.json"),
    }


def test_neither_weights_nor_frames_are_in_it_unless_asked_for(crate, finished_workspace, tmp_path):
    def kinds(path):
        return {name.rpartition(".")[2] for name in contents_of(path)}

    assert kinds(crate) <= {"json", "jsonl", "txt", "csv", "html", "names", "toml", "md"}
    packed(finished_workspace, tmp_path / "all.zip", wanted=("weights", "data"))
    contents = contents_of(tmp_path / "all.zip")
    every = [path for path in finished_workspace.rglob("*") if path.is_file()]
    of_products = {
        path.relative_to(finished_workspace).as_posix()
        for path in every
        if path.relative_to(finished_workspace).parts[0] == "experiment"
        or path.relative_to(finished_workspace).parts[:2] in {("data", "train"), ("data", ".frames")}
    }
    assert of_products <= {*contents}
    assert metadata_of(tmp_path / "all.zip")["experiment/weights/"]["sha256"] == (
        digest_path(finished_workspace / "experiment" / "weights").sha256
    )


@pytest.mark.parametrize(
    ("product", "need"),
    [
        ("experiment/weights", "weights"),
        ("experiment/export", "weights"),
        ("pretrained_resnet18/pretrained_object_detection_vresnet18/resnet_18.hdf5", "weights"),
        ("data/.frames/images", "data"),
        ("data/val/tfrecords", "data"),
        ("experiment/visualisations/images_annotated", "data"),
        ("data/split.json", ""),
        ("data/.frames/obj.names", ""),
        ("experiment/metrics.json", ""),
        ("experiment/weights.txt", ""),
    ],
)
def test_what_a_product_needs_to_be_in_a_crate(product, need):
    assert asked_for(product) == need


def test_the_same_workspace_makes_the_same_bytes_also_in_another_folder(crate, finished_workspace, tmp_path):
    moved = tmp_path / "anna" / "elsewhere"
    shutil.copytree(finished_workspace, moved, symlinks=True)

    packed(moved, tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == crate.read_bytes()


def test_no_place_on_this_machine_is_in_any_file(crate, finished_workspace):
    told = [str(finished_workspace), str(Path.home()) + "/", str(Path(sys.executable).parent), "/fakes/"]
    for name, content in contents_of(crate).items():
        text = content.decode()
        assert [place for place in told if place in text] == [], name
        assert ABSOLUTE.findall(text) == [], name


def test_a_file_that_names_a_place_on_this_machine_is_left_out_and_told(finished_workspace, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('address = "file:/media/anna/street.zip"\n')
    clean = tmp_path / "clean.toml"
    clean.write_text('address = "https://example.org/street.zip"\n')
    extra = {"specs/datasets/own.toml": own, "specs/datasets/clean.toml": clean}

    done = packed(finished_workspace, tmp_path / "run.zip", extra=extra)

    assert done.left_out == (
        "specs/datasets/own.toml: it names a folder of a machine, or has a secret in an address",
    )
    assert "specs/datasets/own.toml" not in contents_of(tmp_path / "run.zip")
    assert "specs/datasets/own.toml" not in metadata_of(tmp_path / "run.zip")
    assert contents_of(tmp_path / "run.zip")["specs/datasets/clean.toml"] == clean.read_bytes()


def test_the_specs_are_those_of_the_markers_and_not_what_was_edited_since(done, tmp_path):
    (copy,) = (done.workspace / "specs").glob("yolo_v4_train_*.txt")
    used = copy.read_text()
    copy.write_text(used + "# edited since\n")

    packed(done.workspace, tmp_path / "run.zip")

    assert contents_of(tmp_path / "run.zip")[f"specs/{copy.name}"].decode() == used


def test_a_product_that_changed_or_is_gone_is_refused_in_words(done, tmp_path):
    (done.workspace / "experiment" / "metrics.json").write_text("{}\n")
    shutil.rmtree(done.workspace / "experiment" / "weights")

    with pytest.raises(DataError) as caught:
        packed(done.workspace, tmp_path / "run.zip")

    assert caught.value.message == (
        f"{done.workspace} does not hold one whole run:\n"
        "  experiment/weights is gone\n"
        "  the contents of experiment/metrics.json changed"
    )
    assert [*tmp_path.glob("*run.zip*")] == []


def test_stages_that_were_not_made_from_each_other_are_no_run(done, tmp_path):
    path = done.workspace / ".markers" / "eval.json"
    marker = json.loads(path.read_text())
    marker["consumed"]["train"] = "0" * 64
    path.write_text(json.dumps(marker))
    (done.workspace / ".markers" / "tune-bdb.json").unlink()

    with pytest.raises(DataError) as caught:
        packed(done.workspace, tmp_path / "run.zip")

    assert "\n  train was made from what tune-bdb made, which has no marker" in caught.value.message
    assert "\n  eval was made from other products of train than its marker names" in caught.value.message


def test_another_file_is_never_replaced_and_the_same_one_may_be_made_again(
    crate, finished_workspace, tmp_path
):
    target = tmp_path / "run.zip"
    target.write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"another file is at .*run\.zip"):
        packed(finished_workspace, target)
    assert target.read_bytes() == b"mine"

    shutil.copyfile(crate, target)
    assert packed(finished_workspace, target).sha256 == hashlib.sha256(crate.read_bytes()).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["run.zip"]


@pytest.fixture
def with_a_place_in_its_weights(finished_workspace, tmp_path):
    """A workspace of one stage whose product names the folder that it was made in."""
    root = tmp_path / "named"
    (root / "experiment" / "weights").mkdir(parents=True)
    (root / "experiment" / "weights" / "a.pt").write_bytes(
        b"\x80\x02 made in " + f"{root}/experiment".encode()
    )
    (root / "experiment" / "weights" / "b.pt").write_bytes(b"\x80\x02 made nowhere")
    table = markers_of(finished_workspace)["train"]
    digest = digest_path(root / "experiment" / "weights")
    product = {"path": "experiment/weights", "bytes": digest.bytes, "files": 2, "sha256": digest.sha256}
    (root / ".markers").mkdir()
    (root / ".markers" / "train.json").write_text(
        json.dumps({**table, "products": [product], "consumed": {}})
    )
    return root


def test_a_folder_of_which_one_file_names_a_place_stays_out_whole(with_a_place_in_its_weights, tmp_path):
    root, target = with_a_place_in_its_weights, tmp_path / "run.zip"

    done = packed(root, target, wanted=("weights",))

    assert done.left_out == (f"experiment/weights: it names {root}",)
    assert not any(name.startswith("experiment/") for name in contents_of(target))
    told = metadata_of(target)["#product/experiment/weights"]
    assert told["sha256"] == digest_path(root / "experiment" / "weights").sha256


def test_a_product_that_is_a_link_is_not_packed(done, tmp_path):
    metrics = done.workspace / "experiment" / "metrics.json"
    metrics.rename(tmp_path / "elsewhere.json")
    metrics.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(DataError, match=r"experiment/metrics\.json leads elsewhere"):
        packed(done.workspace, tmp_path / "run.zip")
