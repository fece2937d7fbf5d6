-- What is fetched and composed.

-- How far a shard of a day is.
CREATE TABLE compose(
  day date NOT NULL REFERENCES day ON DELETE CASCADE, shard smallint NOT NULL,
  folded boolean NOT NULL DEFAULT false,        -- its shipped counts stand in answer
  done boolean NOT NULL DEFAULT false,          -- each of its domains is decided
  PRIMARY KEY (day, shard)) WITH (fillfactor = 50);

-- What is known of a domain's day, as a row of reportdata of the SQLite engine: an answer of a fetcher, or the shipped counts
-- of all collectors together, under the command 'shipped'.
CREATE TABLE answer(
  day date NOT NULL, shard smallint NOT NULL,
  domain text COLLATE "C" NOT NULL,
  command text COLLATE "C" NOT NULL,
  job int NOT NULL,                             -- 0: shipped
  state text NOT NULL,
  data text,
  reason text,
  PRIMARY KEY (day, shard, domain, command)) PARTITION BY RANGE (day);
