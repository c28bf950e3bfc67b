"""Fields that administrators add to entities at run time."""
