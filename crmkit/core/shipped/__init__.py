"""What plugins ship and administrators edit: both forms are kept, and an upgrade is merged three-way."""
