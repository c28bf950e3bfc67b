"""The plugins that crmkit ships. They keep every rule that a stranger's plugin keeps."""
