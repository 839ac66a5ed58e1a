"""Files of the user: configuration, active context, and locks between processes."""
