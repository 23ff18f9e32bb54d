from stenosis_kit.graders.five_block_cnn import five_block_cnn
from stenosis_kit.paper import figures


def test_block_and_architecture_are_drawn_from_the_model(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(figures, "_chain", lambda axes, steps: drawn.append(list(steps)))
    network = five_block_cnn((256, 256, 3))
    figures.draw_block(tmp_path, network)
    figures.draw_architecture(tmp_path, network)
    block, whole = drawn
    assert block[0] == "Input: 256×256×3"
    assert block[1] == "Conv2D, 32 filters of 3×3, relu: 256×256×32"
    assert block[-1] == "Dropout 0.25: 128×128×32"
    assert whole[5].startswith("Block 5, 2 × 512 filters: 8×8×512")
    assert whole[-1] == "21,633,059 parameters in all"
