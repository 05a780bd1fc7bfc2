"""Data files of the grid room, and how they were made."""
