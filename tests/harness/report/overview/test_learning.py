import pytest

from harness.report.overview.learning import learning, read_learning
from harness.workspace.layout import Workspace

LOG = (
    "epoch,AP_car,loss,lr,mAP,validation_loss\r\n"
    "1,nan,500.5,0.001,nan,nan\r\n"
    "2,0.5,400.0,0.0005,0.25,90.0\r\n"
)


def test_the_courses_of_a_log_are_those_of_its_columns():
    found = learning(LOG, source="x.csv", is_finished=True)
    assert found.epochs == (1, 2)
    assert found.loss == (500.5, 400.0)
    assert found.mean_average_precision == (None, 0.25)
    assert found.learning_rate == (0.001, 0.0005)
    assert found.validation_loss == (None, 90.0)


def test_columns_that_are_not_there_are_not_known():
    found = learning("epoch,loss\n1,3.0\n", source="x.csv", is_finished=True)
    assert (found.loss, found.mean_average_precision) == ((3.0,), (None,))


def test_nan_everywhere_is_known_nowhere():
    found = learning("epoch,loss,lr,mAP\n1,nan,nan,nan\n2,inf,-inf,NaN\n", source="x", is_finished=True)
    assert found.loss == found.learning_rate == found.mean_average_precision == (None, None)


@pytest.mark.parametrize("text", ["", "loss\n1\n", "epoch\nnan\n", "\x00\n", "epoch,loss\nx,1\n", '"'])
def test_what_is_no_log_tells_nothing(text):
    assert learning(text, source="x", is_finished=True) is None


def test_the_published_log_is_read_before_that_of_a_try(workspace):
    room = Workspace(workspace)
    tried = room.attempts / "train" / "20260301" / "products" / "experiment"
    for folder, loss in ((tried, 7.0), (room.experiment, 5.0)):
        folder.mkdir(parents=True)
        (folder / "yolov4_training_log_resnet18.csv").write_text(f"epoch,loss\n1,{loss}\n")
    assert (read_learning(room).loss, read_learning(room).is_finished) == ((5.0,), True)
    (room.experiment / "yolov4_training_log_resnet18.csv").unlink()
    assert (read_learning(room).loss, read_learning(room).is_finished) == ((7.0,), False)


def test_without_a_log_there_is_no_learning(workspace):
    assert read_learning(Workspace(workspace)) is None
