"""What our side does, and the plain way of doing the same. Each function takes settings and returns the work."""
