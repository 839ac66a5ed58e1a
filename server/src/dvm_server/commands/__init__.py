"""The commands of ``workspace/executeCommand``: one table (`table`), one file of plain functions a subject."""

COMMAND_IDS = (
    "dvm.platform.list",
    "dvm.runtime.info",
    "dvm.runtime.select",
    "dvm.image.build",
    "dvm.workspace.start",
    "dvm.workspace.stop",
    "dvm.workspace.restart",
    "dvm.workspace.remove",
    "dvm.workspace.stopAll",
    "dvm.workspace.list",
    "dvm.workspace.status",
    "dvm.workspace.find",
    "dvm.workspace.exec",
    "dvm.workspace.logs",
    "dvm.workspace.attach",
    "dvm.folder.identity",
    "dvm.context.get",
    "dvm.context.set",
    "dvm.doctor",
)
"""The keys of `table.COMMANDS`, apart from it: ``initialize`` is answered before the functions are loaded."""
