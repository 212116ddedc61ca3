-- The globals that scripts find, and the walls around them.
--
-- Called once, with the functions that Rust lends (`host`) and the standard library's globals. Returns the table of
-- globals for scripts, and the table behind it (where KEYS and ARGV are put). Where `host.library` is given, the
-- interpreter is for libraries of functions, and a function is returned that puts other globals there for the time in
-- which a library is loaded.
--
-- A table that scripts may read and not change is shown to them as an empty one in front of it, with `__index`. What
-- would see the difference (`pairs`, `next`, `rawget` ...) is replaced by functions that look behind.

local host, std = ...

local error, type, tostring, next, rawset = std.error, std.type, std.tostring, std.next, std.rawset
local setmetatable, getmetatable = std.setmetatable, std.getmetatable
local READONLY = 'Attempt to modify a readonly table'

-- What stands behind a front.
local behind = host.walls

local function refuse_change()
  error(READONLY, 2)
end

-- A front of `real` that cannot be changed.
local function protect(real)
  local front = setmetatable({}, { __index = real, __newindex = refuse_change })
  behind[front] = real
  return front
end

local globals = {
  _VERSION = std._VERSION, assert = std.assert, collectgarbage = std.collectgarbage, error = error,
  gcinfo = std.gcinfo, ipairs = std.ipairs, next = host.next, pairs = host.pairs, pcall = host.pcall,
  rawequal = std.rawequal, rawget = host.rawget, rawset = host.rawset, select = std.select,
  setmetatable = host.setmetatable, tonumber = std.tonumber, tostring = tostring, type = type, unpack = host.unpack,
  xpcall = host.xpcall,
}
local front

function globals.getmetatable(t)
  if t == front then
    return behind.globals
  elseif behind[t] then
    return nil
  end
  local meta = getmetatable(t)
  if type(t) == 'string' then
    return behind.strings
  end
  return meta
end

-- Byte code is not taken: nothing checks it, and it could do anything to the process. It begins with an escape.
function globals.loadstring(text, name)
  if type(text) == 'string' and std.string.byte(text) == 27 then
    return nil, std.string.format('[string "%s"]:1: unexpected symbol near \'char(27)\'',
      std.string.gsub(std.string.sub(text, 1, 5), '%z.*', ''))
  end
  return std.loadstring(text, name)
end

function globals.load(pieces, name)
  if type(pieces) ~= 'function' then
    return std.load(pieces, name)
  end
  local is_first = true
  return std.load(function()
    local piece = pieces()
    if is_first and type(piece) == 'string' and piece ~= '' then
      is_first = false
      if std.string.byte(piece) == 27 then
        error("unexpected symbol near 'char(27)'", 0)
      end
    end
    return piece
  end, name)
end

-- The numbers come from a generator of the server's own.
local math = {}
for name, f in next, std.math do
  math[name] = f
end
math.random = host.random
math.randomseed = host.randomseed

for name, library in next, host.libraries do
  globals[name] = protect(library)
end

globals.redis = protect(host.redis)
globals.server = globals.redis
globals.math = protect(math)
globals.table = protect(host.table)
globals.coroutine = protect(std.coroutine)
globals.os = protect({ clock = std.os.clock })
globals.string = protect(std.string)
behind.strings = protect({ __index = globals.string })

-- What Lua 5.1 has kept from before, if the configuration asks for it. Functions of C and those of this file have the
-- standard globals around them, which no script may have.
if host.is_deprecated_there then
  local function level(f)
    return type(f) == 'number' and f > 0 and f + 2 or f
  end
  function globals.getfenv(f)
    local around = std.getfenv(level(f == nil and 1 or f))
    if around == std then
      return front
    end
    return around
  end
  function globals.setfenv(f, around)
    local at = level(f)
    if f == 0 or std.getfenv(at) == std then
      error("'setfenv' cannot change environment of given object", 2)
    end
    local changed = std.setfenv(at, around)
    return changed
  end
  globals.newproxy = std.newproxy
end

local of_globals = {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
}
setmetatable(globals, of_globals)
front = protect(globals)
behind.globals = protect(of_globals)
rawset(globals, '_G', front)

if host.library == nil then
  rawset(globals, '__redis__err__handler', host.handle)
  return front, globals
end

-- While a library is loaded, its globals are `redis`, with what registers functions, and nothing else.
local few = { redis = protect(setmetatable(host.library, of_globals)) }
few.server = few.redis
setmetatable(few, of_globals)
local wall = getmetatable(front)

return front, globals, function(is_loading)
  local now = is_loading and few or globals
  wall.__index, behind[front] = now, now
end
