-- Another bio for one of the users in BENCH_USERS with every request.
local users = {}
for user in os.getenv("BENCH_USERS"):gmatch("[^,]+") do users[#users + 1] = user end
local n = 0
function init() math.randomseed(os.time()); n = math.random(1, 1000000) end
function request()
  n = n + 1
  return wrk.format("PATCH", "/api/users/" .. users[n % #users + 1] .. "/bio", { ["content-type"] = "application/json" },
    string.format('{"new_bio":"Builds bridges, number %d."}', n))
end
