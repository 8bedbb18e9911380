"""The page of evidence: a bounded slice of every proof, run as its own command, written into one HTML file."""
