"""Files of the user who runs DVM: configuration, active context, and locks between processes."""
