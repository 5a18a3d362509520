import pytest

from harness.measure.record_files import read_records
from harness.queue.notes import start_run
from harness.verbs.queue import left_of_study
from harness.workspace.layout import Workspace


@pytest.fixture
def scaling(jamcam, tmp_path):
    """`jamcam scaling`; gives what was printed and the records."""
    jamcam.patience_s = 600.0

    def scaling(*arguments, status=0, **environment):
        printed = jamcam(
            "scaling", f"--results={tmp_path / 'results'}", *arguments, status=status, **environment
        )
        return printed, read_records(tmp_path / "results")[0]

    return scaling


@pytest.mark.slow
def test_a_study_leaves_a_record_of_each_count_and_kind_with_its_efficiency(
    scaling, jamcam, nvml_folder, tmp_path
):
    # Whatever it is asked, the stand-in takes a tenth of a second for a step: with the batch of four divided
    # over two GPUs that is 40 images a second as before, half of what they could give; with four frames each
    # it is twice 40.
    printed, records = scaling("--gpus=1,2", LD_LIBRARY_PATH=str(nvml_folder))

    told = {
        (one.conditions["scaling"], one.conditions["gpus"], one.conditions["batch"]): one for one in records
    }
    assert {one.case for one in records} == {"scaling"}
    base, strong, weak = (
        told.pop(key) for key in (("strong and weak", 1, 4), ("strong", 2, 2), ("weak", 2, 4))
    )
    assert told == {}
    rates = [one.values("train_images_per_s") for one in (base, strong, weak)]
    assert rates == [pytest.approx((rate, rate)) for rate in (40, 40, 80)]
    assert [one.values("strong_efficiency_pct", of=base.id) for one in (base, strong, weak)] == [
        (),
        (50.0, 50.0),
        (),
    ]
    assert [one.values("weak_efficiency_pct", of=base.id) for one in (base, strong, weak)] == [
        (),
        (),
        (100.0, 100.0),
    ]
    assert {one.conditions["data_sha256"] for one in records} != {None}
    assert f"strong_efficiency_pct of {base.id}: 50 %" in printed
    assert (tmp_path / "results" / "plots" / "gpus-smoke.svg").exists()
    assert [path.name for path in jamcam.workspace.iterdir()] == [".bench"]


def test_a_batch_that_cannot_be_divided_is_refused_before_anything_is_measured(scaling):
    printed, records = scaling("--gpus=1,2,3", status=2)

    assert "cannot be divided by 3\n  try: give BATCH=6" in printed
    assert records == ()


def test_a_count_that_is_none_is_refused(scaling):
    printed, _ = scaling("--gpus=1,two", status=2)

    assert "gpus is 'two' (command line), expected a whole number of 1 or more" in printed


@pytest.mark.slow
def test_a_study_that_fails_ends_with_1_and_says_so_in_its_record(scaling):
    _, (record,) = scaling("--gpus=1", status=1, FAKE_YOLO_V4="train=crash")

    assert (record.status, record.runs) == ("failed", ())


@pytest.mark.slow
def test_without_data_there_is_nothing_to_train_on(scaling):
    printed, records = scaling("--gpus=1", status=1, FAKE_YOLO_V4="kmeans=crash")

    assert "tune-bdb" in printed
    assert records == ()


def test_after_a_restart_a_study_goes_on_with_the_count_whose_job_is_under_way(settings, workspace):
    every = [settings(gpus=count) for count in ("1", "2", "4")]
    assert left_of_study(every) == every

    options = ["--recipe=smoke", f"--dataset={every[0].overrides['dataset']}", "--engine=here"]
    command = ["scaling", *options, f"--workspace={workspace}", "--gpus=2"]
    start_run(Workspace(workspace), "20260301T000000-abcdef", command)
    assert left_of_study(every) == every[1:]
