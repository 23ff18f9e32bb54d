"""The report: one self-contained HTML file about a run, made from what the run left in its folder."""
