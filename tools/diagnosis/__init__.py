"""Rules that derive findings from the doctor's evidence."""
