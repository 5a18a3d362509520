import io
import stat
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest

from harness.data.archive import damaged_pictures, read_contents, unpack
from harness.data.zip_file import extract_one
from harness.errors import DataError

NAMES = ("data/obj.names", b"person\ncar\n")
FRAME = {"data/obj_train_data/d/a.jpg": b"picture", "data/obj_train_data/d/a.txt": b"0 .5 .5 .1 .1\n"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "frames.zip"


def pack(path, members, *, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)


def declare(path, name, content):
    """Let the archive's directory say of a member what is true of `content`."""
    archive = path.read_bytes()
    entry = archive.rindex(name.encode()) - 46  # checksum, compressed size and size follow at 16, 20 and 24
    crc, size = struct.pack("<I", zlib.crc32(content)), struct.pack("<I", len(content))
    path.write_bytes(
        archive[: entry + 16] + crc + archive[entry + 20 : entry + 24] + size + archive[entry + 28 :]
    )


def unpacked(path, folder):
    unpack(
        path,
        read_contents(path).pairing.frames,
        images=folder / "images",
        labels=folder / "labels",
        say=print,
    )
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_only_class_names_pictures_and_labels_are_taken(path, tmp_path):
    pack(
        path,
        [NAMES, ("LICENSE", b"MIT"), ("data/train.txt", b"x"), ("data/notes/b.jpg", b"x"), *FRAME.items()],
    )

    assert read_contents(path).classes == ("person", "car")
    assert unpacked(path, tmp_path / "out") == {
        "images/a.jpg": b"picture",
        "labels/a.txt": b"0 .5 .5 .1 .1\n",
    }


def test_the_export_may_lie_at_the_top_of_the_archive(path, tmp_path):
    pack(path, [(name.removeprefix("data/"), content) for name, content in [NAMES, *FRAME.items()]])

    assert sorted(unpacked(path, tmp_path / "out")) == ["images/a.jpg", "labels/a.txt"]


def test_equal_names_in_different_folders_do_not_overwrite_each_other(path, tmp_path):
    days = [
        (f"data/obj_train_data/{day}/f.{end}", f"{day} {end}".encode())
        for day in "12"
        for end in ("jpg", "txt")
    ]
    pack(path, [NAMES, *days])

    assert unpacked(path, tmp_path / "out") == {
        "images/1__f.jpg": b"1 jpg",
        "labels/1__f.txt": b"1 txt",
        "images/2__f.jpg": b"2 jpg",
        "labels/2__f.txt": b"2 txt",
    }


def test_what_macos_adds_is_passed_over(path):
    pack(path, [NAMES, *FRAME.items(), ("__MACOSX/data/._obj.names", b""), ("__MACOSX/data/obj.names", b"")])

    assert [frame.stem for frame in read_contents(path).pairing.frames] == ["a"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><p>Not found", r"a web page \(27 bytes\)"),
        (b"\x1f\x8b\x08something", r"something else \(12 bytes"),
    ],
)
def test_what_is_no_zip_archive_is_called_what_it_is(path, content, found):
    path.write_bytes(content)

    with pytest.raises(DataError, match=rf"frames\.zip: found {found}.*; expected a whole zip archive"):
        read_contents(path)


def test_a_truncated_archive_is_called_so(path):
    pack(path, [NAMES, *FRAME.items()])
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(DataError, match="a truncated zip archive"):
        read_contents(path)


def test_an_archive_that_lost_bytes_in_its_middle_is_refused(path):
    pack(path, [NAMES, *FRAME.items()], compression=zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content[:60] + content[80:])

    with pytest.raises(DataError, match="an entry that begins before the archive, which lost some bytes"):
        read_contents(path)


def test_a_member_without_a_name_is_refused(path):
    pack(path, [NAMES, ("x", b"")])
    content = path.read_bytes()
    entry = content.rindex(b"PK\x01\x02")
    # Of an entry the name is 46 bytes on, and its length stands at 28; its comment takes what the name left.
    path.write_bytes(content[: entry + 28] + b"\0\0\0\0\1\0" + content[entry + 34 :])

    with pytest.raises(DataError, match="''"):
        read_contents(path)


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "data/../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg", "data\\..\\..\\evil.jpg"]
)
def test_a_path_that_escapes_is_refused(path, tmp_path, name):
    pack(path, [NAMES, *FRAME.items(), (name, b"evil")])

    with pytest.raises(DataError, match=r"evil.*, a path that leaves the archive's folder"):
        read_contents(path)

    assert [file.name for file in tmp_path.iterdir()] == ["frames.zip"]


def test_a_link_is_refused(path):
    link = zipfile.ZipInfo("data/obj_train_data/b.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    pack(path, [NAMES, *FRAME.items(), (link, b"/etc/passwd")])

    with pytest.raises(DataError, match=r"b\.jpg', a link or device"):
        read_contents(path)


def test_an_encrypted_member_is_refused(path):
    pack(path, [NAMES, *FRAME.items()])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # general purpose flags in the archive's directory
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"obj\.names', encrypted"):
        read_contents(path)


def test_the_same_name_twice_is_refused(path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(path, [NAMES, *FRAME.items(), *FRAME.items()])

    with pytest.raises(DataError, match=r"a\.jpg 2 times; expected each name once"):
        read_contents(path)


def test_a_bomb_is_refused_before_it_goes_off(path):
    pack(path, [NAMES, *FRAME.items(), ("data/obj_train_data/b.jpg", bytes(10_000_000))])

    with pytest.raises(DataError, match=r"b\.jpg', \d+ bytes that unpack to 10000000"):
        read_contents(path)


def test_an_archive_that_claims_to_be_enormous_is_refused(path):
    pack(path, [NAMES, *((f"data/obj_train_data/{number}.jpg", b"x") for number in range(20))])
    content = path.read_bytes()
    for number in range(20):  # uncompressed size in the archive's directory
        at = content.rindex(f"data/obj_train_data/{number}.jpg".encode()) - 46 + 24
        content = content[:at] + struct.pack("<I", 0xFFFFFFFE) + content[at + 4 :]
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"found 8589\d+ bytes when unpacked"):
        read_contents(path)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("method", "complaint"),
    [
        (zipfile.ZIP_BZIP2, "compressed with bzip2; expected plain names, and Deflate or no compression"),
        (zipfile.ZIP_LZMA, "compressed with LZMA; expected plain names, and Deflate or no compression"),
        (zipfile.ZIP_DEFLATED, "holds more than it declares; expected the declared 100 bytes"),
    ],
)
def test_a_few_bytes_that_declare_to_be_small_cannot_fill_the_memory(path, method, complaint):
    inflated_mb, allowed_mb = 80, 60
    with zipfile.ZipFile(path, "w", method) as archive, archive.open(NAMES[0], "w") as stream:
        for _ in range(inflated_mb):
            stream.write(bytes(1 << 20))
    declare(path, NAMES[0], bytes(100))
    program = (
        "import pathlib, re, sys\n"
        "from harness.data.archive import read_contents\n"
        "from harness.errors import DataError\n"
        "try: read_contents(pathlib.Path(sys.argv[1]))\n"
        "except DataError as error: print(error)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])\n"
    )
    answer = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    *message, peak_kb = answer.stdout.splitlines()

    assert int(peak_kb) < allowed_mb * 1000
    assert complaint in message[0]


def test_a_member_that_ends_before_its_declared_size_is_refused(path, tmp_path):
    pack(path, [NAMES, *FRAME.items()])
    archive = path.read_bytes()
    entry = archive.rindex(b"data/obj_train_data/d/a.jpg") - 46
    path.write_bytes(archive[: entry + 24] + struct.pack("<I", 9) + archive[entry + 28 :])

    with pytest.raises(
        DataError, match=r"a\.jpg, which holds less than it declares; expected the declared 9 bytes"
    ):
        unpacked(path, tmp_path / "out")


def test_deflate64_is_called_so_and_the_remedy_is_to_pack_again(path):
    pack(path, [NAMES, *FRAME.items()])
    archive = path.read_bytes()
    entry = archive.rindex(b"data/obj_train_data/d/a.jpg") - 46
    path.write_bytes(archive[: entry + 10] + struct.pack("<H", 9) + archive[entry + 12 :])

    with pytest.raises(DataError, match=r"a\.jpg', compressed with Deflate64;") as caught:
        read_contents(path)
    assert "pack the files again" in caught.value.remedy


@pytest.mark.parametrize("name", ["data/obj_train_data/a\nb.jpg", "data/obj_train_data/\x1b[31m.jpg"])
def test_a_name_that_could_not_be_told_in_one_line_is_refused(path, name):
    pack(path, [NAMES, *FRAME.items(), (name, b"picture")])

    with pytest.raises(DataError, match="a name with control characters"):
        read_contents(path)


def test_backslashes_between_folders_are_read_as_slashes(path, tmp_path):
    members = {NAMES[0]: NAMES[1], **FRAME, "data/obj_train_data/": b""}
    pack(path, [(name.replace("/", "\\"), content) for name, content in members.items()])

    assert unpacked(path, tmp_path / "out") == {
        "images/a.jpg": b"picture",
        "labels/a.txt": b"0 .5 .5 .1 .1\n",
    }


def test_a_name_with_backslashes_and_the_same_with_slashes_are_the_same_name_twice(path):
    name = "data/obj_train_data/d/a.jpg"
    pack(path, [NAMES, *FRAME.items(), (name.replace("/", "\\"), b"other")])

    with pytest.raises(DataError, match=r"a\.jpg 2 times; expected each name once"):
        read_contents(path)


def test_members_without_sizes_before_their_content_are_read(path, tmp_path):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.content = b""

        def writable(self):
            return True

        def write(self, content):
            self.content += bytes(content)
            return len(content)

    pipe = Pipe()
    pack(pipe, [NAMES, *FRAME.items(), ("data/empty", b"")])
    path.write_bytes(pipe.content)
    assert zipfile.ZipFile(path).getinfo(NAMES[0]).flag_bits & 0x8, "no data descriptor was written"

    assert unpacked(path, tmp_path / "out")["images/a.jpg"] == b"picture"


def test_zip64_members_are_read(path, tmp_path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [NAMES, *FRAME.items()]:
            with archive.open(name, "w", force_zip64=True) as stream:
                stream.write(content)

    assert unpacked(path, tmp_path / "out")["images/a.jpg"] == b"picture"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_empty_label_is_read(path, tmp_path, compression):
    pack(path, [NAMES, *(FRAME | {"data/obj_train_data/d/a.txt": b""}).items()], compression=compression)

    assert unpacked(path, tmp_path / "out")["labels/a.txt"] == b""


def test_a_damaged_member_is_named(path, tmp_path):
    pack(path, [NAMES, *FRAME.items()], compression=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"picture", b"pixture"))

    with pytest.raises(DataError, match=r"obj_train_data/d/a\.jpg, damaged: Bad CRC-32"):
        unpacked(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ([("data/notes", b"")], r"0 files obj\.names"),
        (
            [NAMES, ("more/obj.names", b"a"), *FRAME.items()],
            r"2 exports \(data/obj\.names, more/obj\.names\)",
        ),
        ([NAMES], "0 pictures and 0 labels below data/obj_…_data"),
        ([("data/obj.names", b"\xff\xfe"), *FRAME.items()], "not UTF-8"),
        ([("data/obj.names", b"\n"), *FRAME.items()], r"no class name in data/obj\.names"),
    ],
)
def test_an_archive_without_names_or_frames_is_refused(path, members, complaint):
    pack(path, members)

    with pytest.raises(DataError, match=complaint):
        read_contents(path)


def test_one_file_is_taken_out_of_whatever_folder_it_is_in(path, tmp_path):
    pack(path, [("pretrained/v1/resnet_18.hdf5", b"weights"), ("README.md", b"")])

    extract_one(path, "resnet_18.hdf5", tmp_path / "out")

    assert (tmp_path / "out").read_bytes() == b"weights"


def test_a_file_that_is_not_in_the_archive_is_named(path, tmp_path):
    pack(path, [("README.md", b"")])

    with pytest.raises(DataError, match=r"0 files resnet_18\.hdf5"):
        extract_one(path, "resnet_18.hdf5", tmp_path / "out")


@pytest.mark.parametrize(
    ("members", "remedy"),
    [
        ([("task.zip", b"PK")], "unpack it, and give the archive inside"),
        ([("data.yaml", b""), ("images/train/a.jpg", b"")], "jamcam new-dataset FILE"),
        ([NAMES, ("b/obj.names", b"a")], "export the project in place of its tasks"),
        ([NAMES], "in CVAT give the task one"),
        ([NAMES, ("data/obj_train_data/a.txt", b"")], 'export it with "Save images" on'),
        ([NAMES, ("data/obj_train_data/a.png", b"")], "give each picture a .txt of the same name"),
    ],
)
def test_the_remedy_fits_what_the_archive_holds_in_place_of_an_export(path, members, remedy):
    pack(path, members)

    with pytest.raises(DataError) as caught:
        read_contents(path)

    assert remedy in caught.value.remedy
    assert "fetch it again" not in caught.value.remedy


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u200d", "\u2060"])
def test_characters_that_nobody_sees_are_no_part_of_class_names(path, mark):
    pack(path, [("data/obj.names", f"{mark}person\r\n{mark}\r\ncar{mark}\r\n".encode()), *FRAME.items()])

    assert read_contents(path).classes == ("person", "car")


def test_pictures_that_cannot_be_decoded_are_found_before_the_split(path):
    pack(path, [NAMES, *FRAME.items()])

    found = damaged_pictures(path, read_contents(path).pairing.frames, say=print)

    assert found == {"a": "data/obj_train_data/d/a.jpg: no picture (7 bytes, starting with b'picture')"}
