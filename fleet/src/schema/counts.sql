-- What collectors have counted, as their shippers tell it.

-- The texts, once a day, under 128 bits of their hash. A host that was stolen can write here: so no text is longer than a collector
-- can make it (texts.rs), a row stands in the shard of its domain, and a key for its texts alone (hash.rs). The database's
-- encoding is UTF-8.
CREATE TABLE key(
  day date NOT NULL, shard smallint NOT NULL,   -- the shard of the domain
  key uuid NOT NULL,
  domain text COLLATE "C" NOT NULL CHECK (octet_length(domain) <= 253),
  record text COLLATE "C" NOT NULL CHECK (octet_length(record) <= 1048576),  -- the domain's record, as the MTA saw it
  policy text COLLATE "C" NOT NULL CHECK (octet_length(policy) <= 4194304),
  failure text COLLATE "C" CHECK (octet_length(failure) <= 8388608),         -- NULL: the policy's sessions
  CONSTRAINT key_is_of_its_texts CHECK (uuid_send(key) = substr(sha256(
    int8send(octet_length(domain)) || convert_to(domain, 'UTF8') || int8send(octet_length(record)) || convert_to(record, 'UTF8') ||
    int8send(octet_length(policy)) || convert_to(policy, 'UTF8') ||
    coalesce(int8send(octet_length(failure)) || convert_to(failure, 'UTF8'), '')), 1, 16)),
  CONSTRAINT shard_is_of_its_domain CHECK (shard = get_byte(sha256(
    int8send(octet_length(domain)) || convert_to(domain, 'UTF8')), 0) % 64),
  PRIMARY KEY (day, shard, key)) PARTITION BY RANGE (day);

-- Append only, without an index. A row says how many there are so far: the largest of a collector and key counts, so a row that
-- comes twice changes nothing.
CREATE TABLE count(
  total bigint NOT NULL CHECK (total >= 0),     -- sessions of the policy; of a failure, the sessions that had it
  failed bigint NOT NULL CHECK (failed >= 0),   -- sessions of the policy that failed; of a failure 0
  day date NOT NULL, collector int NOT NULL, shard smallint NOT NULL, key uuid NOT NULL) PARTITION BY RANGE (day);
