import numpy as np
import pytest

from stenosis_kit.graders.five_block_cnn import five_block_cnn


def test_the_papers_network_has_the_papers_size():
    network = five_block_cnn(input_shape=(256, 256, 3))
    assert network.count_params() == 21_633_059
    assert network.output_shape == (None, 3)


def test_layers_stand_in_the_papers_order():
    network = five_block_cnn((32, 32, 1), filters=(2, 3, 4, 5, 6), dense=(8, 4))
    kinds = [type(layer).__name__ for layer in network.layers]
    block = ["Conv2D", "BatchNormalization"] * 2 + ["MaxPooling2D", "Dropout"]
    head = ["Flatten", *(["Dense", "BatchNormalization", "Dropout"] * 2), "Dense"]
    assert kinds == ["InputLayer", *(block * 5), *head]
    assert [layer.filters for layer in network.layers if hasattr(layer, "filters")] == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6]


def test_no_block_dropout_leaves_the_layers_out():
    network = five_block_cnn((32, 32, 1), filters=(2,) * 5, dense=(4,), block_dropout=0)
    assert [layer.name for layer in network.layers if "dropout" in layer.name] == ["dense1_dropout"]


def test_answers_are_probabilities():
    network = five_block_cnn((32, 32, 5), filters=(2,) * 5, dense=(4, 4))
    answers = np.asarray(network(np.random.default_rng(0).random((6, 32, 32, 5), np.float32)))
    assert answers.shape == (6, 3)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_too_small_an_input_is_refused_with_what_was_received():
    with pytest.raises(ValueError, match=r"at least 32 pixels.*Received: \(31, 64, 1\)"):
        five_block_cnn((31, 64, 1))
