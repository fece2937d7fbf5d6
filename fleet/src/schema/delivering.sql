-- Reports and deliveries. A row is changed by the owner of its shard alone; where several members add to the same, each has a row.

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
  json text,                                    -- until the last of its deliveries has ended; if it was never sent, while it is kept
  gzip bytea,                                   -- as it was sent, while it is kept
  PRIMARY KEY (day, r_id),
  UNIQUE (day, domain, uniqid, mx)) PARTITION BY RANGE (day);

CREATE TABLE delivery(
  day date NOT NULL, r_id bigint NOT NULL,
  uri_hash uuid NOT NULL,                       -- text_hash(uri): a uri may be longer than an index allows
  shard smallint NOT NULL,                      -- of mail: of the domain; of https: of the host, so that one member has a host's queue
  uri text NOT NULL, origin text NOT NULL, queue text NOT NULL,
  due timestamptz NOT NULL,                     -- once it has ended, when
  first timestamptz, dated timestamptz,
  started timestamptz, by bigint,               -- in hand, and whose
  failures int NOT NULL DEFAULT 0,
  status text,                                  -- how it ended
  reason text,
  PRIMARY KEY (day, r_id, uri_hash)) PARTITION BY RANGE (day);
-- Whether a row is in hand stands in no index: so it may change without any.
CREATE INDEX delivery_open ON delivery(shard, r_id) WHERE status IS NULL;
CREATE INDEX delivery_unsent ON delivery(status, r_id) WHERE status <> 'sent';

-- Reports whose last delivery has ended and whose contents stand in report.gzip or report.json, in the order of their ends.
CREATE TABLE kept(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  r_id bigint NOT NULL UNIQUE, day date NOT NULL,
  bytes bigint NOT NULL);

-- Destinations (text_hash of the uri) that have taken a report, and a day on which they did.
CREATE TABLE arrived(uri_hash uuid PRIMARY KEY, day date NOT NULL);

-- Report mails that went out, for the loop guard. A row without a domain counts all of its day; one with a domain, a space and
-- a MX host, the reports on that host that were mailed to that domain.
CREATE TABLE mails(
  day date NOT NULL, domain text COLLATE "C" NOT NULL,
  member bigint NOT NULL,                       -- the one that sent them: readers add
  mails bigint NOT NULL,
  reported date, failed boolean,                -- the newest day that they reported on, and whether that had failures
  PRIMARY KEY (day, domain, member));

-- What gets no reports: on which domain ('' on any), by whom ('operator' or 'refusals'), since when, the last day (NULL for
-- ever), why, and the number of the suspension.
CREATE TABLE suppressed(
  target_hash uuid NOT NULL,                    -- text_hash(target)
  domain text COLLATE "C" NOT NULL,
  target text NOT NULL, until date, reason text, since date NOT NULL, by text NOT NULL, times bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (target_hash, domain));

-- Destinations that refuse reports on a domain: on how many days since the last that they took, and how often they were
-- suspended. `taken` is NULL where the receiver itself refuses; where mails come back, the day of the first one since the last
-- bounce, and '' before it.
CREATE TABLE refusal(
  target_hash uuid NOT NULL, domain text COLLATE "C" NOT NULL,
  target text NOT NULL, days bigint NOT NULL, last date NOT NULL, times bigint NOT NULL, taken text,
  PRIMARY KEY (target_hash, domain));

-- What the operator asks for by a row. Of a resend `r_id` is its report, as long as that has this day and domain. `first`,
-- `dated` and `started` are those of a delivery; `due` is NULL for at once.
CREATE TABLE request(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  shard smallint NOT NULL,                      -- as of a delivery
  kind text NOT NULL, day date, domain text, r_id bigint,
  destination text NOT NULL, origin text NOT NULL,
  asked timestamptz NOT NULL, asker text NOT NULL,
  state text NOT NULL, answer text, failures int NOT NULL DEFAULT 0, seconds double precision,
  due timestamptz, first timestamptz, dated timestamptz,
  started timestamptz, by bigint,
  ended timestamptz);
CREATE INDEX request_open ON request(id) WHERE ended IS NULL;

-- What came back, once for each mail and kind. `applied`: when; NULL while it waits. `day`, `r_id` and `destination` are those
-- of the delivery that it was about, if that was known.
CREATE TABLE bounce(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tag text NOT NULL, kind text NOT NULL, blame text NOT NULL, text text NOT NULL, came timestamptz NOT NULL,
  applied timestamptz, result text, day date, r_id bigint, destination text,
  UNIQUE (tag, kind));
CREATE INDEX bounce_open ON bounce(id) WHERE applied IS NULL;
CREATE INDEX bounce_of_report ON bounce(r_id) WHERE r_id IS NOT NULL;

-- What changes when something has changed that members read again then. Whoever changes it adds to its row in the same
-- transaction, by chance how much; 0 is the operator's programs.
CREATE TABLE version(
  subject text NOT NULL, member bigint NOT NULL, number bigint NOT NULL,
  PRIMARY KEY (subject, member));
