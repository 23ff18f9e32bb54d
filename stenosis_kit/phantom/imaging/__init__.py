"""From a spine to slices: where they lie, what is painted on them, and what the scanner adds."""
