"""Fields that are kept encrypted: keys, sealed values, and the index that finds them by equality."""
