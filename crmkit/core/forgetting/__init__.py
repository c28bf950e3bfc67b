"""What is done is forgotten after a while: runs of automations, jobs, what the outbox announced, and answers."""
