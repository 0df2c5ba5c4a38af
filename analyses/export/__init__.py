"""Results as JSON numbers and as the compact encoding that pages carry."""
