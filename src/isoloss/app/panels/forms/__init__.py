"""The fields of the forms: what is shown, chosen and entered."""
