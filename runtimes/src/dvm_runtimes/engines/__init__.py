"""One folder an engine, over the interface of `dvm_runtimes.engines.base`."""
