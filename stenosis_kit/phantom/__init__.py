"""A synthetic lumbar MRI cohort in the competition's layout, for tests, rehearsals and pretraining.

It holds no pixel, row or constant of any real patient. `phantom` makes one; because it knows the severity behind
every label, it also writes the best answer that any grader could give.

In comes a seed, out goes a competition root: `cohort` has `make` make each study of an `Order` (`study`): what is in
the body (`anatomy`), with `faults`; its slices (`imaging`); what readers would say (`readers`); the files (`files`).
"""

from stenosis_kit.phantom.cohort import phantom

__all__ = ["phantom"]
