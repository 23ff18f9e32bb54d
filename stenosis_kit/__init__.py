"""A submission kit for the RSNA 2024 Lumbar Spine Degenerative Classification competition."""

import os

# TensorFlow reads these once, when it is first imported, so they must stand before any module of
# ours can import it. What the user has set wins.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # 2-3 times the training speed on AMD without AVX-512
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # without a GPU even its errors are noise
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

__version__ = "0.1.0"
