"""The same work as a good developer would write it with SQLAlchemy's ``text()``: plain SQL in, plain rows out."""
