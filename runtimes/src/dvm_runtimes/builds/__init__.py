"""What every builder reads the same way: Dockerfiles and ``.dockerignore``."""
