"""Import and export: files in, files out, through the same wall as everything else."""
