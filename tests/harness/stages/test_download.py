import hashlib
import io
import json
import sys
import zipfile

import pytest
from PIL import Image

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

    with pytest.raises(DataError, match="0 pictures and 0 labels"):
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


@pytest.fixture
def other_subset(picture):
    """Two frames beside those of obj_train_data."""
    members = {}
    for number in range(2):
        members[f"../obj_valid_data/v{number}.jpg"] = picture(200 + number)
        members[f"../obj_valid_data/v{number}.txt"] = b"0 0.5 0.5 0.5 0.5\n"
    return members


def test_turned_and_converted_pictures_are_told(dataset, run, picture, capsys):
    png, exif = io.BytesIO(), Image.Exif()
    Image.new("RGB", (96, 64)).save(png, "PNG")
    exif[0x0112] = 3
    turned = io.BytesIO()
    Image.new("RGB", (96, 64)).save(turned, "JPEG", exif=exif)
    changes = {"day0/f00.jpg": None, "day0/f00.PNG": png.getvalue(), "day1/f01.jpg": turned.getvalue()}

    workspace = run(dataset(changes), Download)

    printed = capsys.readouterr().out
    assert "1 of 12 pictures converted from PNG to JPEG" in printed
    assert "1 of 12 pictures turned upright, as their EXIF orientation says" in printed
    assert names(workspace / "data/.frames/images") == [f"f{number:02d}.jpg" for number in range(12)]


def test_subsets_are_told_where_they_are_split_anew(dataset, run, other_subset, capsys):
    run(dataset(other_subset), Download)

    assert "own subsets, train (12), valid (2), are one pool and split anew" in capsys.readouterr().out


def test_subsets_are_kept_where_the_data_set_says_so(dataset, run, other_subset, capsys):
    workspace = run(dataset(other_subset, split='{ test_subsets = ["valid"] }'), Download)

    assert split_of(workspace)["test"] == ["v0", "v1"]
    assert "split anew" not in capsys.readouterr().out


def test_so_many_damaged_pictures_are_left_out_by_name(dataset, run, capsys):
    workspace = run(dataset({"day0/f00.jpg": b"torn"}, skip_damaged="1"), Download)

    assert "f00.jpg" not in names(workspace / "data/.frames/images")
    assert (
        "left out: 1 damaged picture(s) in own.zip:\n"
        "download |   obj_train_data/day0/f00.jpg: no picture (4 bytes, starting with b'torn')"
    ) in capsys.readouterr().out


def test_more_damaged_pictures_than_were_allowed_are_refused(dataset, run):
    torn = {"day0/f00.jpg": b"torn", "day1/f01.jpg": b""}

    with pytest.raises(DataError, match="skip_damaged = 1, but there are 2 damaged") as caught:
        run(dataset(torn, skip_damaged="1"), Download)

    assert "raise skip_damaged" in caught.value.remedy


def test_what_was_not_there_before_enters_the_fingerprint_only_where_it_decides(dataset, settings):
    plain = Download(settings=settings(dataset=str(dataset()))).inputs()
    grouped = dataset(split='{ group = "folder", test_pct = 20 }')

    assert set(plain) == {"archive", "split", "unpaired", "limit", "pretrained"}
    assert set(plain["split"]) == {"seed", "test_frames", "test_pct", "group", "test_groups"}
    assert Download(settings=settings(dataset=str(grouped))).inputs()["split"]["groups"] == "kept"


def test_deep_finds_turned_pictures_that_an_earlier_version_left_as_they_were(
    dataset, run, settings, monkeypatch
):
    exif, turned = Image.Exif(), io.BytesIO()
    exif[0x0112] = 3
    Image.new("RGB", (96, 64)).save(turned, "JPEG", exif=exif)
    declared = dataset({"day0/f00.jpg": turned.getvalue()})
    with monkeypatch.context() as earlier:
        earlier.setattr("harness.data.archive.upright_jpeg", lambda content: (content, ""))
        run(declared, Download)

    assert Download(settings=settings(dataset=str(declared))).own_reasons() == []
    assert Download(settings=settings(dataset=str(declared), deep="1")).own_reasons() == [
        "1 pictures have an EXIF orientation that was not applied"
    ]
    run(declared, Download, deep="1")
    assert Download(settings=settings(dataset=str(declared), deep="1")).own_reasons() == []
