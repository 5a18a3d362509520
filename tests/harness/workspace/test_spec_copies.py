import hashlib

import pytest

from harness.errors import ConfigError
from harness.settings.declared import SPECS
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import SpecCopies, conversion_template

NAME = conversion_template("val")
SHIPPED = (SPECS / NAME).read_text()


@pytest.fixture
def room(tmp_path):
    return Workspace(tmp_path)


def test_a_copy_is_laid_out_to_be_edited(room):
    SpecCopies(room).lay_out((NAME,))

    assert (room.specs / NAME).read_text() == SHIPPED
    assert not SpecCopies(room).is_edited(NAME)
    assert SpecCopies(room).edited() == []


def test_an_edited_copy_is_used_and_never_overwritten(room):
    SpecCopies(room).lay_out((NAME,))
    (room.specs / NAME).write_text("mine")
    SpecCopies(room).lay_out((NAME,))

    assert SpecCopies(room).is_edited(NAME)
    assert SpecCopies(room).template(NAME) == "mine"
    assert SpecCopies(room).edited() == [room.specs / NAME]


def of_an_older_release(room):
    """A copy as an older release put it there."""
    (room.specs / NAME).write_text("older release")
    (room.specs / ".copied.json").write_text(
        f'{{"{NAME}": "{hashlib.sha256(b"older release").hexdigest()}"}}'
    )


def test_a_copy_nobody_edited_follows_the_shipped_template(room):
    room.specs.mkdir()
    of_an_older_release(room)

    assert SpecCopies(room).template(NAME) == SHIPPED
    SpecCopies(room).lay_out((NAME,))
    assert (room.specs / NAME).read_text() == SHIPPED


@pytest.mark.parametrize(
    "spoil",
    [
        of_an_older_release,
        lambda room: (room.specs / NAME).unlink(),
        lambda room: (
            room.specs / ".copied.json"
        ).unlink(),  # else the next release would take the copy for edited
    ],
)
def test_what_would_be_laid_out_is_known_beforehand(room, spoil):
    SpecCopies(room).lay_out((NAME,))
    assert SpecCopies(room).outdated((NAME,)) == {}

    spoil(room)

    assert SpecCopies(room).outdated((NAME,)) == {NAME: SHIPPED}


def test_a_copy_that_was_just_laid_out_is_up_to_date_for_the_same_look(room):
    copies = SpecCopies(room)
    copies.lay_out((NAME,))

    assert copies.outdated((NAME,)) == {}
    assert copies.template(NAME) == SHIPPED


def test_a_template_of_the_users_own_is_found_in_the_workspace(room):
    room.specs.mkdir()
    (room.specs / "mine.txt").write_text("mine")

    assert SpecCopies(room).template("mine.txt") == "mine"


def test_a_template_that_is_nowhere_is_refused(room):
    with pytest.raises(ConfigError, match=r"no spec template nowhere\.txt"):
        SpecCopies(room).template("nowhere.txt")


def test_a_copy_that_is_no_text_is_refused_with_its_path(room):
    room.specs.mkdir()
    (room.specs / NAME).write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=f"cannot read {room.specs / NAME}: .*utf-8"):
        SpecCopies(room).template(NAME)
