"""Price and carbon tables that ship with Swath: dated data files with their sources."""
