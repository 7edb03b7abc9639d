-- A new user with every request.
local threads = 0
function setup(thread) threads = threads + 1; thread:set("id", threads) end
function init() math.randomseed(os.time() * 10 + id); run = math.random(1, 2000000000) .. (os.getenv("BENCH_RUN") or ""); n = 0; failed = 0 end
function request()
  n = n + 1
  return wrk.format("POST", "/api/users/", { ["content-type"] = "application/json" },
    string.format('{"username":{"first_name":"John","last_name":"Doe"},"email":"u%d.%s.%d@example.com","language_code":"en"}', id, run, n))
end
