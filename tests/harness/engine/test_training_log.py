import csv

import pytest

from harness.engine.training_log import best_epoch, epochs_done, last_loss, log_rows, number_in

# As NVIDIA's program writes it: the names behind the first are padded, and a validation may be missing.
LOG = "epoch, loss, mAP\n1,5.5,nan\n2,4.25,0.125,9\n3\n"


def test_names_are_read_without_their_blanks_and_cells_beyond_them_left_out():
    assert [*log_rows(LOG)] == [
        {"epoch": "1", "loss": "5.5", "mAP": "nan"},
        {"epoch": "2", "loss": "4.25", "mAP": "0.125"},
        {"epoch": "3"},
    ]


def test_a_log_without_a_line_has_no_rows():
    assert [*log_rows("")] == []


def test_of_a_damaged_log_the_rows_before_the_damage_are_told():
    rows = log_rows('epoch,loss\n1,2.5\n2,"' + "9" * (csv.field_size_limit() + 1) + '"\n')

    assert next(rows) == {"epoch": "1", "loss": "2.5"}
    with pytest.raises(csv.Error):
        next(rows)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2.5", 2.5), (" 1e-3 ", 0.001), ("nan", None), ("inf", None), ("", None), (None, None), ("x", None)],
)
def test_a_cell_is_a_finite_number_or_nothing(text, value):
    assert number_in(text) == value


@pytest.mark.parametrize(
    ("scores", "saved", "best"),
    [
        (("0.1", "0.5", "0.3"), {1, 2, 3}, (2, 0.5)),
        (("0.1", "0.5", "0.3"), {1, 3}, (3, 0.3)),  # NVIDIA's validates epochs that it does not save
        (("0.5", "0.2", "0.5"), {1, 2, 3}, (3, 0.5)),
        (("0.0", "0.0", "nan"), {1, 2, 3}, (2, 0.0)),
        (("nan", "", "x"), {1, 2, 3}, None),
        (("0.1", "0.5", "0.3"), {3, 4}, None),  # of the fourth nothing is told: it may be better
    ],
)
def test_the_best_epoch_has_the_highest_map_of_those_that_were_saved(scores, saved, best):
    rows = "".join(f"{epoch}, {score}\r\n" for epoch, score in enumerate(scores, start=1))

    assert best_epoch(f"epoch, mAP\r\n{rows}", saved) == best


@pytest.mark.parametrize(
    ("rows", "loss"),
    [("1,9\r\n2,8.5\r\n", 8.5), ("1,9\r\n2,nan\r\n", None), ("1,9\r\n2\r\n", None), ("", None)],
)
def test_the_loss_at_the_end_is_a_number_or_nothing(rows, loss):
    assert last_loss(f"epoch,loss\r\n{rows}") == loss


def test_the_last_epoch_is_that_of_the_last_row():
    assert epochs_done(LOG) == 3
    assert epochs_done("") == 0
