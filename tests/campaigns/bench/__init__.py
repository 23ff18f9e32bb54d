"""`make bench`: how fast the kit is, beside what one would do without it, on this machine.

Everything is measured in fresh processes, in steady state (start-up apart: the difference between two sizes), and
what is compared is measured in turns: A B A B, medians. bench.json holds:

    machine             cores, system, python, and the versions of the libraries that count
    format              for `phantom` and `real` (null where the three real studies are not beside the checkout):
      pydicom_alone, with_codecs (null where the extra is not installed)
        studies_s       studies a second that `format` cuts, all cores
        reader_studies_s  of the notebooks' reader with the same decoders, one process (see notebook.py)
        ratio           of the two
        ratio_to_pydicom_alone  to the reader without the codecs, as public notebooks run it
    matrix_product_gflop_s  of a float32 matrix product, all cores
    training            for each grader's view:
        images_s        images a second that it learns, augmentation included
        plain_images_s  of `model.fit` with Keras defaults on the same network (see training.py)
        ratio           of the two
        gflop_an_image  that the network's layers take for one training step, forward and back
        gflop_s         GFLOP a second that this makes of images_s
        share           of the matrix product's
    predict             seconds a study of `phantom` and `real`, finding levels and all folds' networks included
    memory_gb           of `format`, `train`, `predict`: the most that the process and its workers held (memory.py)
    growth              for `format`, `train` (the first grader's steps) and `predict`:
        studies, seconds  sizes, and what each took with its start-up
        ratio           what a study costs between the last two sizes over that between the first two; 1 is linear
    targets             a list of figure, value, target, met (null where it was not measured)
    seconds             that the bench took, making the phantom apart
"""
