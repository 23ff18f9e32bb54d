"""doctor: what is wrong or odd about a data folder, before any work.

In: any of a split's tables, and its images. Out: findings with what the kit does about each; counts as JSON.
"""

from stenosis_kit.doctor.command import doctor

__all__ = ["doctor"]
