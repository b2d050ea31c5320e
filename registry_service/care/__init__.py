"""What keeps a registry healthy: checking it whole, collecting garbage, finding damage, backing up, restoring."""
