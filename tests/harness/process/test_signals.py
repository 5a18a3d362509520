import os
import signal

import pytest

from harness.process.signals import Interrupted, die_with_parent, listen


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_later_ones_leave_the_tidying_alone(number):
    listen()

    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGTERM)

    assert caught.value.signal == number


def test_only_a_worker_process_is_tied_to_its_parent():
    # In this process, which no luigi started, nothing must change: a test run outlives its terminal's shell.
    die_with_parent()
