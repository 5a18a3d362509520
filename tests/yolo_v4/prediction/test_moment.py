from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from yolo_v4.data.picture_file import decoded_picture
from yolo_v4.prediction.inputs import Item
from yolo_v4.prediction.moment import cameras, exif_moment, named


def item(name):
    return Item(Path("/given") / name, name, name.rpartition(".")[0], name.endswith(".mp4"))


@pytest.mark.parametrize(
    ("name", "moment", "before"),
    [
        ("1004-2021_03_20_093424.jpg", "2021-03-20T09:34:24", "1004"),
        ("2017-12-15_131018_880003.jpg", "2017-12-15T13:10:18", ""),
        ("cam7_20190107081500.jpg", "2019-01-07T08:15:00", "cam7"),
        ("00001.01234_20190628_0815.mp4", "2019-06-28T08:15:00", "00001.01234"),
        ("IMG_20190628T081533.jpg", "2019-06-28T08:15:33", "IMG"),
        ("street 2019.06.28 08.15.33.png", "2019-06-28T08:15:33", "street"),
        ("2019-07-12/0815.jpg", "2019-07-12T08:15:00", ""),
        ("카메라 1_2019-06-28T08-15-33.jpg", "2019-06-28T08:15:33", "카메라 1"),
        ("00001.01234.jpg", None, ""),
        ("1920x1080_123456789.jpg", None, ""),
        ("20190231_081500.jpg", None, ""),
        ("19700101_000000.jpg", None, ""),
        ("20190628.jpg", None, ""),
    ],
)
def test_a_name_tells_the_time_and_what_stands_before_it(name, moment, before):
    found = named(item(name))

    assert found.moment == (datetime.fromisoformat(moment) if moment else None)
    assert found.before == before


def test_the_camera_is_the_folder_and_what_several_names_share_before_the_time():
    names = [
        "street/1004-2021_03_20_093424.jpg",
        "street/1004-2021_03_20_093524.jpg",
        "street/1005-2021_03_20_093424.jpg",
        "street/1005-2021_03_20_093524.jpg",
        "street/alone_20210320_093424.jpg",
        "street/1006/1006-2021_03_20_093424.jpg",
        "street/1006/1006-2021_03_20_093524.jpg",
        "street/2021-03-20/093424.jpg",
        "street/00001.01234.mp4",
        "street/00001.05678_20210320_0934.mp4",
        "a.jpg",
    ]

    assert cameras([item(name) for name in names]) == [
        *["street/1004"] * 2,
        *["street/1005"] * 2,
        "street",
        *["street/1006"] * 2,
        "street",
        "street/00001.01234",
        "street/00001.05678",
        "given",
    ]


def test_exif_data_tell_when_a_picture_was_taken_unless_the_clock_was_never_set(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:06:28 08:15:33"
    exif[0x0132] = "2020:01:01 00:00:00"
    Image.new("RGB", (8, 8)).save(tmp_path / "taken.jpg", exif=exif)
    exif.get_ifd(0x8769)[0x9003] = "1970:01:01 00:00:00"
    Image.new("RGB", (8, 8)).save(tmp_path / "unset.jpg", exif=exif)
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.jpg")

    assert exif_moment(decoded_picture(tmp_path / "taken.jpg")) == datetime(2019, 6, 28, 8, 15, 33)
    assert exif_moment(decoded_picture(tmp_path / "unset.jpg")) is None
    assert exif_moment(decoded_picture(tmp_path / "plain.jpg")) is None


@pytest.mark.parametrize("block", [b"II*\0", b"MM\0*\0\0\0\x08\0\x01", b"Exif\0\0II*\0"])
def test_exif_data_that_are_damaged_tell_nothing(tmp_path, block):
    Image.new("RGB", (8, 8)).save(tmp_path / "damaged.png", exif=block)

    assert exif_moment(decoded_picture(tmp_path / "damaged.png")) is None
