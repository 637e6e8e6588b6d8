/**
 * Which replicas hold a user lies as one field, ids with a blank between them, in the user's `inbox`: a message is to
 * find it by the same read as its epoch (to read all sockets took a fifth of the script). Whatever changes the sockets
 * writes it in the same step. It is missing where an inbox expired under a socket; then the sockets are asked.
 */
export const HOLDERS = `
local function listed(sockets)
  local replicas, seen = {}, {}
  local records = redis.call('HVALS', sockets)
  for i = 1, #records do
    local replica = string.match(records[i], '^[^|]+')
    if not seen[replica] then
      seen[replica] = true
      replicas[#replicas + 1] = replica
    end
  end
  return table.concat(replicas, ' ')
end
local function hold(inbox, sockets)
  local holders = listed(sockets)
  redis.call('HSET', inbox, 'holders', holders)
  return holders
end
`;

/** An inbox that was evicted or expired under a socket: it is known again that its user was here, and it expires again. */
export const REVIVE = `
local function revive(inbox, numbering)
  redis.call('HSETNX', inbox, 'on', '1')
  redis.call('EXPIRE', inbox, numbering, 'NX')
end
`;

/** Publishes `frame` to each of the holders but `self`. */
export const FORWARD = `
local function forward(holders, self, channel, frame)
  for replica in string.gmatch(holders, '%S+') do
    if replica ~= self then redis.call('PUBLISH', channel .. replica, frame) end
  end
end
`;
