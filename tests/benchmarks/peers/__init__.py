"""What a user of a peer would write; each file needs its peer, torch and transformers, and nothing of this project."""
