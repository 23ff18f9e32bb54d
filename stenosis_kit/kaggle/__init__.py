"""Shipping to Kaggle: where a kernel's inputs are, what it runs, and what is uploaded."""
