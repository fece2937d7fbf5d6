-- What was done, for as long as it is remembered. A row that several members add to has the member in its key, and readers sum up:
-- nobody waits for another's row. Member 0 is the operator's program.

-- A day's numbers. No row says that nothing is known of the day; a day that was decided has one, even if nobody counted a session.
CREATE TABLE history_day(
  day date NOT NULL, member bigint NOT NULL,
  domains bigint NOT NULL, sessions bigint NOT NULL, failed bigint NOT NULL,
  reports bigint NOT NULL, without bigint NOT NULL, deliveries bigint NOT NULL,
  PRIMARY KEY (day, member)) WITH (fillfactor = 50);

-- A day's parts of one kind. What came back is taken from the deliveries that were sent, maybe another member's: one row may be
-- below 0, the sum is not.
CREATE TABLE history_total(
  day date NOT NULL, kind text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, member bigint NOT NULL,
  number bigint NOT NULL, failed bigint NOT NULL,
  PRIMARY KEY (day, kind, name, member)) WITH (fillfactor = 50);

-- The parts of all days that are remembered no longer: counters of a monitoring system never fall.
CREATE TABLE history_forgotten(
  kind text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
  number bigint NOT NULL, failed bigint NOT NULL,
  PRIMARY KEY (kind, name));

-- What failed, each once, under a number that follows from the texts. `first` and `last`: of the days that have or had a row of it.
CREATE TABLE failure(
  id bigint PRIMARY KEY,
  domain text COLLATE "C" NOT NULL, mx text COLLATE "C" NOT NULL, address text COLLATE "C" NOT NULL,
  policy text COLLATE "C" NOT NULL, result text COLLATE "C" NOT NULL, reason text COLLATE "C" NOT NULL,
  first date NOT NULL, last date NOT NULL);
CREATE INDEX failure_of_domain ON failure(domain, last, first);
CREATE INDEX failure_last ON failure(last);

-- The failures of a day. Number 0 is the rest of its shard's.
CREATE TABLE failing(
  day date NOT NULL, shard smallint NOT NULL,   -- of the domain
  failure bigint NOT NULL, sessions bigint NOT NULL,
  PRIMARY KEY (day, shard, failure)) WITH (fillfactor = 80);
CREATE INDEX failing_on_days ON failing(failure, day);

-- The digests that were made. `status` is NULL while one is to be sent; the texts stay as long.
CREATE TABLE digest(
  last date NOT NULL, days int NOT NULL,
  made timestamptz NOT NULL, due timestamptz NOT NULL,
  status text, failures int NOT NULL DEFAULT 0, reason text,
  subject text, body text, csv text,
  PRIMARY KEY (last, days));
