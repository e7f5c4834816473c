-- The sandbox bank. Amounts are minor units; moments are microseconds since 1970, UTC.
BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS invoices (
    invoice_id   TEXT PRIMARY KEY,
    key          TEXT NOT NULL UNIQUE,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    currency     TEXT NOT NULL,
    hold         INTEGER NOT NULL,
    payment_hash TEXT,
    expires_at   INTEGER NOT NULL,
    status       TEXT NOT NULL
        CHECK (status IN ('open', 'pending', 'held', 'settled', 'cancelled', 'expired')),
    received     INTEGER NOT NULL,
    held         INTEGER NOT NULL CHECK ((held > 0) = (status = 'held')),
    returned     INTEGER NOT NULL,
    hold_until   INTEGER,
    hold_height  INTEGER,
    forgotten    INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS invoices_by_status ON invoices (status);

-- Money that goes back to the payer, or went back for a while. The key is that of the application.
CREATE TABLE IF NOT EXISTS reversals (
    number      INTEGER PRIMARY KEY,
    reversal_id TEXT NOT NULL UNIQUE,
    invoice_id  TEXT NOT NULL,
    key         TEXT UNIQUE,
    amount      INTEGER NOT NULL CHECK (amount > 0),
    kind        TEXT NOT NULL CHECK (kind IN ('refund', 'dispute')),
    status      TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed'))
) STRICT;

CREATE INDEX IF NOT EXISTS reversals_by_invoice ON reversals (invoice_id);

-- One row: what is true of the bank as a whole.
CREATE TABLE IF NOT EXISTS world (
    one                      INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    height                   INTEGER NOT NULL DEFAULT 800000,
    outage                   INTEGER NOT NULL DEFAULT 0,
    updates_mode             TEXT NOT NULL DEFAULT 'normal'
        CHECK (updates_mode IN ('normal', 'duplicate', 'reversed', 'late')),
    hint_before_open_returns INTEGER NOT NULL DEFAULT 0,
    slow_refunds             INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT OR IGNORE INTO world DEFAULT VALUES;

CREATE TABLE IF NOT EXISTS faults (
    number    INTEGER PRIMARY KEY,
    operation TEXT NOT NULL
        CHECK (operation IN ('open', 'lookup', 'capture', 'cancel', 'refund', 'updates', 'pay_out',
            'lookup_payment', 'holdings')),
    kind      TEXT NOT NULL
        CHECK (kind IN ('decline', 'refuse', 'time_out_before', 'time_out_after', 'raise')
            OR kind = 'pretend' AND operation IN ('capture', 'cancel', 'pay_out')),
    times     INTEGER NOT NULL CHECK (times >= 0)
) STRICT;

-- What the application asked, and what it was told.
CREATE TABLE IF NOT EXISTS calls (
    number     INTEGER PRIMARY KEY,
    operation  TEXT NOT NULL,
    invoice_id TEXT,
    key        TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    fault      TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS calls_by_invoice ON calls (invoice_id);
CREATE INDEX IF NOT EXISTS calls_by_key ON calls (key);

-- What was paid out.
CREATE TABLE IF NOT EXISTS payments (
    payment_id  TEXT PRIMARY KEY,
    key         TEXT NOT NULL,
    destination TEXT NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount > 0),
    currency    TEXT NOT NULL,
    fee_max     INTEGER NOT NULL CHECK (fee_max >= 0),
    status      TEXT NOT NULL CHECK (status IN ('in_flight', 'paid_out', 'failed')),
    fee         INTEGER NOT NULL CHECK (fee >= 0),
    failure     TEXT CHECK ((failure IS NOT NULL) = (status = 'failed')),
    forgotten   INTEGER NOT NULL
) STRICT;

-- What becomes of the next payments.
CREATE TABLE IF NOT EXISTS fates (
    number INTEGER PRIMARY KEY,
    fate   TEXT NOT NULL CHECK (fate IN ('stuck', 'unreachable', 'refused', 'overcharged')),
    times  INTEGER NOT NULL CHECK (times >= 0)
) STRICT;

-- One row: what a payment costs, and how long the receiver of an invoice may take.
CREATE TABLE IF NOT EXISTS paying (
    one         INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    route_fee   INTEGER NOT NULL DEFAULT 0 CHECK (route_fee >= 0),
    time_lock_s INTEGER NOT NULL DEFAULT 600 CHECK (time_lock_s >= 0)
) STRICT;

INSERT OR IGNORE INTO paying DEFAULT VALUES;

CREATE TABLE IF NOT EXISTS hints (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    invoice_id TEXT NOT NULL,
    late       INTEGER NOT NULL
) STRICT;

CREATE TRIGGER IF NOT EXISTS hint_on_open AFTER INSERT ON invoices
WHEN (SELECT hint_before_open_returns FROM world)
BEGIN
    INSERT INTO hints (invoice_id, late)
    SELECT new.invoice_id, updates_mode = 'late' FROM world;
END;

CREATE TRIGGER IF NOT EXISTS hint_on_change AFTER UPDATE ON invoices
WHEN old.status <> new.status OR old.received <> new.received
BEGIN
    INSERT INTO hints (invoice_id, late)
    SELECT new.invoice_id, updates_mode = 'late' FROM world;
END;

CREATE TRIGGER IF NOT EXISTS hint_on_reversal AFTER INSERT ON reversals
BEGIN
    INSERT INTO hints (invoice_id, late)
    SELECT new.invoice_id, updates_mode = 'late' FROM world;
END;

CREATE TRIGGER IF NOT EXISTS hint_on_reversal_change AFTER UPDATE ON reversals
WHEN old.status <> new.status
BEGIN
    INSERT INTO hints (invoice_id, late)
    SELECT new.invoice_id, updates_mode = 'late' FROM world;
END;

COMMIT;
