"""Which versions wrote an artifact, and whether theirs are proven to answer alike here."""
