"""Files that stay for a day: sent to be imported, or made by exports and imports that are jobs."""
