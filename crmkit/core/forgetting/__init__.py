"""What is done is forgotten after a while: runs of automations, jobs, the outbox, answers, files that pass."""
