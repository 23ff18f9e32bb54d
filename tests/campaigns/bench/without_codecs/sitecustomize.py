"""Python reads this first where its folder is on PYTHONPATH: the codecs extra is then as if it were not installed."""

import sys

sys.modules["pylibjpeg"] = None  # importing it raises ImportError; pydicom then takes its own decoders
