"""One file a product. A file here that holds a `PlatformProvider` is a platform; nothing else has to know of it."""
