from probe.metric import beats


class Clock:
    """Time that passes only when somebody sleeps or works."""

    def __init__(self, stop_after):
        self.now, self.left, self.late = 100.0, stop_after, 0.0

    def wait(self, seconds):
        self.now += seconds + self.late
        self.left -= 1
        return self.left < 0


def test_beats_keep_to_the_clock_and_not_to_the_work():
    clock = Clock(5)
    seen = []
    for number, late_s in beats(0.1, clock=lambda: clock.now, wait=clock.wait):
        seen.append((number, round(late_s, 6), round(clock.now, 6)))
        clock.now += 0.03  # the work

    assert seen == [(0, 0, 100.0), (1, 0, 100.1), (2, 0, 100.2), (3, 0, 100.3), (4, 0, 100.4)]


def test_a_late_wake_up_is_told_and_does_not_add_up():
    clock = Clock(4)
    clock.late = 0.004
    late = [round(late_s, 6) for _, late_s in beats(0.1, clock=lambda: clock.now, wait=clock.wait)]

    assert late == [0.004] * 4


def test_beats_slept_through_are_left_out():
    clock = Clock(4)
    numbers = []
    for number, _ in beats(0.1, clock=lambda: clock.now, wait=clock.wait):
        numbers.append(number)
        clock.now += 0.35 if number == 1 else 0.0

    assert numbers == [0, 1, 5, 6]
