"""Configuration: the settings of one CRM as values, and reading them from ``crm.toml`` and the environment."""
