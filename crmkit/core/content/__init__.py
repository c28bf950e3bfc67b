"""What is inside files: kept under its hash, in the file system, and known by its bytes and not by its name."""
