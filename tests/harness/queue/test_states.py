from harness.queue.states import ADVICE, UNFINISHED, Allocation, Cost, JobRow, array_row, total_cost


def row(state, task=""):
    return JobRow(job_id="7", task=task, state=state)


def test_an_array_goes_on_while_one_task_does():
    assert array_row([row("COMPLETED"), row("PENDING"), row("FAILED")]).state == "PENDING"
    assert array_row([row("PENDING"), row("RUNNING")]).state == "RUNNING"


def test_an_array_ends_as_its_worst_task():
    assert array_row([row("COMPLETED"), row("OUT_OF_MEMORY"), row("COMPLETED")]).state == "OUT_OF_MEMORY"
    assert array_row([row("COMPLETED"), row("COMPLETED")]).state == "COMPLETED"


def test_every_state_that_slurm_documents_is_an_end_with_advice_or_on_the_way():
    # squeue(1) of Slurm 22.05, JOB STATE CODES.
    documented = """BOOT_FAIL CANCELLED COMPLETED CONFIGURING COMPLETING DEADLINE FAILED NODE_FAIL
        OUT_OF_MEMORY PENDING PREEMPTED RUNNING RESV_DEL_HOLD REQUEUE_FED REQUEUE_HOLD REQUEUED RESIZING
        REVOKED SIGNALING SPECIAL_EXIT STAGE_OUT STOPPED SUSPENDED TIMEOUT"""
    assert {*documented.split()} - UNFINISHED - {*ADVICE} == {"COMPLETED", "REVOKED"}


def allocation(started, ended, kept, *, eligible, finished=False):
    return Allocation(eligible, started, ended, kept, finished)


def test_what_a_run_over_two_allocations_cost():
    # 100 s in the queue, 600 s of which the last 60 were done again; 40 s in the queue, 400 s to the end.
    allocations = [
        allocation(100, 700, 640, eligible=0),
        allocation(740, 1140, 1139, eligible=700, finished=True),
    ]

    assert total_cost(allocations, images_per_s=16.0, batch=8) == Cost(
        stays=2, queue_s=140, allocated_s=1000, lost_s=60, lost_steps=120, goodput_pct=94.0
    )


def test_an_allocation_that_kept_nothing_is_lost_as_a_whole_and_no_rate_is_made_up():
    found = total_cost([allocation(10, 30, 0, eligible=10)], images_per_s=None, batch=8)

    assert (found.lost_s, found.lost_steps, found.goodput_pct) == (20, None, 0.0)


def test_a_job_that_never_ran_has_no_goodput():
    assert total_cost([], images_per_s=None, batch=8).goodput_pct is None
