"""What the paper says, what it found, and what had to be decided where it is silent."""

from __future__ import annotations

from stenosis_kit import rsna

# --- What it says (section numbers are the paper's) --------------------------------------------

SIDE_PX = 256
"""Input images are 256 x 256, RGB (4.4)."""
CLASSES = tuple(rsna.SEVERITY_LABELS[rsna.SEVERITIES.index(name)] for name in rsna.PAPER_CLASSES)
"""Labels of the class indices 0, 1, 2 (Table 1)."""
SHIFT = ZOOM = 0.1
"""Ranges of width shift, height shift and zoom; half of the copies are flipped, edges are filled with the nearest
pixel (4.3)."""
EPOCHS = 25
PATIENCE = 5
"""Epochs without a better validation loss after which training stops (4.4)."""
TEST_IMAGES = 100
"""Test images a class (6)."""

# --- What it found -----------------------------------------------------------------------------

PAPER_COUNTS = {"Normal/Mild": 2414, "Moderate": 224, "Severe": 115}
"""Images before augmentation (Table 2)."""
PAPER_COPIES = {"Normal/Mild": 2146, "Moderate": 2148, "Severe": 2164}
"""Images after augmentation (Table 3)."""
PAPER_SCORES = {"Moderate": (0.95, 0.88, 0.91), "Normal/Mild": (0.85, 0.82, 0.84), "Severe": (0.87, 0.97, 0.92)}
"""Precision, recall and F1 (Table 4)."""
PAPER_ACCURACY = 0.89
PAPER_EPOCHS = 16
PAPER_TIME = "about two hours"

# --- Where it is silent ------------------------------------------------------------------------

TEST_SHARE = 0.4
"""Of the rarest class's images, where that is fewer than `TEST_IMAGES`; each class gives the same number."""
VALIDATION_SHARE = 0.15
"""Of what the test set leaves of each class; originals, weighed so that the classes count alike."""
BATCH = 32
"""Keras's default."""
CHOICES = (
    "One image a level: the slice nearest to the centre of its cluster. Of every slice there would be some 40 a study; "
    "the 2,753 images of the paper's Table 2, with the canal's prevalences, are 5 for each of some 550 studies.",
    "All axial series of a study are clustered together.",
    "Grey values from the slice's minimum to its maximum become 0 to 255; images that are not square are squeezed.",
    f"Validation: {VALIDATION_SHARE:.0%} of what the test set leaves of each class, set apart before augmentation, not "
    "augmented, and weighed so that the classes count alike.",
    f"Batches of {BATCH}; Adam with Keras's defaults; dropout of .25 after each convolution block; batch "
    "normalisation's running means span half an epoch, as Keras's default does of the paper's epochs.",
    f"Test images: {TEST_IMAGES} a class, but at most {TEST_SHARE:.0%} of the rarest class.",
)
"""In words, for the report."""


def folder_of(label: str) -> str:
    """Name of a class's folder: Normal_Mild, Moderate, Severe."""
    return label.replace("/", "_")
