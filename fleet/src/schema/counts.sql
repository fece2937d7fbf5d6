-- What collectors have counted, as their shippers tell it.

-- The texts, once a day, under 128 bits of their hash.
CREATE TABLE key(
  day date NOT NULL, shard smallint NOT NULL,   -- the shard of the domain
  key uuid NOT NULL,
  domain text COLLATE "C" NOT NULL,
  record text COLLATE "C" NOT NULL,             -- the domain's record, as the MTA saw it
  policy text COLLATE "C" NOT NULL,
  failure text COLLATE "C",                     -- NULL: the policy's sessions
  PRIMARY KEY (day, shard, key)) PARTITION BY RANGE (day);

-- Append only, without an index. A row says how many there are so far: the largest of a collector and key counts, so a row that
-- comes twice changes nothing.
CREATE TABLE count(
  total bigint NOT NULL CHECK (total >= 0),     -- sessions of the policy; of a failure, the sessions that had it
  failed bigint NOT NULL CHECK (failed >= 0),   -- sessions of the policy that failed; of a failure 0
  day date NOT NULL, collector int NOT NULL, shard smallint NOT NULL, key uuid NOT NULL) PARTITION BY RANGE (day);
