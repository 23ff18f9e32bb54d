"""How well a small network tells synthetic crops from real ones: an area under the ROC curve of .5 would be perfect.

    PYTHONPATH=tests python -m campaigns.apart --crops FOLDER --share open --store STORE --json F

FOLDER holds <view>_<share>.npz of real crops as `crops.given_crops` describes them, STORE is what `stenosis-kit format`
made of a synthetic cohort. The network sees the part of the middle slice that the view's grader sees. It is taught with
half of the studies of either kind, and asked about the others.

Writes {view: {"area", "real", "synthetic"}}: the area, and the number of crops of either kind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from campaigns.arguments import crops_parser
from sklearn.metrics import roc_auc_score

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.given_crops import GivenCrops, read_given
from stenosis_kit.crops.store import Store, open_store
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import GRADERS, Grader

_EPOCHS, _BATCH, _FILTERS = 6, 64, (8, 16, 32)
_MOST = 3000  # crops of either kind


def area(real: np.ndarray, synthetic: np.ndarray, real_study: np.ndarray, synthetic_study: np.ndarray) -> float:
    """The area under the ROC curve on studies that were not learnt from.

    Args:
        real, synthetic: (n, px, px, 1) images in [0, 1].
        real_study, synthetic_study: (n,) ids.
    """
    import keras

    keras.utils.set_random_seed(0)
    images, truth = np.concatenate([real, synthetic]), np.repeat([1.0, 0.0], [len(real), len(synthetic)])
    learn = np.concatenate([_half(real_study), _half(synthetic_study)])
    layers: list[keras.layers.Layer] = [keras.Input(images.shape[1:])]
    for filters in _FILTERS:
        layers += [keras.layers.Conv2D(filters, 3, 2, "same", activation="relu"), keras.layers.BatchNormalization()]
    network = keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1)])
    network.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit(images[learn], truth[learn], _BATCH, _EPOCHS, verbose=0)
    return float(roc_auc_score(truth[~learn], network.predict(images[~learn], verbose=0)[:, 0]))


def _half(study: np.ndarray) -> np.ndarray:
    """(n,) whether a crop's study is of the half that is learnt from."""
    studies = np.random.default_rng(0).permutation(np.unique(study))
    return np.isin(study, studies[: len(studies) // 2])


def seen(crops: np.ndarray, grader: Grader) -> np.ndarray:
    """(n, px, px, 1) in [0, 1]: what a grader sees of the middle slices of (n, px, px, slices) crops."""
    from stenosis_kit.graders.augmentation import central_parts

    view = VIEW_BY_NAME[grader.view]
    middle = crops[..., view.slices // 2, None]
    return central_parts(middle, view, [grader.mm], grader.px).numpy()


def measure(one: GivenCrops, store: Store) -> dict:
    """The figures of a view."""
    grader = next(grader for grader in GRADERS if grader.view == one.view.name)
    rows = store.manifest.filter(view=one.view.name).sort("row")["study_id"].to_numpy()
    rng = np.random.default_rng(0)
    real, synthetic = (np.sort(rng.permutation(n)[:_MOST]) for n in (len(one.study), len(rows)))
    found = area(
        seen(one.crops[real], grader),
        seen(store.arrays[one.view.name][synthetic], grader),
        one.study[real],
        rows[synthetic],
    )
    return {"area": round(found, 4), "real": len(real), "synthetic": len(synthetic)}


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, measures, prints and writes; 2 where the input is no good."""
    parser = crops_parser("campaigns.apart", __doc__.split("\n")[0])
    parser.add_argument("--store", type=Path, required=True, help="crops of a synthetic cohort")
    args = parser.parse_args(arguments)
    try:
        store = open_store(args.store)
        cells = read_given(args.crops, args.share, set(store.arrays))
    except InputError as error:
        print(f"campaigns.apart: {error}", file=sys.stderr)
        return 2
    load_tensorflow()
    figures = {one.view.name: measure(one, store) for one in cells}
    write_json(args.json, figures)
    print(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
