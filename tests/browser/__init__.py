"""The book and JupyterLab in a browser."""
