"""A submission kit for the RSNA 2024 Lumbar Spine Degenerative Classification competition.

    import stenosis_kit as sk
    sk.submit("data", "out")                       # also sk.format, sk.train, sk.predict and sk.check
    sk.score("out/submission.csv", "data/solution.csv")
    sk.five_block_cnn(input_shape=(256, 256, 3))

Each of these is loaded when it is first used, so that `import stenosis_kit` costs nothing.
"""

import os
from importlib import import_module
from typing import Any

# TensorFlow and Keras read these once, when they are first imported, so they must stand before any module of ours can
# import them. What the user has set of TensorFlow wins; a backend of Keras that was chosen for other work does not.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # 2-3 times the training speed on AMD without AVX-512
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # without a GPU even its errors are noise
os.environ["KERAS_BACKEND"] = "tensorflow"

__version__ = "0.2.0"

_HOMES = {
    "check": "answers.check",
    "five_block_cnn": "graders.five_block_cnn",
    "format": "road.format",
    "predict": "road.predict",
    "score": "answers.score",
    "submit": "road.submit",
    "train": "road.train",
}
"""The module of each public function. No room or module right below the package may bear one of these names: importing
it would put the module in the function's place."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Loads a public function on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "five_block_cnn":
        import_module(f"{__name__}.base.tensorflow_start").load_tensorflow()  # without TensorFlow's chatter
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
