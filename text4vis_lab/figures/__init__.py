"""Every figure of the notebooks and the book, in one style."""
