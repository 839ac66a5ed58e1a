-- Does in Neovim what a user does, and writes what was seen as JSON lines.
local dvm = require("dvm")
local python, folder = vim.env.TEST_PYTHON, vim.env.TEST_FOLDER
local patience = 60000

local function tell(name, value)
  io.stdout:write(vim.fn.json_encode({ name, value }) .. "\n")
end

local said = {}
vim.notify = function(text)
  table.insert(said, text)
end

local function until_said(pattern)
  local found
  local ok = vim.wait(patience, function()
    for index, text in ipairs(said) do
      if text:find(pattern) then
        found = table.remove(said, index)
        return true
      end
    end
    return false
  end, 5)
  assert(ok, "nothing said like " .. pattern .. "; but: " .. vim.inspect(said))
  return found
end

local function await(command, argument)
  local answer
  dvm.execute(command, argument, function(err, result)
    answer = { err = err, result = result }
  end)
  assert(vim.wait(patience, function() return answer ~= nil end, 5), command .. " was not answered")
  return answer
end

local changes = {}
vim.cmd("cd " .. folder)
dvm.setup({
  cmd = { python, "-m", "dvm_server" },
  runtime = "mock",
  image = "mock:latest",
  on_change = function(change)
    table.insert(changes, change.cause)
  end,
})
tell("statusline before", dvm.statusline())
vim.cmd("DvmStart")
tell("started", until_said("is running"))
assert(vim.wait(patience, function() return dvm.statusline():find("running") ~= nil end, 5))
tell("statusline", dvm.statusline())
tell("changes", changes)
vim.cmd("DvmExec echo in the workspace; exit 3")
tell("exit code", until_said("exit code"))
tell("output", vim.api.nvim_buf_get_lines(0, 0, -1, false))
vim.cmd("bwipeout!")
vim.cmd("DvmLogs")
vim.cmd("DvmRuntime")
tell("runtime", until_said("Mock"))
vim.cmd("DvmList")
vim.cmd("DvmStatus")
until_said("is running")
vim.cmd("DvmStop")
tell("stopped", until_said("is exited"))
assert(vim.wait(patience, function() return dvm.statusline():find("exited") ~= nil end, 5))
vim.cmd("DvmRestart")
until_said("is running")
tell("plan", await("dvm.workspace.attach").result.args)
vim.cmd("DvmRemove")
tell("refused", until_said("cannot be removed"))
vim.cmd("DvmRemove!")
tell("removed", until_said("is removed"))
assert(vim.wait(patience, function() return dvm.statusline() == "" end, 5))
tell("nothing", dvm.current() == nil)
vim.cmd("DvmStop")
tell("error", until_said("has no workspace"))
vim.cmd("cd " .. vim.env.HOME)
local question
vim.fn.confirm = function(text)
  question = text
  return 1
end
vim.cmd("DvmStart")
until_said("is running")
tell("question", question)
vim.cmd("DvmRemove!")
until_said("is removed")
vim.cmd("cd " .. folder)
vim.cmd("DvmDoctor")
local pid = vim.fn.getpid()
tell("pid", pid)
dvm.stop_server()
assert(vim.wait(patience, function() return #vim.lsp.get_active_clients() == 0 end, 5))
tell("end", true)
vim.cmd("qall!")
