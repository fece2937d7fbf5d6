-- What is fetched and composed.

-- One a collector that is asked and day; and, when the day is closed, one a shipper that it waited for.
CREATE TABLE fetch_job(
  day date NOT NULL,
  job int NOT NULL,                             -- from 1; of a shipper -collector.id
  command text NOT NULL,                        -- of a shipper 'shipper:NAME'
  place int NOT NULL,                           -- where its collector stood in the settings at the last look; 0: nowhere
  failures int NOT NULL DEFAULT 0,
  next timestamptz NOT NULL,
  created timestamptz NOT NULL,
  closed timestamptz,                           -- it does not wait any more
  outcome text CHECK (outcome IN ('answered', 'given up', 'too large', 'removed')),
  decided boolean NOT NULL DEFAULT false,       -- its day is
  listed boolean NOT NULL DEFAULT false,        -- sys4's list is complete: only details are missing
  early boolean NOT NULL DEFAULT false,         -- asked by a clock that was ahead: the collector is asked again
  seen bigint,                                  -- additions to the day that it has told of; NULL before its answer, or if it cannot tell
  reason text,                                  -- why the last attempt failed
  PRIMARY KEY (day, job));
-- A decided day has hundreds of others behind it.
CREATE INDEX fetch_job_open ON fetch_job(day) WHERE NOT decided;

-- Days that were decided, however long ago.
CREATE TABLE decided(day date PRIMARY KEY);

-- How far the members are with a day: whoever ends a part of it, or has it composed once more, locks its row. The rows of `day`
-- may be locked by whoever has the password of the shippers; so neither of these tables refers to it.
CREATE TABLE composing(
  day date PRIMARY KEY,
  composed boolean NOT NULL DEFAULT false);     -- each shard is decided and done

-- How far a shard of a day is. A job that is answered later begins it anew.
CREATE TABLE compose(
  day date NOT NULL, shard smallint NOT NULL,
  folded boolean NOT NULL DEFAULT false,        -- its shipped counts stand in answer, and all names are normalized
  decided boolean NOT NULL DEFAULT false,       -- each of its domains is
  done boolean NOT NULL DEFAULT false,          -- each of its MX hosts, too
  PRIMARY KEY (day, shard)) WITH (fillfactor = 50);

-- What is known of a domain's day, as a row of reportdata of the SQLite engine: an answer of a fetcher, or the shipped counts
-- of all collectors together, under the command 'shipped'.
CREATE TABLE answer(
  day date NOT NULL, shard smallint NOT NULL,   -- the shard of the domain in its normalized form
  domain text COLLATE "C" NOT NULL,             -- at most 300 characters of it
  job int NOT NULL,                             -- of fetch_job; 0: shipped
  spelling smallint NOT NULL DEFAULT 0,         -- the same collector had the domain in so many other spellings before
  command text COLLATE "C" NOT NULL,            -- with as many spaces behind it
  state text NOT NULL CHECK (state IN ('listed', 'aside', 'fetched', 'late', 'unusable', 'given up')),
                                                -- aside: as fetched, while another collector is waited for; unusable: its data
                                                -- could not be used; given up: its data is not there, and will not be
  data text,                                    -- empty: its counts are in a report, or have a reason why not
  reason text,
  PRIMARY KEY (day, shard, domain, job, spelling)) PARTITION BY RANGE (day);
CREATE INDEX answer_listed ON answer(day, job, domain) WHERE data IS NULL;

-- When a reporter of the fleet was last at work, by its own clock.
CREATE TABLE clock(one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL);

-- Who is named by the records of others, a day, as each member has counted; member 0 has what was added up when the day was decided.
-- The row without a name says that the day is known.
CREATE TABLE named(
  day date NOT NULL,
  name text COLLATE "C" NOT NULL,
  member bigint NOT NULL,
  domains bigint NOT NULL DEFAULT 0,
  owners bytea NOT NULL DEFAULT '',
  sessions bigint NOT NULL DEFAULT 0,
  deliveries bigint NOT NULL DEFAULT 0,
  left_out bigint NOT NULL DEFAULT 0,
  suspect date,
  PRIMARY KEY (day, name, member));
-- Those of a day that are told: a day may have a million others.
CREATE INDEX named_told ON named(day) WHERE left_out > 0 OR domains >= 20;

-- Sessions at MX hosts, until the host is decided on: as each member has counted. The shard is that of the host.
CREATE TABLE mx_host(
  day date NOT NULL, shard smallint NOT NULL,
  host text COLLATE "C" NOT NULL, member bigint NOT NULL,
  destinations text NOT NULL,                   -- where the report goes, as JSON
  policies bigint NOT NULL DEFAULT 0,           -- that are told apart
  kinds bigint NOT NULL DEFAULT 0,              -- policies and failures together
  told bigint NOT NULL DEFAULT 0,               -- sessions that are told in domains' reports already
  PRIMARY KEY (day, shard, host, member));
CREATE TABLE mx_session(
  day date NOT NULL, shard smallint NOT NULL,
  host text COLLATE "C" NOT NULL, member bigint NOT NULL,
  key uuid NOT NULL,                            -- of both texts, which may be longer than an index allows
  policy text NOT NULL, failure text NOT NULL,  -- the failure '': the policy's sessions
  sessions bigint NOT NULL, failed bigint NOT NULL,
  PRIMARY KEY (day, shard, host, member, key));
