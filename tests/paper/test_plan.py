from types import SimpleNamespace

import pytest

from stenosis_kit.paper import plan
from stenosis_kit.paper.plan import FEWEST_COPIES, LEAST_EPOCHS, START_S


def speed(px):
    return 0.5 * (px / 256) ** 2


@pytest.mark.parametrize(("seconds", "px"), [(20_000, 256), (7_500, 192), (3_500, 128), (2_000, 96), (900, 64)])
def test_the_largest_side_that_leaves_eight_epochs_is_taken(seconds, px):
    found = plan.plan(1000, 200, seconds, speed=speed)
    assert (found.px, found.copies) == (px, 1000)
    assert LEAST_EPOCHS * (3000 + 70) * found.image_s <= seconds - START_S


def test_then_the_copies_get_fewer():
    found = plan.plan(1000, 200, 200, speed=speed)
    assert found.px == 64
    assert FEWEST_COPIES < found.copies < 1000
    assert LEAST_EPOCHS * (3 * found.copies + 70) * found.image_s <= 200 - START_S


def test_a_side_that_proves_slower_than_it_seemed_gives_way():
    slow = lambda px: speed(px) * (3 if px == 256 else 1)  # noqa: E731
    assert plan.plan(1000, 200, 20_000, speed=slow).px == 192


def test_a_side_that_is_asked_for_is_kept_and_said():
    found = plan.plan(1000, 200, 900, forced_px=256, speed=speed)
    assert found.px == 256
    assert found.copies < 1000
    assert "the size was asked for" in found.in_words(forced=True)


def test_what_was_done_is_said_in_a_sentence():
    assert plan.plan(1000, 0, 20_000, speed=speed).in_words(False).startswith("The paper's recipe: images of 256×256")
    shortened = plan.plan(1000, 0, 200, speed=speed).in_words(False)
    assert "shortened to the time: images of 64×64 pixels (the paper: 256×256)" in shortened
    assert "(the recipe: 1000)" in shortened


def momenta(network):
    return {layer.momentum for layer in network.layers if hasattr(layer, "momentum")}


def test_running_means_span_half_an_epoch_and_never_more_than_keras_default():
    assert momenta(plan.compiled(32)) == {0.99}
    assert momenta(plan.compiled(32, 1000)) == {0.99}
    assert momenta(plan.compiled(32, 20)) == {0.9}
    assert momenta(plan.compiled(32, 1)) == {0.5}


def test_the_speed_is_that_of_a_second_batch_for_the_first_one_builds_the_graph(monkeypatch):
    class Network:
        def train_on_batch(self, images, labels):
            shapes.append((images.shape, labels.shape))
            clock.now += 50.0 if len(shapes) == 1 else 2.0

    shapes, clock = [], SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("stenosis_kit.base.budget.time", clock)
    monkeypatch.setattr(plan, "compiled", lambda px: Network())
    found = plan.seconds_an_image(64)
    (images, labels), again = shapes
    assert again == (images, labels) and images[1:] == (64, 64, 3) and labels == images[:1]
    assert found == pytest.approx(2.0 / images[0])
