import pytest

from harness.errors import ConfigError
from harness.report import pictures

BEGIN, END = "<!-- begin -->", "<!-- end -->"


@pytest.fixture
def results(tmp_path):
    """Two pictures drawn from one record."""
    (tmp_path / "local" / "a-record").mkdir(parents=True)
    (tmp_path / "local" / "a-record" / "record.json").write_text("{}")
    pictures.keep(tmp_path, {"one.png": b"1", "one.svg": b"<svg/>"})
    pictures.note(tmp_path, "source")
    return tmp_path


def test_pictures_that_are_all_there_need_not_be_drawn_again(results):
    assert pictures.is_drawn(results, "source")
    assert not pictures.is_drawn(results, "another source")
    assert pictures.names(results) == ["one"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"source": "source"}', '{"source": "source", "pictures": 3}']
)
def test_a_note_that_is_none_means_to_draw(results, content):
    (results / "plots" / "drawn.json").write_text(content)
    assert not pictures.is_drawn(results, "source")


def test_a_picture_that_was_changed_or_lost_is_noticed(results):
    (results / "plots" / "one.png").write_bytes(b"painted over")
    assert not pictures.is_drawn(results, "source")
    (results / "plots" / "one.png").unlink()
    assert not pictures.is_drawn(results, "source")


def test_a_picture_that_is_not_drawn_any_more_goes_and_other_files_stay(results):
    (results / "plots" / "notes.txt").touch()
    pictures.keep(results, {"two.png": b"2"})
    assert sorted(path.name for path in (results / "plots").iterdir()) == [
        "drawn.json",
        "notes.txt",
        "two.png",
    ]


def test_the_digest_of_records_is_of_all_but_the_pictures(results):
    before = pictures.digest_of_records(results)
    (results / "plots" / "one.png").write_bytes(b"2")
    assert pictures.digest_of_records(results) == before

    (results / "withdrawn.toml").write_text("")
    after = pictures.digest_of_records(results)
    (results / "local" / "a-record" / "samples.csv.gz").write_bytes(b"s")
    assert len({before, after, pictures.digest_of_records(results)}) == 3
    assert pictures.digest_of_records(results / "nothing") == pictures.digest_of_records(results / "nor here")


def test_a_section_takes_the_place_of_the_one_before(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")

    pictures.put_section(page, BEGIN, END, f"{BEGIN}\nnew\n{END}")

    assert page.read_text() == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"
    assert pictures.read_section(page, BEGIN, END) == f"{BEGIN}\nnew\n{END}"


@pytest.mark.parametrize("text", ["no markers", f"{BEGIN} only", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_page_without_its_markers_is_left_alone(tmp_path, text):
    page = tmp_path / "README.md"
    page.write_text(text)

    with pytest.raises(ConfigError, match="has no lines <!-- begin --> and <!-- end -->"):
        pictures.put_section(page, BEGIN, END, "new")
    assert page.read_text() == text
