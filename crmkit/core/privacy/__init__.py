"""What is kept about people: which data those are, how long they stay, and how they are handed out and erased."""
