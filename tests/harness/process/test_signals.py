import os
import signal

import pytest

from harness.process.signals import Interrupted, die_with_parent, listen


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_later_ones_leave_the_tidying_alone(number):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    listen()

    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGTERM)

    assert caught.value.signal == number


@pytest.mark.usefixtures("signals_as_before")
def test_a_run_that_was_started_with_nohup_outlives_its_terminal():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    listen()
    os.kill(os.getpid(), signal.SIGHUP)

    with pytest.raises(Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)


def test_only_a_worker_process_is_tied_to_its_parent():
    # In this process, which no luigi started, nothing must change: a test run outlives its terminal's shell.
    die_with_parent()
