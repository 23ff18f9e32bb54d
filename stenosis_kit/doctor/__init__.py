"""doctor: what is wrong or odd about a data folder, before any work."""

from stenosis_kit.doctor.command import doctor

__all__ = ["doctor"]
