"""What the core keeps of signing in: by what users are known, and when that ends. Who is who decides crmkit.auth."""
