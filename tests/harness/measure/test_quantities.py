from harness.measure.quantities import quantities, values
from tests.harness.made import joules, record, run, series


def test_steps_of_a_run_count_once_by_their_median():
    one = record(runs=[run(1, {"train_step_s": [1.0, 2.0, 9.0]}), run(2, {"train_step_s": [3.0]})])
    assert values([one, one], "train_step_s", "") == ((2.0, 3.0), (2.0, 3.0))


def test_memory_is_the_peak_of_the_processes_and_of_all_gpus_together():
    columns = [
        *(series("tree_rss_bytes", mean=1.0, high=5.0), series("host_cpu_pct", mean=1.0, high=2.0)),
        *(series(f"gpu{number}_memory_used_bytes", mean=1.0, high=3.0) for number in range(2)),
    ]
    one = record("train", [1.0], series=tuple(columns))

    assert quantities([one])[1:] == [("peak_memory_bytes", "processes"), ("peak_memory_bytes", "gpu")]
    assert values([one], "peak_memory_bytes", "processes") == ((5.0,),)
    assert values([one], "peak_memory_bytes", "gpu") == ((6.0,),)


def test_energy_is_known_where_it_is_known_of_each_device():
    whole = run(1, {}, energy=[joules(10.0), joules(20.0, device="gpu1"), joules(7.0, device="cpu")])
    holes = run(2, {}, energy=[joules(10.0), joules(20.0, device="gpu1", coverage_pct=90.0)])
    silent = run(3, {}, energy=[joules(10.0), joules(None, device="gpu1")])
    one = record(runs=[whole, holes, silent])

    assert values([one], "energy_j", "gpu") == ((30.0,),)
    assert values([one], "energy_j", "cpu") == ((7.0,),)
    assert quantities([one]) == [("energy_j", "gpu"), ("energy_j", "cpu")]


def test_epochs_are_a_course_and_no_quantity():
    one = record("chain", runs=[run(1, {"epoch_loss": [3.0, 2.0], ("stage_s", "verify"): [4.0]})])
    assert quantities([one]) == [("stage_s", "verify")]
