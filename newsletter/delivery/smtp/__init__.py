"""SMTP as a client speaks it: the handshake, then the dialogue of one connection."""
