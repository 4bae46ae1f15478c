"""What every room may use: errors, files, downloads, the console, provenance."""
