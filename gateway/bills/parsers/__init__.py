"""Each wallet's bill, from the bytes as they came to lines. Pure."""
