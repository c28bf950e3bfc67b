"""The one rule language: filters, grants, guards, segments and conditions are all a Rule."""
