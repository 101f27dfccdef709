-- Owned by the webhooks service: deliveries kept here while the broker is out.
CREATE SCHEMA intake;

CREATE TABLE intake.spool (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane        text NOT NULL,
    record      bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
