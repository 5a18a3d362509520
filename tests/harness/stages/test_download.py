import hashlib
import json
import sys
import zipfile

import pytest

from harness.errors import ConfigError, DataError
from harness.stages.download import Download, pretrained_product


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def split_of(workspace):
    return json.loads((workspace / "data/.frames/split.json").read_text())


def test_frames_arrive_unpacked_paired_and_split(dataset, run):
    workspace = run(dataset(), Download)

    frames = workspace / "data/.frames"
    assert names(frames) == ["images", "labels_raw", "obj.names", "split.json"]
    assert names(frames / "images") == [f"f{number:02d}.jpg" for number in range(12)]
    assert (frames / "labels_raw/f01.txt").read_text() == "1 0.5 0.5 0.25 0.5\n"
    assert (frames / "obj.names").read_text() == "person\ncar\n"
    split = split_of(workspace)
    assert (len(split["train"]), len(split["test"]), split["seed"]) == (9, 3, 42)


def test_days_can_be_held_out(dataset, run):
    workspace = run(dataset(split='{ group = "folder", test_groups = ["day1"] }'), Download)

    assert split_of(workspace)["test"] == ["f01", "f04", "f07", "f10"]


def test_a_limit_unpacks_that_many_training_frames_and_every_test_frame(dataset, run):
    workspace = run(dataset(), Download, limit="4")

    split = split_of(workspace)
    assert (len(split["train"]), len(split["test"])) == (4, 3)
    assert names(workspace / "data/.frames/images") == sorted(
        f"{stem}.jpg" for stem in split["train"] + split["test"]
    )


def test_pictures_get_one_ending_and_keep_their_bytes(dataset, run):
    changes = {"day0/f00.jpg": None, "day0/f00.JPEG": b"as it is"}

    workspace = run(dataset(changes), Download)

    assert (workspace / "data/.frames/images/f00.jpg").read_bytes() == b"as it is"


def test_files_without_partner_are_refused_with_their_places(dataset, run):
    declared = dataset({"day0/f00.txt": None, "day1/f01.jpg": None})

    with pytest.raises(DataError) as caught:
        run(declared, Download)

    assert caught.value.message == (
        "2 file(s) without partner in own.zip:\n"
        "  obj_train_data/day0/f00.jpg has no label\n"
        "  obj_train_data/day1/f01.txt has no picture"
    )
    assert 'unpaired = "skip"' in caught.value.remedy


def test_files_without_partner_are_left_out_where_the_data_set_says_so(dataset, run):
    workspace = run(dataset({"day0/f00.txt": None}, unpaired='"skip"'), Download)

    assert "f00.jpg" not in names(workspace / "data/.frames/images")


def test_an_empty_data_set_is_refused(dataset, run):
    nothing = {f"day{number % 3}/f{number:02d}.{end}": None for number in range(12) for end in ("jpg", "txt")}

    with pytest.raises(DataError, match="no picture with a label"):
        run(dataset(nothing), Download)


def test_a_wrong_sha256_is_refused_and_nothing_is_kept(dataset, run, workspace):
    with pytest.raises(DataError, match=f"expected {'0' * 64}"):
        run(dataset(sha256=f'"{"0" * 64}"'), Download)

    assert list((workspace / "data").iterdir()) == []


def test_a_remote_address_without_sha256_is_refused(dataset, run):
    with pytest.raises(ConfigError, match="has no sha256"):
        run(dataset(address='"https://example.org/own.zip"'), Download)


def test_an_archive_that_was_put_there_by_hand_is_used(dataset, run, workspace, capsys):
    declared = dataset()
    content = (declared.parent / "own.zip").read_bytes()
    (workspace / "data").mkdir(parents=True)
    (workspace / "data/own.zip").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()

    run(dataset(address='"https://127.0.0.1:9/own.zip"', sha256=f'"{sha256}"'), Download)

    assert "own.zip is here already, with the expected sha256" in capsys.readouterr().out


def test_a_changed_file_of_this_machine_is_fetched_again(dataset, run, settings):
    declared = dataset()
    run(declared, Download)
    dataset({"day0/new.jpg": b"x", "day0/new.txt": b""})

    stage = Download(settings=settings(dataset=str(declared)))

    assert any("archive" in reason for reason in stage.own_reasons())
    run(declared, Download)
    assert len(names(stage.workspace.frames / "images")) == 13


def test_frames_are_made_by_a_program_of_their_own(settings, tmp_path):
    assert Download(settings=settings(dataset="smoke")).commands(tmp_path) == (
        (sys.executable, "-m", "made_frames", f"{tmp_path}/smoke.zip", "--frames=24", "--seed=7"),
    )


def test_no_weights_are_brought_unless_asked_for(settings):
    chosen = settings()

    assert pretrained_product(chosen) == ""
    assert all("pretrained" not in product for product in Download(settings=chosen).products())


def test_weights_of_this_machine_go_where_nvidias_client_puts_them(dataset, run, tmp_path):
    (tmp_path / "mine.hdf5").write_bytes(b"weights")

    workspace = run(dataset(), Download, pretrained=str(tmp_path / "mine.hdf5"))

    product = workspace / "pretrained_resnet18/pretrained_object_detection_vresnet18/mine.hdf5"
    assert product.read_bytes() == b"weights"


def test_weights_in_a_zip_are_unpacked(dataset, run, tmp_path):
    with zipfile.ZipFile(tmp_path / "resnet18.zip", "w") as archive:
        archive.writestr("resnet18/resnet_18.hdf5", b"weights")

    workspace = run(dataset(), Download, pretrained=(tmp_path / "resnet18.zip").as_uri())

    product = workspace / "pretrained_resnet18/pretrained_object_detection_vresnet18/resnet_18.hdf5"
    assert product.read_bytes() == b"weights"


def test_the_address_of_a_version_at_ngc_stands_for_the_file_in_it(settings):
    address = (
        "https://api.ngc.nvidia.com/v2/models/nvidia/tao/pretrained_object_detection/versions/resnet18/zip"
    )

    product = pretrained_product(settings(pretrained=address, pretrained_sha256="0" * 64))

    assert product == "pretrained_resnet18/pretrained_object_detection_vresnet18/resnet_18.hdf5"


def test_remote_weights_without_sha256_are_refused(dataset, run):
    with pytest.raises(ConfigError, match="has no sha256"):
        run(dataset(), Download, pretrained="https://example.org/resnet_18.hdf5")
