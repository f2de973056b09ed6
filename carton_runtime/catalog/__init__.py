"""Which runners this machine has, and which of them serves a carton."""
