-- Who takes part, and how far a day is. All instants here are the database's own: members' clocks may differ.
-- Of PostgreSQL nothing is needed but tables, partitions and row locks: no extension, trigger, advisory lock or LISTEN.
-- What a stolen host can write here is bound: a day that is none, as 'infinity', would keep each reader of days from reading.

-- Collectors whose shippers write here. A row an incarnation: a spool that is lost, and with it what it had counted, makes a new one.
CREATE TABLE collector(
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (octet_length(name) <= 1024),                     -- the option ship_as of its shipper
  incarnation uuid NOT NULL UNIQUE,
  first_day date NOT NULL CHECK (first_day BETWEEN '1970-01-01' AND '9998-12-31'), -- the first day that it is waited for
  retired date,                                 -- from that day on it is not
  since timestamptz NOT NULL DEFAULT now(),     -- when it came
  seen timestamptz NOT NULL DEFAULT now());

-- open: counts are added. closed: nothing is added any more. Whether it is composed stands in `composing`.
CREATE TABLE day(
  day date PRIMARY KEY CHECK (day BETWEEN '1970-01-01' AND '9998-12-31'),
  made boolean NOT NULL DEFAULT false,          -- its partitions of answers, reports and deliveries are there
  counts boolean NOT NULL DEFAULT false,        -- and those that shippers write to, one a shard
  wanted timestamptz NOT NULL DEFAULT now(),    -- since when; who may write it may lock the row (see docs/fleet.md, rights)
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  over timestamptz,                             -- when a reporter first saw that it has ended, by its clock: deadlines begin here
  closed_at timestamptz,
  missing text[] NOT NULL DEFAULT '{}');        -- collectors that were not done with it

-- How far a collector is with a day: written by its shipper, and by the closing.
CREATE TABLE shipment(
  day date NOT NULL REFERENCES day ON DELETE CASCADE,
  collector int NOT NULL REFERENCES collector,
  batch bigint NOT NULL DEFAULT 0,              -- the last that came; the shipper knows how many it sent
  rows bigint NOT NULL DEFAULT 0,
  sessions bigint NOT NULL DEFAULT 0,           -- the sum over its policies of what came
  shipped timestamptz NOT NULL DEFAULT now(),
  done boolean NOT NULL DEFAULT false,          -- the collector has closed the day, and all of it is here
  closed boolean NOT NULL DEFAULT false,        -- the day is closed: what comes now is late
  late_sessions bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (day, collector)) WITH (fillfactor = 50);

-- How long a reporter counts as alive without a word of it: one row, and all go by it. Tests shorten it.
CREATE TABLE lease(length interval NOT NULL);
INSERT INTO lease VALUES ('30 seconds');

-- Reporters. An id is never used again, and with `process` it is the fencing token: a database that lost its newest rows in a
-- failover may give a number twice.
CREATE TABLE member(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  process text NOT NULL,                        -- which process of which boot: whether it has died is seen on its own host
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  until timestamptz NOT NULL,                   -- the end of its lease
  fenced boolean NOT NULL DEFAULT false) WITH (fillfactor = 50);

-- Whoever owns a shard composes its domains of each closed day, and delivers what its queues have. A shard of nobody, or of a
-- member that is fenced, is free.
CREATE TABLE shard(
  shard smallint PRIMARY KEY,
  owner bigint REFERENCES member) WITH (fillfactor = 50);
INSERT INTO shard(shard) SELECT generate_series(0, 63);
