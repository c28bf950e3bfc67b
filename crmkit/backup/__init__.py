"""Backups: a whole database in one encrypted file, checked when it is written, read and restored."""
