from harness.data.archive import read_contents
from harness.data.pack import pack
from harness.data.source import Found, Picture
from harness.data.zip_file import open_zip


def picture(name, subset="train", folder="", label=""):
    return Picture(name=name, subset=subset, folder=folder, label=label)


def packed(source_of, tmp_path, *pictures):
    found = Found(layout="x", classes=("car", "traffic light"), pictures=list(pictures))
    source = source_of({each.name: each.name for each in pictures})
    pack(source, found, tmp_path / "new.zip", say=print)
    return tmp_path / "new.zip"


def test_what_is_packed_is_an_export_that_download_reads(source_of, tmp_path):
    path = packed(
        source_of,
        tmp_path,
        picture("x/a.jpg", folder="cam 1", label="0 0.5 0.5 0.1 0.1\n"),
        picture("y/b.PNG", subset="valid"),
    )

    contents = read_contents(path)
    assert contents.classes == ("car", "traffic light")
    assert [(each.stem, each.subset, each.folder) for each in contents.pairing.frames] == [
        ("a", "train", "cam 1"),
        ("b", "valid", ""),
    ]
    with open_zip(path) as archive:
        assert archive.read("obj_train_data/cam 1/a.jpg") == b"x/a.jpg"
        assert archive.read("obj_train_data/cam 1/a.txt") == b"0 0.5 0.5 0.1 0.1\n"


def test_pictures_that_differ_in_their_ending_alone_stay_apart(source_of, tmp_path):
    path = packed(source_of, tmp_path, picture("a.jpg"), picture("a.png"), picture("d/a.png"))

    stems = [each.stem for each in read_contents(path).pairing.frames]
    assert stems == ["a", "a_png", "a_png_2"]


def test_the_same_pictures_are_packed_into_the_same_bytes(source_of, tmp_path):
    first = packed(source_of, tmp_path, picture("a.jpg")).read_bytes()

    assert packed(source_of, tmp_path, picture("a.jpg")).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["new.zip"]
