"""The rules of a workspace, each once, over any `dvm_runtimes.engines.base.Engine`."""
