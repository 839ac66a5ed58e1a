--- Container workspaces in Neovim (0.7 or newer), with dvm-server.
---
---     require("dvm").setup({ image = "debian:12" })
---     vim.o.statusline = "%f %{v:lua.require'dvm'.statusline()}"
---
--- One server serves the whole editor; the first command starts it.

local M = {}

local defaults = {
  cmd = { "dvm-server" }, -- the command of the server
  runtime = nil, -- the runtime, as for `dvm --runtime`; nil for the first one that answers
  image = nil, -- the image for folders without a Dockerfile
  on_change = nil, -- called with {workspace, cause, time} after each change of a workspace
}

local config = vim.deepcopy(defaults)
local client_id = nil
local connecting = nil -- callbacks that wait for the response to initialize
local current = nil -- the workspace of the current folder
local runtime = nil -- the last dvm/runtimeChanged

local function notify(text, level)
  vim.notify("DVM: " .. text, level or vim.log.levels.INFO)
end

local function fail(err)
  local hint = err.data and err.data.hint or ""
  local text = err.message or vim.inspect(err)
  if hint ~= "" and not text:find(hint, 1, true) then
    text = text .. " " .. hint
  end
  notify(text, vim.log.levels.ERROR)
end

local function client()
  return client_id and vim.lsp.get_client_by_id(client_id) or nil
end

local function send(the_client, command, argument, done)
  local params = { command = command, arguments = argument and { argument } or nil }
  local function handler(err, result)
    if done then
      done(err, result)
    elseif err then
      fail(err)
    end
  end
  if vim.fn.has("nvim-0.11") == 1 then
    the_client:request("workspace/executeCommand", params, handler)
  else
    the_client.request("workspace/executeCommand", params, handler, 0)
  end
end

--- Update the status of the current folder's workspace; does not ask the engine.
local function refresh()
  local running = client()
  if not running then
    return
  end
  send(running, "dvm.workspace.status", { folder = vim.fn.getcwd() }, function(err, result)
    current = not err and result or nil
    vim.cmd("redrawstatus!")
  end)
end

local handlers = {
  ["dvm/workspaceChanged"] = function(_, params)
    refresh()
    if config.on_change then
      config.on_change(params)
    end
  end,
  ["dvm/runtimeChanged"] = function(_, params)
    runtime = params
    refresh()
  end,
  ["dvm/logs"] = function(_, params)
    vim.api.nvim_echo({ { params.text } }, true, {})
  end,
}

local function connected(running)
  local waiting = connecting or {}
  connecting = nil
  for _, callback in ipairs(waiting) do
    callback(running)
  end
  refresh()
end

local function start(callback)
  local running = client()
  if connecting then
    table.insert(connecting, callback)
    return
  end
  if running then
    callback(running)
    return
  end
  connecting = { callback }
  local options = {
    name = "dvm",
    cmd = config.cmd,
    root_dir = vim.fn.getcwd(),
    init_options = { runtime = config.runtime, image = config.image },
    handlers = handlers,
    on_init = connected,
    on_exit = function(code)
      client_id, current, runtime, connecting = nil, nil, nil, nil
      if code ~= 0 then
        vim.schedule(function()
          notify("dvm-server ended with code " .. code, vim.log.levels.WARN)
        end)
      end
    end,
  }
  if next(options.init_options) == nil then
    options.init_options = nil
  end
  if vim.fn.has("nvim-0.11") == 1 then
    client_id = vim.lsp.start(options, { attach = false })
  else
    client_id = vim.lsp.start_client(options)
  end
  if not client_id then
    connecting = nil
    notify("cannot start " .. table.concat(config.cmd, " ") .. "; install it with `pip install dvm-server`", vim.log.levels.ERROR)
  end
end

--- Run a command of the server, as in `execute("dvm.workspace.stop", { workspace = "dev" }, print)`.
--- Without a workspace or folder in the argument, the command is about the workspace of the current folder.
--- @param command string
--- @param argument table|nil
--- @param done function|nil called with the error or nil, and the result; without it errors are shown
function M.execute(command, argument, done)
  start(function(running)
    send(running, command, argument, done)
  end)
end

local function here(name)
  if name and name ~= "" then
    return { workspace = name }
  end
  return { folder = vim.fn.getcwd() }
end

local function with_result(command, argument, show)
  M.execute(command, argument, function(err, result)
    if err then
      fail(err)
    else
      show(result)
    end
  end)
end

--- What people call a workspace; its container may have a longer name.
local function title(workspace)
  return workspace.workspace ~= "" and workspace.workspace or workspace.name
end

--- Start a workspace; ask before the home folder is mounted, which the server refuses by default.
local function start_workspace(argument, show)
  M.execute("dvm.workspace.start", argument, function(err, result)
    local data = err and err.data or {}
    if not err then
      show(result)
    elseif argument.allowHome or not (data.hint or ""):find("allowHome", 1, true) then
      fail(err)
    elseif vim.fn.confirm(data.message .. ".\nMount it?", "&Mount\n&Cancel", 2) == 1 then
      start_workspace(vim.tbl_extend("force", argument, { allowHome = true }), show)
    end
  end)
end

local function show_status(workspace)
  notify(title(workspace) .. " is " .. workspace.status)
end

--- Open a shell in a workspace, by default that of the current folder, in a terminal buffer.
function M.terminal(name)
  with_result("dvm.workspace.attach", here(name), function(plan)
    vim.cmd("new")
    local argv = vim.list_extend({ plan.program }, plan.args)
    local env = next(plan.env) ~= nil and plan.env or nil
    vim.fn.termopen(argv, { env = env, cwd = plan.cwd })
    vim.cmd("startinsert")
  end)
end

--- For a statusline: the workspace of the current folder and its state; empty when there is none.
function M.statusline()
  if runtime and runtime.state == "unavailable" then
    return "DVM: no engine"
  end
  if not current or current.status == "not_found" then
    return ""
  end
  return "DVM: " .. title(current) .. " " .. current.status
end

--- The last status of the current folder's workspace; nil when there is none.
function M.current()
  return current and current.status ~= "not_found" and current or nil
end

--- End the server. Workspaces stay as they are.
function M.stop_server()
  local running = client()
  if running then
    vim.lsp.stop_client(client_id)
  end
end

local function lines_in_a_buffer(text, name)
  vim.cmd("new")
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = "nofile", "wipe", false
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(text, "\n"))
  pcall(vim.api.nvim_buf_set_name, 0, name)
end

local commands = {
  DvmStart = function(opts)
    start_workspace(here(opts.args), show_status)
  end,
  DvmStop = function(opts)
    with_result("dvm.workspace.stop", here(opts.args), show_status)
  end,
  DvmRestart = function(opts)
    with_result("dvm.workspace.restart", here(opts.args), show_status)
  end,
  DvmRemove = function(opts)
    local argument = here(opts.args)
    argument.force = opts.bang
    with_result("dvm.workspace.remove", argument, function(workspace)
      notify(title(workspace) .. " is removed")
    end)
  end,
  DvmStatus = function(opts)
    with_result("dvm.workspace.status", here(opts.args), show_status)
  end,
  DvmTerminal = function(opts)
    M.terminal(opts.args)
  end,
  DvmExec = function(opts)
    local argument = here()
    argument.command = { "sh", "-c", opts.args }
    with_result("dvm.workspace.exec", argument, function(result)
      if result.encoding ~= "utf-8" then
        notify("the output is not text; exit code " .. result.exitCode)
        return
      end
      lines_in_a_buffer(result.stdout .. result.stderr, "dvm://" .. opts.args)
      if result.exitCode ~= 0 then
        notify("exit code " .. result.exitCode, vim.log.levels.WARN)
      end
    end)
  end,
  DvmLogs = function(opts)
    local argument = here(opts.args)
    argument.tail = 1000
    with_result("dvm.workspace.logs", argument, function(result)
      lines_in_a_buffer(result.text, "dvm://logs")
    end)
  end,
  DvmList = function()
    with_result("dvm.workspace.list", nil, function(workspaces)
      local lines = {}
      for _, one in ipairs(workspaces) do
        table.insert(lines, ("%-40s %-10s %s"):format(one.name, one.status, one.image))
      end
      print(#lines > 0 and table.concat(lines, "\n") or "no workspaces")
    end)
  end,
  DvmRuntime = function(opts)
    local command = opts.args == "" and "dvm.runtime.info" or "dvm.runtime.select"
    local argument = opts.args ~= "" and { runtime = opts.args } or nil
    with_result(command, argument, function(info)
      notify(info.platformName .. " " .. info.version)
    end)
  end,
  DvmDoctor = function()
    with_result("dvm.doctor", nil, function(report)
      lines_in_a_buffer(vim.inspect(report), "dvm://doctor")
    end)
  end,
}

--- Set options and create the commands; the first of them starts the server.
function M.setup(options)
  config = vim.tbl_deep_extend("force", vim.deepcopy(defaults), options or {})
  for name, run in pairs(commands) do
    local bang, nargs = name == "DvmRemove", name == "DvmExec" and "+" or "?"
    vim.api.nvim_create_user_command(name, run, { nargs = nargs, bang = bang })
  end
  local group = vim.api.nvim_create_augroup("dvm", { clear = true })
  vim.api.nvim_create_autocmd("DirChanged", { group = group, callback = refresh })
end

return M
