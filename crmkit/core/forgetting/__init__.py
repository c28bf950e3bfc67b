"""What is done is forgotten after a while: runs of automations, jobs, and what the outbox announced."""
