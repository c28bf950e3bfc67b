"""The demo company: forty people who sell pumps, and two years of what they did."""
