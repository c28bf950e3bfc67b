"""The company that is measured: two plugins, people in a tree of teams, and records by the hundred thousand."""
