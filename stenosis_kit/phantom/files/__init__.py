"""What is written: DICOM files, damage to them, and the cohort's tables."""
