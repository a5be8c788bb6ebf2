"""What must not be lost: the tables, the steps that work is made of, artifacts, the audit log."""
