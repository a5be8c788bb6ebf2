"""Reports, tables and machine formats, written so that no half file is ever left."""
