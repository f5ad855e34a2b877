"""Opening what a file, a folder or a script holds, and what a browser lists."""
