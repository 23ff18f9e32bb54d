"""What is in the body: severities, the column, the canal behind it, and a patient's looks. Knows no images."""
