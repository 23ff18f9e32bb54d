from types import SimpleNamespace

from stenosis_kit.base.timed_training import TimedTraining


class Clock:
    """A budget of 100 s whose time the test passes."""

    def __init__(self):
        self.now = 0.0

    def elapsed(self):
        return self.now

    def remaining(self):
        return 100 - self.now


def steps_until_stop(first_s, step_s, validation_s):
    clock = Clock()
    timer = TimedTraining(clock, answers_s=validation_s)
    timer.set_model(SimpleNamespace(stop_training=False))
    timer.on_test_begin()
    clock.now += validation_s
    timer.on_test_end()
    for batch in range(1000):
        timer.on_train_batch_begin(batch)
        clock.now += step_s if batch else first_s
        timer.on_train_batch_end(batch)
        if timer.model.stop_training:
            assert timer.spent
            return clock.now
    raise AssertionError("it never stopped")


def test_training_stops_when_a_step_more_and_the_validations_would_not_fit():
    assert 95 <= steps_until_stop(1.0, 1.0, 1.0) <= 97
    assert 75 <= steps_until_stop(1.0, 1.0, 8.0) <= 80


def test_the_slow_first_step_does_not_end_training():
    assert steps_until_stop(40.0, 1.0, 1.0) >= 95
