"""Where each level is, in a study that has no labels."""
