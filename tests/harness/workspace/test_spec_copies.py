import hashlib

import pytest

from harness.errors import ConfigError
from harness.settings.declared import SPECS
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import conversion_template, is_edited, lay_out, read_template

NAME = conversion_template("val")


@pytest.fixture
def room(tmp_path):
    return Workspace(tmp_path)


def test_a_copy_is_laid_out_to_be_edited(room):
    lay_out(room, (NAME,))

    assert (room.specs / NAME).read_text() == (SPECS / NAME).read_text()
    assert not is_edited(room, NAME)


def test_an_edited_copy_is_used_and_never_overwritten(room):
    lay_out(room, (NAME,))
    (room.specs / NAME).write_text("mine")
    lay_out(room, (NAME,))

    assert is_edited(room, NAME)
    assert read_template(room, NAME) == "mine"


def test_a_copy_nobody_edited_follows_the_shipped_template(room):
    lay_out(room, (NAME,))
    # As if an older release had put it there.
    (room.specs / NAME).write_text("older release")
    record = room.specs / ".copied.json"
    older = hashlib.sha256(b"older release").hexdigest()
    record.write_text(f'{{"{NAME}": "{older}"}}')

    lay_out(room, (NAME,))

    assert (room.specs / NAME).read_text() == (SPECS / NAME).read_text()


def test_a_template_of_the_users_own_is_found_in_the_workspace(room):
    room.specs.mkdir()
    (room.specs / "mine.txt").write_text("mine")

    assert read_template(room, "mine.txt") == "mine"


def test_a_template_that_is_nowhere_is_refused(room):
    with pytest.raises(ConfigError, match=r"no spec template nowhere\.txt"):
        read_template(room, "nowhere.txt")
