"""What an analysis will take, told before it runs."""
