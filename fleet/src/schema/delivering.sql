-- Reports and deliveries.

CREATE SEQUENCE report_id CACHE 100;

-- One a domain and day, and one more for what came late; or the reason why there is none. `r_id` is a number of its own
-- day (see store/postgres/r_id.rs of the reporter), so that whoever knows it finds the partition.
CREATE TABLE report(
  day date NOT NULL, r_id bigint NOT NULL,
  shard smallint NOT NULL,                      -- the shard of the domain
  domain text COLLATE "C" NOT NULL, uniqid bigint NOT NULL,
  mx boolean NOT NULL DEFAULT false,            -- on a MX host, whose sessions are also in the reports on their domains
  created timestamptz NOT NULL,
  sessions bigint, failed bigint,
  jobs text,                                    -- the fetch jobs whose rows are in it
  reason text,                                  -- why there is none
  json text,                                    -- until the last of its deliveries has ended
  gzip bytea,                                   -- as it was sent, while there is room
  PRIMARY KEY (day, r_id),
  UNIQUE (day, domain, uniqid, mx)) PARTITION BY RANGE (day);

CREATE TABLE delivery(
  day date NOT NULL, r_id bigint NOT NULL,
  uri_hash uuid NOT NULL,                       -- of uri, which may be longer than an index allows
  shard smallint NOT NULL,                      -- of mail: of the domain; of https: of the host, so that one member has a host's queue
  uri text NOT NULL, origin text NOT NULL, queue text NOT NULL,
  due timestamptz NOT NULL,
  first timestamptz, dated timestamptz,
  started timestamptz, by bigint,               -- in hand, and whose
  failures int NOT NULL DEFAULT 0,
  status text,                                  -- how it ended
  reason text,
  PRIMARY KEY (day, r_id, uri_hash)) PARTITION BY RANGE (day);
CREATE INDEX delivery_pending ON delivery(shard, queue, due, r_id) WHERE status IS NULL AND started IS NULL;
CREATE INDEX delivery_unsent ON delivery(status, r_id) WHERE status <> 'sent';
